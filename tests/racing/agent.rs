//! A user agent: its cookies, and sign-ins by navigation

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, RETRY_AFTER};
use http::{HeaderMap, Method};
use reqwest::{RequestBuilder, Response};
use url::Url;

use crate::harness::form::parse_form;
use crate::harness::jar::Jar;
use crate::random::Random;
use crate::replica::Replica;
use crate::scene::Scene;

/// The path that begins a sign-in and returns to `/work`, at both gateways.
const SIGN_IN_PATH: &str = "/oauth2/start?rd=/work";
/// Requests of one navigation. A sign-in has five.
const MAX_STEPS: usize = 10;
/// How often a sign-in starts again while the gateway answers 503.
const MAX_TRIES: usize = 60;
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// A browser of one user.
pub(crate) struct Agent {
    user: String,
    jars: Mutex<BTreeMap<String, Jar>>,
}

/// A request of a navigation.
struct Request {
    method: Method,
    url: Url,
    form: String,
}

impl Request {
    fn get(url: Url) -> Self {
        Self { method: Method::GET, url, form: String::new() }
    }
}

/// A page at the end of redirects.
struct Page {
    url: Url,
    status: u16,
    headers: HeaderMap,
    body: String,
}

/// The end of a navigation.
enum End {
    /// The browser returned to the application.
    Returned,
    Page(Box<Page>),
    NoAnswer,
}

impl Agent {
    pub(crate) fn new(user: String) -> Self {
        Self { user, jars: Mutex::default() }
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Returns the cookies for an origin, as the value of a header.
    pub(crate) fn cookies(&self, origin: &str) -> String {
        self.jars.lock().unwrap().get(origin).map(Jar::line).unwrap_or_default()
    }

    /// Stores the cookies of a response.
    pub(crate) fn store(&self, origin: &str, headers: &HeaderMap) {
        self.jars.lock().unwrap().entry(origin.to_owned()).or_default().store(headers);
    }

    /// Signs in by navigation. Returns whether the provider asked for the password. The error says what happened
    /// instead of a sign-in.
    pub(crate) async fn sign_in(&self, scene: &Scene, random: &mut Random) -> Result<bool, String> {
        let start = Url::parse(&format!("{}{}", scene.origin, SIGN_IN_PATH)).unwrap();
        let mut prompted = false;
        let mut last = String::new();
        for _ in 0..MAX_TRIES {
            let mut end = self.navigate(scene, random, Request::get(start.clone())).await;
            if let End::Page(page) = &end
                && page.status == 200
                && page.body.contains("type=\"password\"")
            {
                prompted = true;
                end = self.navigate(scene, random, self.fill_in(page)).await;
            }
            last = match end {
                End::Returned => return Ok(prompted),
                End::NoAnswer => "no answer".to_owned(),
                End::Page(page) if page.status == 503 && page.headers.contains_key(RETRY_AFTER) => {
                    format!("503 at {}", page.url)
                }
                End::Page(page) => {
                    let body: String = page.body.chars().filter(|c| !c.is_control()).take(600).collect();
                    return Err(format!("{} at {}: {body}", page.status, page.url));
                }
            };
            tokio::time::sleep(RETRY_DELAY).await;
        }
        Err(format!("no sign-in in {MAX_TRIES} tries, the last ended with {last}"))
    }

    /// Returns the request that submits the form of the provider.
    fn fill_in(&self, page: &Page) -> Request {
        let (url, hidden) = parse_form(&page.url, &page.body);
        let fields = [("username", &self.user), ("password", &self.user)];
        let mut form = form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(hidden).extend_pairs(fields).finish();
        Request { method: Method::POST, url, form }
    }

    /// Sends a request and follows redirects until the browser is back at the application.
    async fn navigate(&self, scene: &Scene, random: &mut Random, request: Request) -> End {
        let mut request = request;
        for _ in 0..MAX_STEPS {
            let origin = request.url.origin().ascii_serialization();
            if origin == scene.origin && request.url.path() == "/work" {
                return End::Returned;
            }
            let Some(response) = self.send(scene, random, &origin, &request).await else {
                return End::NoAnswer;
            };
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            self.store(&origin, &headers);
            let Some(location) = headers.get(LOCATION) else {
                let body = response.text().await.unwrap_or_default();
                return End::Page(Box::new(Page { url: request.url, status, headers, body }));
            };
            request = Request::get(request.url.join(location.to_str().unwrap()).unwrap());
        }
        panic!("redirect loop, last URL {}", request.url);
    }

    /// Sends one request with the cookies of its origin. For the application, the balancer chooses the gateway.
    async fn send(
        &self,
        scene: &Scene,
        random: &mut Random,
        origin: &str,
        request: &Request,
    ) -> Option<Response> {
        if origin != scene.origin {
            return self.build(scene, origin, request, None).send().await.ok();
        }
        for replica in scene.candidates(random) {
            if let Ok(response) = self.build(scene, origin, request, Some(replica)).send().await {
                return Some(response);
            }
            scene.record_no_answer();
        }
        None
    }

    fn build(
        &self,
        scene: &Scene,
        origin: &str,
        request: &Request,
        replica: Option<&Replica>,
    ) -> RequestBuilder {
        let Request { method, url, form } = request;
        let mut address = url.clone();
        let mut host = None;
        if let Some(replica) = replica {
            address = Url::parse(&format!("http://{}", replica.addresses.public)).unwrap();
            address.set_path(url.path());
            address.set_query(url.query());
            host = Some(scene.host.as_str());
        }
        let mut built = scene.client.request(method.clone(), address).header(ACCEPT, "text/html");
        built = built.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        if let Some(host) = host {
            built = built.header(HOST, host);
        }
        if *method == Method::POST {
            built = built.header(CONTENT_TYPE, "application/x-www-form-urlencoded").header(ORIGIN, origin);
            built = built.body(form.clone());
        }
        let cookies = self.cookies(origin);
        if cookies.is_empty() { built } else { built.header(COOKIE, cookies) }
    }

    /// Presses the button of the sign-out page. Returns whether the gateway confirmed it. The cookies of the response
    /// are not stored, so the agent afterwards is like someone with a copy of them.
    pub(crate) async fn sign_out(&self, scene: &Scene, random: &mut Random) -> bool {
        let url = Url::parse(&format!("{}/oauth2/sign_out", scene.origin)).unwrap();
        let request = Request { method: Method::POST, url, form: String::new() };
        let response = self.send(scene, random, &scene.origin, &request).await;
        response.is_some_and(|response| matches!(response.status().as_u16(), 200 | 302 | 303))
    }
}
