//! A browser: a cookie jar that obeys the rules, redirects followed by hand, forms filled in

use std::net::Ipv4Addr;
use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Url};
use url::form_urlencoded;

use super::gateway::Asked;

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
    /// Every URL that was asked for.
    pub(crate) visited: Vec<Url>,
}

/// What a sign-in leaves for some seconds.
const MARK: &str = "foregate-landed";

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
    let here = (Ipv4Addr::LOCALHOST, 0).into();
    let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let builder = builder.resolve("app.localhost", here).resolve("grafana.localhost", here);
    builder.timeout(Duration::from_secs(60)).build().unwrap()
}

pub(crate) async fn get(url: &str) -> Asked {
    get_with(url, HeaderMap::new()).await
}

pub(crate) async fn get_with(url: &str, headers: HeaderMap) -> Asked {
    let reply = client().get(url).headers(headers).send().await.unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Asked { status, headers, body: reply.text().await.unwrap() }
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self { client: client(), jar: Vec::new(), host: "127.0.0.1".to_owned(), visited: Vec::new() }
    }

    /// One navigation, no redirect followed.
    pub(crate) async fn go(&mut self, url: &str) -> Page {
        self.request(Method::GET, url, HeaderMap::new(), None).await
    }

    /// A navigation with all its redirects.
    pub(crate) async fn open(&mut self, url: &str) -> Page {
        let mut page = self.go(url).await;
        for _ in 0..10 {
            if !matches!(page.status, 302 | 303) {
                return page;
            }
            let next = page.url.join(page.location()).unwrap();
            page = self.go(next.as_str()).await;
        }
        panic!("more than ten redirects, at last to {}", page.url);
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
        headers.extend(self.cookies_for(url.host_str().unwrap()).map(|value| (COOKIE, value)));
        let mut request = self.client.request(method, url.clone()).headers(headers);
        if let Some(form) = form {
            let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        self.keep(url.host_str().unwrap(), &headers);
        Page { url, status, headers, body: reply.text().await.unwrap() }
    }

    /// Fills in the provider's login form that a page shows, and follows where that leads.
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
        panic!("more than ten redirects, at last to {}", page.url);
    }

    /// Keeps the cookies that a proxy hands on from a check.
    pub(crate) fn keep_of(&mut self, headers: &HeaderMap) {
        self.keep(&self.host.clone(), headers);
    }

    fn keep(&mut self, host: &str, headers: &HeaderMap) {
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

    /// What it sends to the gateway.
    pub(crate) fn cookie_header(&self) -> Option<HeaderValue> {
        self.cookies_for(&self.host)
    }

    /// What it sends to another host.
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

    /// Lets the seconds pass in which a new sign-in would look like going round in circles.
    pub(crate) fn wait_a_little(&mut self) {
        self.forget(MARK);
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.jar.retain(|cookie| cookie.name != name);
    }

    /// The names of the cookies, but for the mark of a sign-in, which goes by itself after seconds.
    pub(crate) fn cookie_names(&self) -> Vec<&str> {
        self.jar.iter().map(|cookie| cookie.name.as_str()).filter(|name| *name != MARK).collect()
    }
}

fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}")).1;
    rest.split_once(end).unwrap().0.replace("&amp;", "&")
}
