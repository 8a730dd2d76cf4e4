//! One proxy of the table, with the gateway, the provider and the application behind it

use std::sync::atomic::{AtomicUsize, Ordering};

use dev_provider::{DevProvider, Settings, User};

use crate::harness::{
    ProxyOptions, RawClient, RawReply, ReceivedRequest, Registration, Reserved, Setup, TestClient,
};

/// The identity headers, in lower case.
pub(super) const IDENTITY_HEADERS: [&str; 4] =
    ["x-forwarded-user", "x-forwarded-group", "x-forwarded-email", "x-forwarded-id-token"];

/// A cookie that every request with a session also has.
const APPLICATION_COOKIE: &str = "application=1";

/// A running proxy.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) options: ProxyOptions,
    pub(super) setup: Setup<DevProvider>,
    pub(super) raw: RawClient,
    /// A client with a session of `testuser`.
    pub(super) client: TestClient,
    next_path: AtomicUsize,
}

/// Returns settings of a provider with a user of this name whose groups have about `bytes` bytes.
pub(super) fn with_groups(username: &str, bytes: usize) -> User {
    let groups = (0..bytes / 16).map(|number| format!("group-number-{number:03}"));
    let known = Settings::default().users.into_iter().find(|user| user.username == "testuser").unwrap();
    User {
        username: username.to_owned(),
        password: username.to_owned(),
        subject: format!("subject-of-{username}"),
        groups: std::iter::once("dev".to_owned()).chain(groups).collect(),
        ..known
    }
}

impl Column {
    pub(super) async fn start(title: &'static str, options: ProxyOptions) -> Self {
        let provider = dev_provider::start(Settings::default()).await.unwrap();
        let mut registration = Registration::at(provider.issuer(), "dev");
        "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
        let setup = Setup::with_provider(Reserved::new(), provider, &registration, options).await;
        let client = setup.signed_in_client("testuser").await;
        Self { title, options, raw: setup.raw_client(), setup, client, next_path: AtomicUsize::new(0) }
    }

    /// Sends a request for a path of its own, and returns the response and what arrived.
    pub(super) async fn send(
        &self,
        method: &str,
        client: Option<&TestClient>,
        fields: &[(&str, &str)],
        body: &str,
    ) -> (RawReply, Vec<ReceivedRequest>) {
        let target = format!("/case/{}", self.next_path.fetch_add(1, Ordering::Relaxed));
        let reply = self.send_to(method, &target, client, fields, body).await;
        (reply, self.setup.requests_to(&target))
    }

    /// Sends a request that ends its connection, unless it has a `Connection` field.
    pub(super) async fn send_to(
        &self,
        method: &str,
        target: &str,
        client: Option<&TestClient>,
        fields: &[(&str, &str)],
        body: &str,
    ) -> RawReply {
        self.raw.exchange(self.request(method, target, client, fields, body).as_bytes()).await
    }

    fn request(
        &self,
        method: &str,
        target: &str,
        client: Option<&TestClient>,
        fields: &[(&str, &str)],
        body: &str,
    ) -> String {
        let host = self.setup.origin().trim_start_matches("https://");
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: matrix\r\n");
        for (name, value) in fields {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some(client) = client {
            // Without another cookie, the gateway would have the whole header removed.
            request += &format!("Cookie: {APPLICATION_COOKIE}; {}\r\n", client.cookie_line());
        }
        if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("connection")) {
            request += "Connection: close\r\n";
        }
        format!("{request}\r\n{body}")
    }

    /// Sends a GET with the session of `testuser`, and returns the response, or bytes that are no response. Panics if
    /// a request arrives at the application.
    pub(super) async fn send_in_vain(&self, fields: &[(&str, &str)]) -> Result<RawReply, String> {
        let before = self.setup.all_requests().len();
        let request = self.request("GET", "/case/nonsense", Some(&self.client), fields, "");
        let reply = self.raw.try_exchange(request.as_bytes()).await;
        assert_eq!(self.setup.all_requests().len(), before, "{}: a request passed: {reply:?}", self.title);
        reply
    }

    /// Asserts the rules that hold for every request that the application received.
    pub(super) fn inspect(&self) {
        let secrets = self.client.session_values();
        for received in self.setup.all_requests() {
            for (name, value) in &received.headers {
                let leaked = secrets.iter().any(|secret| value.contains(secret));
                assert!(!leaked, "{}: the session reached the application: {received:?}", self.title);
                let is_unlisted =
                    ["impersonate-extra-", "x-auth-request-"].iter().any(|known| name.starts_with(known));
                let is_documented = is_unlisted && !self.removes_unlisted();
                assert!(!value.contains("evil") || is_documented, "{}: {received:?}", self.title);
            }
            // The requests of the sign-in have no such cookie.
            if received.target.starts_with("/case/") {
                assert_eq!(received.values("cookie"), [APPLICATION_COOKIE], "{}: {received:?}", self.title);
            }
            if received.target.starts_with("/open/") {
                continue;
            }
            for name in IDENTITY_HEADERS {
                assert_eq!(received.values(name).len(), 1, "{}: {name}: {received:?}", self.title);
            }
            assert_eq!(received.value("x-forwarded-user"), "testuser", "{}", self.title);
        }
    }

    /// Returns whether headers that the gateway does not see are removed.
    pub(super) fn removes_unlisted(&self) -> bool {
        self.options.proxy != crate::harness::Proxy::CiliumHttp
    }
}
