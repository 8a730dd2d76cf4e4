//! Absence of secrets in log and metrics, at any log level (threat row 27)

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Browser, DevProvider, KEY, Process, get, get_with, real_time_provider};

const SECRETS: [(&str, &str); 3] = [
    ("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"),
    ("FOREGATE_SESSION__KEYS", KEY),
    ("RUST_LOG", "trace"),
];

/// Faults of the provider at the last step. The error of each concerns a secret value.
const FAULTS: [&str; 6] =
    ["nonce-changed", "signature-corrupted", "exp-past", "aud-changed", "token-error-control", "sub-missing"];

#[tokio::test]
async fn no_secret_is_printed_at_log_level_trace() {
    for format in ["text", "json"] {
        let provider = real_time_provider().await;
        let more = [("log.level", "trace"), ("log.format", format), ("headers.authorization", "true")];
        let process = Process::start(provider.issuer(), &SECRETS, &more).await;
        let base = format!("http://127.0.0.1:{}", process.public);
        let mut secrets = Secrets::default();

        fail_to_sign_in(&provider, &base, &mut secrets).await;
        let mut browser = Browser::new();
        let form = browser.open(&format!("{base}/oauth2/start?rd=/deep")).await;
        secrets.add_values_of(&browser);
        browser.sign_in(&form, "testuser", "testuser").await;
        secrets.add_values_of(&browser);
        let cookie = browser.cookie("foregate").unwrap().to_owned();
        secrets.add_token(&token(&process, &cookie).await);
        misuse(&process, &cookie).await;
        sign_out(&base, &mut browser, &mut secrets).await;
        secrets.add_requests_to(&provider);
        let metrics = get(&format!("http://127.0.0.1:{}/metrics", process.ops)).await.body;

        let log = process.log();
        for event in ["signed in", "sign-in failed", "signed out"] {
            assert!(log.contains(event), "{event}: {log}");
        }
        assert!(secrets.0.len() > 40, "{}", secrets.0.len());
        for secret in &secrets.0 {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
            assert!(!metrics.contains(secret), "{secret} is in the metrics");
        }
    }
}

/// Values that must not occur in the output of the process.
struct Secrets(BTreeSet<String>);

impl Default for Secrets {
    fn default() -> Self {
        Self([KEY, "foregate-secret"].map(str::to_owned).into())
    }
}

impl Secrets {
    fn add(&mut self, secret: &str) {
        assert!(secret.len() >= 15, "too short to search for: {secret}");
        self.0.insert(secret.to_owned());
    }

    /// Adds the cookies of a browser, and codes, states, nonces and challenges in the URLs that it visited.
    fn add_values_of(&mut self, browser: &Browser) {
        for name in browser.cookie_names() {
            self.add(browser.cookie(name).unwrap());
        }
        for url in &browser.visited {
            for (name, value) in url.query_pairs() {
                if matches!(&*name, "code" | "state" | "nonce" | "code_challenge") {
                    self.add(&value);
                }
            }
        }
    }

    fn add_token(&mut self, token: &str) {
        assert_eq!(token.split('.').count(), 3, "{token}");
        for part in token.split('.') {
            self.add(part);
        }
    }

    fn add_requests_to(&mut self, provider: &DevProvider) {
        for request in provider.authorization_requests() {
            for name in ["nonce", "code_challenge", "state"] {
                self.add(&request[name]);
            }
        }
        for request in provider.token_requests() {
            for name in ["code", "code_verifier"] {
                self.add(request.field(name).unwrap());
            }
        }
    }
}

/// Fails sign-ins by each fault of the provider, and by forged and repeated callbacks.
async fn fail_to_sign_in(provider: &DevProvider, base: &str, secrets: &mut Secrets) {
    for fault in FAULTS {
        let mut browser = Browser::new();
        let form = browser.open(&format!("{base}/oauth2/start?rd=/deep")).await;
        secrets.add_values_of(&browser);
        provider.arm_all(&[fault.parse().unwrap()]);
        let page = browser.sign_in(&form, "testuser", "testuser").await;
        provider.release_all();
        assert!(page.status >= 400, "{fault}: {}", page.status);
        secrets.add_values_of(&browser);
        let again = browser.visited.iter().find(|url| url.path() == "/oauth2/callback").unwrap().clone();
        browser.go(again.as_str()).await;
    }
    let mut browser = Browser::new();
    browser.open(&format!("{base}/oauth2/start")).await;
    secrets.add_values_of(&browser);
    let state = provider.authorization_requests().last().unwrap()["state"].clone();
    let made_up = "a-code-that-this-test-made-up";
    secrets.add(made_up);
    for rest in [
        format!("code={made_up}&code={made_up}&state={state}"),
        format!("code={made_up}&state=made-up-{state}"),
        format!("code={made_up}&state={state}&iss={}", provider.issuer()),
        format!("code={made_up}&state={state}&iss=https://evil.test"),
    ] {
        assert!(browser.go(&format!("{base}/oauth2/callback?{rest}")).await.status >= 400, "{rest}");
    }
}

/// Sends requests that contain secrets and are refused for another reason.
async fn misuse(process: &Process, cookie: &str) {
    let base = format!("http://127.0.0.1:{}", process.public);
    for path in ["/oauth2/none", "/", "/oauth2/start?rd=1&rd=2"] {
        let headers = fields(&[
            ("cookie", format!("foregate={cookie}")),
            ("authorization", format!("Bearer {cookie}")),
        ]);
        get_with(&format!("{base}{path}"), headers).await;
    }
    let alias =
        fields(&[("cookie", format!("foregate={cookie}")), ("x_forwarded_id_token", cookie.to_owned())]);
    let answer = get_with(&format!("http://127.0.0.1:{}/check/traefik", process.check), alias).await;
    assert_eq!(answer.status, 400);
    for port in [process.public, process.check] {
        let mut broken = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        broken
            .write_all(format!("GET / HTTP/9.9\r\nCookie: foregate={cookie}\r\n\r\n").as_bytes())
            .await
            .unwrap();
    }
}

/// Signs out through the provider, with the ID token in a URL and the state in a cookie.
async fn sign_out(base: &str, browser: &mut Browser, secrets: &mut Secrets) {
    browser.go(&format!("{base}/oauth2/sign_out")).await;
    let own = fields(&[("origin", base.to_owned()), ("sec-fetch-site", "same-origin".to_owned())]);
    let done = browser.request(Method::POST, &format!("{base}/oauth2/sign_out"), own, None).await;
    assert_eq!(done.status, 303);
    secrets.add_values_of(browser);
    assert_eq!(browser.open(done.location()).await.status, 200);
}

fn fields(pairs: &[(&'static str, String)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

/// Returns the ID token from the headers of a check.
async fn token(process: &Process, cookie: &str) -> String {
    let headers = fields(&[
        ("x-forwarded-method", "GET".to_owned()),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-host", format!("127.0.0.1:{}", process.public)),
        ("x-forwarded-uri", "/".to_owned()),
        ("x-forwarded-for", "192.0.2.1".to_owned()),
        ("cookie", format!("foregate={cookie}")),
    ]);
    let reply = get_with(&format!("http://127.0.0.1:{}/check/traefik", process.check), headers).await;
    assert_eq!(reply.status, 200);
    reply.header("x-forwarded-id-token").unwrap().to_owned()
}
