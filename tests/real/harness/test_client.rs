//! HTTP client that sends exactly the headers of a test
//!
//! 1. A single request has the headers that the test sets and the stored cookies. The client adds no headers of a
//!    browser.
//! 2. Only a navigation follows redirects.
//! 3. Cookies are stored per origin.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::{ACCEPT, COOKIE, LOCATION, ORIGIN};
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder};
use url::Url;

use super::authority::Authority;
use super::form::parse_form;
use super::jar::Jar;

/// Maximum number of requests of a navigation. A sign-in has four; more is a redirect loop.
const MAX_REDIRECTS: usize = 8;

/// A client that sends https requests to `app.localhost`. It has a session only after a sign-in.
#[derive(Clone)]
pub(crate) struct TestClient {
    client: Client,
    origin: String,
    /// Cookies per origin.
    jars: BTreeMap<String, Jar>,
}

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Over plain http, the names of the gateway's cookies have no prefix.
fn without_prefix(name: &str) -> &str {
    name.strip_prefix("__Host-").unwrap_or(name)
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl TestClient {
    pub(crate) fn new(origin: &str, address: SocketAddr, authority: &Authority) -> Self {
        let root = Certificate::from_pem(authority.root_pem().as_bytes()).unwrap();
        let client = Client::builder()
            .tls_certs_only([root])
            .resolve("app.localhost", address)
            .no_proxy()
            .http1_only()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self { client, origin: origin.to_owned(), jars: BTreeMap::new() }
    }

    /// Returns a client for an application over plain http, which the gateway itself serves.
    pub(crate) fn plain(origin: &str) -> Self {
        let builder = Client::builder().no_proxy().http1_only().redirect(Policy::none());
        let client = builder.timeout(Duration::from_secs(20)).build().unwrap();
        Self { client, origin: origin.to_owned(), jars: BTreeMap::new() }
    }

    /// Signs in as a browser does and returns the client with its session.
    pub(crate) async fn signed_in(mut self, user: &str) -> Self {
        let end = self.sign_in(user, user).await;
        assert!(self.has_session(), "the sign-in created no session: {}: {}", end.status, end.body);
        self
    }

    /// Opens the application, submits the provider's form and follows redirects. Returns the last response.
    pub(crate) async fn sign_in(&mut self, user: &str, password: &str) -> Reply {
        let page = self.follow(Url::parse(&self.origin).unwrap()).await;
        self.submit_form(&page, &[("username", user), ("password", password)]).await.1
    }

    /// Presses the button of the gateway's sign-out page. Returns the page that follows.
    pub(crate) async fn sign_out(&mut self) -> (Url, Reply) {
        let page = self.visit("/oauth2/sign_out").await;
        let next = self.submit_form(&page, &[]).await;
        assert!(!self.has_session(), "{next:?}");
        next
    }

    /// Submits the first form of a page with these fields and its hidden ones, and follows redirects. Returns the
    /// final URL and its response.
    pub(crate) async fn submit_form(
        &mut self,
        (at, page): &(Url, Reply),
        fields: &[(&str, &str)],
    ) -> (Url, Reply) {
        let (action, hidden) = parse_form(at, &page.body);
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(hidden)
            .extend_pairs(fields)
            .finish();
        let request = self.client.post(action.clone()).body(form);
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header(ORIGIN, at.origin().ascii_serialization());
        let reply = self.send_navigation(&action, request).await;
        match reply.header(LOCATION.as_str()) {
            Some(location) => self.follow(action.join(location).unwrap()).await,
            None => (action, reply),
        }
    }

    /// Sends one request with `headers` in this order. Adds the stored cookies unless `headers` has a `Cookie`.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send_body(method, path, headers, String::new()).await
    }

    /// Sends one request with a body, like [`Self::send`].
    pub(crate) async fn send_body(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let mut request = self.client.request(method, format!("{}{path}", self.origin));
        if !body.is_empty() {
            request = request.body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let has_cookie_header = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        if !has_cookie_header && !self.cookie_line().is_empty() {
            request = request.header(COOKIE, self.cookie_line());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        // An accepted WebSocket has a body without an end.
        let switched = status == StatusCode::SWITCHING_PROTOCOLS;
        let body = if switched { String::new() } else { response.text().await.unwrap() };
        Reply { status, headers, body }
    }

    /// Returns whether the path gets a response other than 404, which Traefik sends if it has no route.
    pub(crate) async fn reaches(&self, path: &str) -> bool {
        let answer = self.client.get(format!("{}{path}", self.origin)).send().await;
        answer.is_ok_and(|answer| answer.status() != StatusCode::NOT_FOUND)
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(Method::GET, path, headers).await
    }

    /// Returns the `Cookie` header that a browser would send to the application's origin.
    pub(crate) fn cookie_line(&self) -> String {
        self.cookie_line_for(&self.origin)
    }

    fn cookie_line_for(&self, origin: &str) -> String {
        self.jars.get(origin).map(Jar::line).unwrap_or_default()
    }

    /// Returns the values of the session cookies, which only the client and the gateway may receive.
    pub(crate) fn session_values(&self) -> Vec<&str> {
        let all = self.jars.get(&self.origin).into_iter().flat_map(Jar::entries);
        let parts = ["foregate", "foregate-1", "foregate-2", "foregate-3"];
        all.filter(|(name, _)| parts.contains(&without_prefix(name))).map(|(_, value)| value).collect()
    }

    pub(crate) fn has_session(&self) -> bool {
        self.jars
            .get(&self.origin)
            .is_some_and(|jar| jar.entries().any(|(name, _)| without_prefix(name) == "foregate"))
    }

    /// Stores the cookies of a response from the application's origin, as a browser does.
    pub(crate) fn store_cookies(&mut self, reply: &Reply) {
        self.jars.entry(self.origin.clone()).or_default().store(&reply.headers);
    }

    /// Opens a path of the application and follows redirects. Returns the final URL and its response.
    pub(crate) async fn visit(&mut self, path: &str) -> (Url, Reply) {
        let start = Url::parse(&format!("{}{path}", self.origin)).unwrap();
        self.follow(start).await
    }

    /// Opens a URL and follows redirects. Returns the final URL and its response.
    async fn follow(&mut self, start: Url) -> (Url, Reply) {
        let mut url = start;
        for _ in 0..MAX_REDIRECTS {
            let request = self.client.get(url.clone());
            let reply = self.send_navigation(&url, request).await;
            let Some(location) = reply.header(LOCATION.as_str()) else {
                return (url, reply);
            };
            url = url.join(location).unwrap();
        }
        panic!("redirect loop, last URL {url}");
    }

    /// Sends one request of a navigation with the cookies of its origin and stores the cookies of the response.
    async fn send_navigation(&mut self, url: &Url, mut request: RequestBuilder) -> Reply {
        let origin = url.origin().ascii_serialization();
        request = request.header(ACCEPT, "text/html");
        let cookies = self.cookie_line_for(&origin);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        let response = request.send().await.unwrap();
        let reply = Reply {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        };
        self.jars.entry(origin).or_default().store(&reply.headers);
        reply
    }
}
