//! The gateway as the proxy of an application, configured as an operator does
//!
//! 1. The configuration file is the unmodified output of `foregate template --for NAME`, or there is none.
//! 2. The command line sets only what belongs to the machine: addresses, issuer, client, keys and policy.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::Value;
use url::Url;

use crate::harness::{
    Echo, Gateway, PollingTabs, Program, ReceivedRequest, Reply, Scratch, TestClient, foregate,
    free_addresses,
};

/// The lifetime of tokens in tests that refresh them, in seconds. With a shorter one, a loaded machine could be too
/// slow to renew a token before it expires.
pub(crate) const SHORT: u64 = 10;
/// The lifetime of tokens in the other tests, in seconds.
pub(crate) const LONG: u64 = 3600;

/// What `foregate check --online` prints of the provider if the only warning is that the test uses plain http.
pub(crate) const FITS: &str = "The configuration is valid, and the provider fits it, except for the warnings.\n\
                               The client ID and the secret were not tested: only a sign-in tests them.";

/// Interval between two polls of one script.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Time limit of the renewals that a test waits for. Each is due after less than [`SHORT`].
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(180);
const RENEWED: &str = "foregate_refreshes_total{outcome=\"renewed\"}";

/// The final URL of a navigation and its response.
pub(crate) type Page = (Url, Reply);

/// A running provider with the client `foregate` and the user `testuser`.
pub(crate) trait Provider {
    fn issuer(&self) -> &str;

    /// Fills in the provider's pages, beginning with its sign-in page. Returns the page after them.
    async fn sign_in(&self, client: &mut TestClient, page: Page) -> Page;
}

/// Starts a provider's program and waits until its discovery document can be fetched.
pub(crate) async fn start_provider(
    name: &'static str,
    command: &mut Command,
    issuer: &str,
    scratch: &Scratch,
) -> Program {
    let mut program = Program::start(name, command, scratch);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let answers = async || client.get(&discovery).send().await.ok()?.error_for_status().ok();
    program.wait_until("it answered", answers).await;
    program
}

/// The reserved addresses of a [`Site`]. The provider needs the origin before the gateway starts.
pub(crate) struct Place {
    addresses: [SocketAddr; 4],
    pub(crate) origin: String,
    pub(crate) scratch: Scratch,
}

impl Place {
    pub(crate) fn new() -> Self {
        let addresses = free_addresses();
        Self { addresses, origin: format!("http://{}", addresses[0]), scratch: Scratch::new() }
    }

    /// Starts the gateway with the template for the provider `name`. `more` are settings of the machine.
    pub(crate) async fn open_with_template<P: Provider>(
        self,
        provider: P,
        name: &str,
        more: &[&str],
    ) -> Site<P> {
        let printed = foregate().args(["template", "--for", name]).output().unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let file = self.scratch.write("foregate.toml", &String::from_utf8(printed.stdout).unwrap());
        // The templates name files for both secrets.
        let secret = self.scratch.write("client-secret", "foregate-secret");
        let mut arguments = vec!["--config".to_owned(), file.display().to_string()];
        set(&mut arguments, &format!("provider.client_secret_file={}", secret.display()));
        self.open(provider, arguments, more).await
    }

    /// Starts the gateway without a configuration file. `more` are settings of the test.
    pub(crate) async fn open_with_defaults<P: Provider>(self, provider: P, more: &[&str]) -> Site<P> {
        let mut arguments = Vec::new();
        set(&mut arguments, "provider.client_secret=foregate-secret");
        self.open(provider, arguments, more).await
    }

    async fn open<P: Provider>(self, provider: P, mut arguments: Vec<String>, more: &[&str]) -> Site<P> {
        let Self { addresses, origin, scratch } = self;
        let [public, check, _, ops] = addresses;
        let echo = Echo::start().await;
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).unwrap();
        let keys = scratch.write("session-keys", &URL_SAFE_NO_PAD.encode_to_string(key));
        for setting in [
            format!("public.urls={origin}"),
            format!("public.listen={public}"),
            format!("check.listen={check}"),
            format!("ops.listen={ops}"),
            format!("provider.issuer={}", provider.issuer()),
            "provider.client_id=foregate".to_owned(),
            format!("session.keys_file={}", keys.display()),
            format!("upstream.url=http://{}", echo.address()),
        ] {
            set(&mut arguments, &setting);
        }
        for setting in more {
            set(&mut arguments, setting);
        }
        let gateway = Gateway::start_with(addresses, arguments.clone(), &scratch).await;
        Site { gateway, provider, echo, origin, arguments, _scratch: scratch }
    }
}

fn set(arguments: &mut Vec<String>, setting: &str) {
    arguments.extend(["--set".to_owned(), setting.to_owned()]);
}

/// The servers of one test.
pub(crate) struct Site<P> {
    pub(crate) gateway: Gateway,
    pub(crate) provider: P,
    echo: Echo,
    pub(crate) origin: String,
    arguments: Vec<String>,
    _scratch: Scratch,
}

/// The identity headers that the application received. A header without a value is empty.
#[derive(Debug, PartialEq)]
pub(crate) struct Identity<'i> {
    pub(crate) user: &'i str,
    /// The groups with commas between them.
    pub(crate) groups: &'i str,
    pub(crate) email: &'i str,
}

