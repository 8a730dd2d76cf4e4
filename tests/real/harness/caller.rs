//! How does a test send exactly the bytes it means, with no browser's opinion in between?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method};
use url::Url;

use super::authority::Authority;

/// A redirect chain of a sign-in has four legs; more is a loop.
const LEGS: usize = 8;

/// A program that speaks https to `app.localhost`, follows nothing and keeps a session only when told.
pub(crate) struct Caller {
    client: Client,
    origin: String,
    cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Caller {
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
        Self { client, origin: origin.to_owned(), cookies: BTreeMap::new() }
    }

    /// The same program with a session, got as a browser gets it.
    pub(crate) async fn signed_in(mut self, user: &str) -> Self {
        let page = self.follow(Url::parse(&self.origin).unwrap()).await;
        let (login, request) = pending_login(&page);
        let form = [("request", request.as_str()), ("username", user), ("password", user)];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let posted =
            self.client.post(login).header("content-type", "application/x-www-form-urlencoded").body(form);
        let back = posted.send().await.unwrap();
        assert!(back.status().is_redirection(), "the provider refused {user}: {}", back.status());
        let callback = Url::parse(back.headers()[LOCATION].to_str().unwrap()).unwrap();
        self.follow(callback).await;
        assert!(
            self.cookies.contains_key("__Host-foregate"),
            "no session came of it: {:?}",
            self.cookies.keys()
        );
        self
    }

    /// One request with the headers given, in their order, and the cookies of the session if there is one.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.request(method, format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let own = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        if !own && !self.cookies.is_empty() {
            request = request.header(COOKIE, self.cookie_line());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        // A WebSocket that was accepted has no body that ends.
        let switched = status == StatusCode::SWITCHING_PROTOCOLS;
        let body = if switched { String::new() } else { response.text().await.unwrap() };
        Reply { status, headers, body }
    }

    /// Whether anything but Traefik's own "no such route" answers there.
    pub(crate) async fn reaches(&self, path: &str) -> bool {
        let answer = self.client.get(format!("{}{path}", self.origin)).send().await;
        answer.is_ok_and(|answer| answer.status() != StatusCode::NOT_FOUND)
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(Method::GET, path, headers).await
    }

    /// The cookies as a browser would send them.
    pub(crate) fn cookie_line(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// The values of the session's cookies, which nobody but the gateway may ever see.
    pub(crate) fn session_values(&self) -> Vec<&str> {
        let ours = self.cookies.iter().filter(|(name, _)| name.starts_with("__Host-foregate"));
        ours.map(|(_, value)| value.as_str()).collect()
    }

    /// A navigation to its end: where it ended, and the page there.
    async fn follow(&mut self, start: Url) -> (Url, String) {
        let mut url = start;
        for _ in 0..LEGS {
            let reply = self.leg(&url).await;
            let Some(location) = reply.header(LOCATION.as_str()) else {
                return (url, reply.body);
            };
            url = url.join(location).unwrap();
        }
        panic!("a redirect loop, last at {url}");
    }

    /// One leg of a navigation; cookies go to our origin alone.
    async fn leg(&mut self, url: &Url) -> Reply {
        let ours = url.as_str().starts_with(&self.origin);
        let mut request = self.client.get(url.clone()).header(ACCEPT, "text/html");
        if ours && !self.cookies.is_empty() {
            request = request.header(COOKIE, self.cookie_line());
        }
        let response = request.send().await.unwrap();
        let reply = Reply {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        };
        if ours {
            self.keep(&reply.headers);
        }
        reply
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.split(';').any(|attribute| attribute.trim().eq_ignore_ascii_case("max-age=0")) {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Where the provider's form goes, and the request it is for.
fn pending_login((at, html): &(Url, String)) -> (Url, String) {
    let between = |before: &str| {
        let rest =
            html.split_once(before).unwrap_or_else(|| panic!("no {before} in the sign-in page: {html}")).1;
        rest.split_once('"').unwrap().0.to_owned()
    };
    let action = between("action=\"");
    (at.join(&action).unwrap(), between("name=\"request\" value=\""))
}
