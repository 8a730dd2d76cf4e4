//! A browser with a cookie jar, redirects and forms

use std::net::Ipv4Addr;
use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Url};
use url::form_urlencoded;

use super::gateway::HttpReply;

/// Cookies ignore ports (RFC 6265 §8.5), as in a real browser on one machine.
struct Cookie {
    host: String,
    name: String,
    value: String,
}

pub(crate) struct Browser {
    client: Client,
    jar: Vec<Cookie>,
    host: String,
    /// Header fields of every request.
    pub(crate) fields: HeaderMap,
    /// Every URL that was requested.
    pub(crate) visited: Vec<Url>,
}

/// The marker cookie of a completed sign-in. It expires after some seconds.
const MARKER_COOKIE: &str = "foregate-landed";

pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        self.headers
            .get(LOCATION)
            .unwrap_or_else(|| panic!("{} {}", self.status, self.body))
            .to_str()
            .unwrap()
    }
}

fn client() -> Client {
    let localhost = (Ipv4Addr::LOCALHOST, 0).into();
    let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let builder = builder.resolve("app.localhost", localhost).resolve("grafana.localhost", localhost);
    builder.timeout(Duration::from_secs(60)).build().unwrap()
}

pub(crate) async fn get(url: &str) -> HttpReply {
    get_with(url, HeaderMap::new()).await
}

pub(crate) async fn get_with(url: &str, headers: HeaderMap) -> HttpReply {
    let reply = client().get(url).headers(headers).send().await.unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    HttpReply { status, headers, body: reply.text().await.unwrap() }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let (jar, fields, visited) = (Vec::new(), HeaderMap::new(), Vec::new());
        Self { client: client(), jar, host: "127.0.0.1".to_owned(), fields, visited }
    }

    /// Navigates to a URL, and follows no redirect.
    pub(crate) async fn go(&mut self, url: &str) -> Page {
        self.request(Method::GET, url, HeaderMap::new(), None).await
    }

    /// Navigates to a URL, and follows all redirects.
    pub(crate) async fn open(&mut self, url: &str) -> Page {
        let mut page = self.go(url).await;
        for _ in 0..10 {
            if !matches!(page.status, 302 | 303) {
                return page;
            }
            let next = page.url.join(page.location()).unwrap();
            page = self.go(next.as_str()).await;
        }
        panic!("more than ten redirects, the last to {}", page.url);
    }

    pub(crate) async fn request(
        &mut self,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        form: Option<&[(&str, &str)]>,
    ) -> Page {
        let url = Url::parse(url).unwrap();
        self.visited.push(url.clone());
        if !headers.contains_key("sec-fetch-mode") {
            headers.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
            headers.insert("sec-fetch-dest", HeaderValue::from_static("document"));
        }
        headers.extend(self.fields.clone());
        headers.extend(self.cookies_for(url.host_str().unwrap()).map(|value| (COOKIE, value)));
        let mut request = self.client.request(method, url.clone()).headers(headers);
        if let Some(form) = form {
            let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        self.store_cookies_of(url.host_str().unwrap(), &headers);
        Page { url, status, headers, body: reply.text().await.unwrap() }
    }

    /// Fills in the provider's login form on a page, and follows all redirects.
    pub(crate) async fn sign_in(&mut self, page: &Page, username: &str, password: &str) -> Page {
        assert!(page.body.contains("id=\"login\""), "not a login form: {} {}", page.status, page.body);
        let action = page.url.join(&between(&page.body, "action=\"", "\"")).unwrap();
        let hidden = page.body.split("type=\"hidden\"").nth(1).unwrap().split('>').next().unwrap();
        let (name, value) = (between(hidden, "name=\"", "\""), between(hidden, "value=\"", "\""));
        let form = [(name.as_str(), value.as_str()), ("username", username), ("password", password)];
        let origin = HeaderMap::from_iter([(
            "origin".parse().unwrap(),
            page.url.origin().ascii_serialization().parse().unwrap(),
        )]);
        let mut page = self.request(Method::POST, action.as_str(), origin, Some(&form)).await;
        for _ in 0..10 {
            if !matches!(page.status, 302 | 303) {
                return page;
            }
            let next = page.url.join(page.location()).unwrap();
            page = self.go(next.as_str()).await;
        }
        panic!("more than ten redirects, the last to {}", page.url);
    }

    /// Stores the cookies that a proxy passes on from a check.
    pub(crate) fn store_cookies(&mut self, headers: &HeaderMap) {
        self.store_cookies_of(&self.host.clone(), headers);
    }

    fn store_cookies_of(&mut self, host: &str, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            assert!(name.len() + value.len() <= 4096, "a browser drops the cookie {name}");
            let domain = line.split("; ").find_map(|attribute| attribute.strip_prefix("Domain="));
            let host = domain.map_or_else(|| host.to_owned(), |domain| format!(".{domain}"));
            self.jar.retain(|cookie| (cookie.host.as_str(), cookie.name.as_str()) != (&*host, name));
            if !line.contains("Max-Age=0") {
                self.jar.push(Cookie { host, name: name.to_owned(), value: value.to_owned() });
            }
        }
    }

    fn cookies_for(&self, host: &str) -> Option<HeaderValue> {
        let pairs: Vec<String> = self
            .jar
            .iter()
            .filter(|cookie| {
                cookie.host == host || (cookie.host.starts_with('.') && host.ends_with(&cookie.host))
            })
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| HeaderValue::from_str(&pairs.join("; ")).unwrap())
    }

    /// Returns the `Cookie` header for the gateway.
    pub(crate) fn cookie_header(&self) -> Option<HeaderValue> {
        self.cookies_for(&self.host)
    }

    /// Returns the `Cookie` header for another host.
    pub(crate) fn cookie_header_of(&self, host: &str) -> Option<HeaderValue> {
        self.cookies_for(host)
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.jar.retain(|cookie| cookie.name != name);
        self.jar.push(Cookie { host: self.host.clone(), name: name.to_owned(), value: value.to_owned() });
    }

    /// Removes the marker of the last sign-in, so that a new sign-in does not look like a redirect loop.
    pub(crate) fn expire_sign_in_marker(&mut self) {
        self.forget(MARKER_COOKIE);
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.jar.retain(|cookie| cookie.name != name);
    }

    /// Returns the names of the cookies, except the marker of a sign-in, which expires after some seconds.
    pub(crate) fn cookie_names(&self) -> Vec<&str> {
        self.jar.iter().map(|cookie| cookie.name.as_str()).filter(|name| *name != MARKER_COOKIE).collect()
    }
}

fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}")).1;
    rest.split_once(end).unwrap().0.replace("&amp;", "&")
}