impl<P: Provider> Site<P> {
    /// Returns what `foregate check --online` prints of the provider, except the warning that the test uses plain http.
    pub(crate) fn check_online(&self) -> String {
        let output = foregate().args(["check", "--online"]).args(&self.arguments).output().unwrap();
        let lines = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let of_store = |line: &str| line.starts_with("session.store = ") || line.starts_with("  ");
        let lines = lines.lines().filter(|line| !line.contains("is plain http") && !of_store(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Opens the application without a session. Returns the client and the provider's sign-in page.
    pub(crate) async fn open_sign_in_page(&self) -> (TestClient, Page) {
        let mut client = TestClient::plain(&self.origin);
        let page = client.visit("/").await;
        (client, page)
    }

    /// Signs the user in. Returns the client and the last page, which is the application's if the sign-in succeeded.
    pub(crate) async fn sign_in(&self) -> (TestClient, Page) {
        let (mut client, page) = self.open_sign_in_page().await;
        let end = self.provider.sign_in(&mut client, page).await;
        (client, end)
    }

    /// Signs the user in, and returns the client with its session.
    pub(crate) async fn signed_in_client(&self) -> TestClient {
        let (client, (at, page)) = self.sign_in().await;
        assert!(
            client.has_session(),
            "no session at {at}: {} {}\n{}",
            page.status,
            page.body,
            self.gateway.log()
        );
        assert_eq!(
            (at.as_str(), page.status),
            (&*format!("{}/", self.origin), StatusCode::OK),
            "{}",
            page.body
        );
        client
    }

    /// Sends a request of a script. Returns what the application received, if the gateway forwarded the request.
    async fn received(&self, client: &TestClient) -> ReceivedRequest {
        let forged =
            [("X-Forwarded-User", "mallory"), ("X-Forwarded-Group", "admin"), ("X-Forwarded-Email", "m@e")];
        let reply = client.get("/whoami", &forged).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    /// Asserts that the application receives this identity and the provider's ID token, and nothing of the client's.
    pub(crate) async fn assert_identity(&self, client: &TestClient, expected: &Identity<'_>) {
        let received = self.received(client).await;
        let identity = Identity {
            user: received.value("x-forwarded-user"),
            groups: received.value("x-forwarded-group"),
            email: received.value("x-forwarded-email"),
        };
        assert_eq!(identity, *expected);
        assert_eq!(self.id_token_claims(client).await["iss"], self.provider.issuer());
    }

    /// Returns the claims of the ID token that the application receives.
    pub(crate) async fn id_token_claims(&self, client: &TestClient) -> Value {
        let received = self.received(client).await;
        let claims = received.value("x-forwarded-id-token").split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(claims).unwrap()).unwrap()
    }

    /// Polls as twenty scripts of one page do until the gateway has renewed the tokens `renewals` times, and then until
    /// `done`. Asserts that each poll passed and that no refresh failed.
    pub(crate) async fn poll_through_renewals(
        &mut self,
        user: &str,
        renewals: usize,
        done: impl AsyncFn(&ReceivedRequest) -> bool,
    ) {
        let mut polling = PollingTabs::of(user, self.signed_in_client().await);
        polling.start(POLL_INTERVAL);
        let (gateway, tab) = (&self.gateway, polling.tabs[0].clone());
        let renewed = async || {
            while gateway.count(RENEWED).await < renewals || !done(&self.received(&tab.client()).await).await
            {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let waited = tokio::time::timeout(RENEWAL_TIMEOUT, renewed()).await;
        let results = polling.stop().await;
        println!("{} polls, {} renewals", results.polls, gateway.count(RENEWED).await);
        assert!(waited.is_ok(), "too few renewals\n{}", gateway.log());
        assert!(results.failures.is_empty(), "{:#?}\n{}", results.failures, gateway.log());
        gateway.assert_no_failed_refresh().await;
    }

    /// Presses the button of the gateway's sign-out page. Returns the page that follows.
    pub(crate) async fn sign_out(&self, client: &mut TestClient) -> Page {
        client.sign_out().await
    }

    /// Asserts that a sign-out ended on the gateway's page, and that the provider asks for the password again.
    pub(crate) async fn assert_signed_out(&self, client: &mut TestClient, (at, page): &Page) {
        assert_eq!((at.path(), page.status), ("/oauth2/signed_out", StatusCode::OK), "{at}: {}", page.body);
        let (at, page) = client.visit("/").await;
        assert!(page.body.contains("type=\"password\""), "no sign-in page at {at}: {}", page.body);
    }

    /// Asserts that the user refused the consent: an error page, no session, and the provider's reason in the log.
    pub(crate) async fn assert_denied(&mut self, client: &TestClient, (at, page): &Page) {
        assert_eq!(at.path(), "/oauth2/callback", "{}", page.body);
        assert!(page.status.is_client_error(), "{} {}", page.status, page.body);
        assert!(!client.has_session());
        assert_eq!(self.echo.requests().len(), 0);
        self.gateway.wait_for_log("access_denied").await;
    }

    /// Asserts that the sign-in failed, and that one line of the log says which setting to change. The line has these
    /// names of claims, and no value of a claim.
    pub(crate) async fn assert_log_names_setting(
        &mut self,
        setting: &str,
        expected: &[&str],
        values: &[&str],
    ) {
        let (client, (at, page)) = self.sign_in().await;
        assert_eq!((at.path(), page.status), ("/oauth2/callback", StatusCode::FORBIDDEN), "{}", page.body);
        assert!(page.body.contains("not set up for this sign-in service"), "{}", page.body);
        assert!(!client.has_session());
        let log = self.gateway.wait_for_log(setting).await;
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(setting)).collect();
        let [line] = lines.as_slice() else { panic!("expected one line with {setting}: {log}") };
        for text in expected {
            assert!(line.contains(text), "no {text} in: {line}");
        }
        for text in values {
            assert!(!log.contains(text), "{text} is in the log: {log}");
            assert!(!page.body.contains(text), "{text} is on the page: {}", page.body);
        }
        assert!(line.contains("outcome=\"configuration\""), "another outcome: {line}");
    }
}
