//! How does a test send exactly the bytes it means, with no browser's opinion in between?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder};
use url::Url;

use super::authority::Authority;

/// A redirect chain of a sign-in has four legs; more is a loop.
const LEGS: usize = 8;

type Jar = BTreeMap<String, Cookie>;

#[derive(Clone)]
struct Cookie {
    value: String,
    /// `None` where it lasts as long as the program.
    ends_at: Option<Instant>,
}

impl Cookie {
    fn lasts(&self) -> bool {
        self.ends_at.is_none_or(|ends_at| Instant::now() < ends_at)
    }
}

/// A program that speaks https to `app.localhost`, follows nothing and keeps a session only when told.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    origin: String,
    /// Per origin, and no attribute honoured but `Max-Age`: Keycloak's cookies are `Secure` on http too, which a browser
    /// overlooks on loopback and a client library does not.
    jars: BTreeMap<String, Jar>,
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
        Self { client, origin: origin.to_owned(), jars: BTreeMap::new() }
    }

    /// The same program with a session, got as a browser gets it.
    pub(crate) async fn signed_in(mut self, user: &str) -> Self {
        let end = self.sign_in(user, user).await;
        assert!(self.has_session(), "no session came of it, but {}: {}", end.status, end.body);
        self
    }

    /// Goes to the application, fills in the provider's form, and follows to the end: what is there.
    pub(crate) async fn sign_in(&mut self, user: &str, password: &str) -> Reply {
        let (at, page) = self.follow(Url::parse(&self.origin).unwrap()).await;
        let (action, fields) = login_form(&at, &page.body);
        self.submit(action, &fields, user, password).await
    }

    async fn submit(
        &mut self,
        action: Url,
        hidden: &[(String, String)],
        user: &str,
        password: &str,
    ) -> Reply {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(hidden)
            .extend_pairs([("username", user), ("password", password)])
            .finish();
        let request = self.client.post(action.clone()).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let back = self.exchange(&action, request).await;
        match back.header(LOCATION.as_str()) {
            Some(location) => self.follow(action.join(location).unwrap()).await.1,
            None => back,
        }
    }

    /// One request with the headers given, in their order, and the cookies of the session if there is one.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.request(method, format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let own = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        if !own && !self.cookie_line().is_empty() {
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

    /// The cookies of the application's origin as a browser would send them.
    pub(crate) fn cookie_line(&self) -> String {
        self.line_for(&self.origin)
    }

    fn line_for(&self, origin: &str) -> String {
        let pairs = self.jars.get(origin).into_iter().flatten().filter(|(_, cookie)| cookie.lasts());
        pairs.map(|(name, cookie)| format!("{name}={}", cookie.value)).collect::<Vec<_>>().join("; ")
    }

    /// The values of the session's cookies, which nobody but the gateway may ever see.
    pub(crate) fn session_values(&self) -> Vec<&str> {
        let all = self.jars.get(&self.origin).into_iter().flatten();
        let parts = ["__Host-foregate", "__Host-foregate-1", "__Host-foregate-2", "__Host-foregate-3"];
        let ours = all.filter(|(name, _)| parts.contains(&name.as_str()));
        ours.map(|(_, cookie)| cookie.value.as_str()).collect()
    }

    pub(crate) fn has_session(&self) -> bool {
        self.jars.get(&self.origin).is_some_and(|jar| jar.contains_key("__Host-foregate"))
    }

    /// Takes the cookies of an answer of the application's origin, as a browser does.
    pub(crate) fn keep_cookies(&mut self, reply: &Reply) {
        keep(self.jars.entry(self.origin.clone()).or_default(), &reply.headers);
    }

    /// A navigation of the application's to its end: what is there.
    pub(crate) async fn visit(&mut self, path: &str) -> (Url, Reply) {
        let start = Url::parse(&format!("{}{path}", self.origin)).unwrap();
        self.follow(start).await
    }

    /// A navigation to its end: where it ended, and what is there.
    async fn follow(&mut self, start: Url) -> (Url, Reply) {
        let mut url = start;
        for _ in 0..LEGS {
            let request = self.client.get(url.clone());
            let reply = self.exchange(&url, request).await;
            let Some(location) = reply.header(LOCATION.as_str()) else {
                return (url, reply);
            };
            url = url.join(location).unwrap();
        }
        panic!("a redirect loop, last at {url}");
    }

    /// One leg of a navigation; cookies go to the origin they came from.
    async fn exchange(&mut self, url: &Url, mut request: RequestBuilder) -> Reply {
        let origin = url.origin().ascii_serialization();
        request = request.header(ACCEPT, "text/html");
        let cookies = self.line_for(&origin);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        let response = request.send().await.unwrap();
        let reply = Reply {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        };
        keep(self.jars.entry(origin).or_default(), &reply.headers);
        reply
    }
}

fn keep(jar: &mut Jar, headers: &HeaderMap) {
    for line in headers.get_all(SET_COOKIE) {
        let line = line.to_str().unwrap();
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap();
        let mut attributes = attributes.split(';').filter_map(|attribute| attribute.trim().split_once('='));
        let age = attributes.find(|(attribute, _)| attribute.eq_ignore_ascii_case("max-age"));
        let age = age.map(|(_, seconds)| Duration::from_secs(seconds.parse().unwrap()));
        if age == Some(Duration::ZERO) {
            jar.remove(name);
        } else {
            let ends_at = age.map(|age| Instant::now() + age);
            jar.insert(name.to_owned(), Cookie { value: value.to_owned(), ends_at });
        }
    }
}

/// Where the form of a provider goes, and what it says besides name and password.
fn login_form(at: &Url, html: &str) -> (Url, Vec<(String, String)>) {
    let action = attribute(html, "<form", "action").unwrap_or_else(|| panic!("no form at {at}: {html}"));
    let inputs =
        html.split("<input").skip(1).map(|input| input.split_once('>').map_or(input, |(tag, _)| tag));
    let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
    let fields =
        hidden.filter_map(|input| Some((attribute(input, "", "name")?, attribute(input, "", "value")?)));
    (at.join(&action).unwrap(), fields.collect())
}

/// The value of the first attribute of that name behind `after`.
fn attribute(html: &str, after: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(after)?;
    let (_, rest) = rest.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.replace("&amp;", "&"))
}
