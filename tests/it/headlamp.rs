//! Headlamp behind the gateway's own proxy, and the edits for Headlamp in a check

use reqwest::header::{CONNECTION, COOKIE, HeaderMap, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method};

use crate::double::Headlamp;
use crate::harness::{Browser, Gateway, Page, provider};

const SETTINGS: [(&str, &str); 2] = [("headlamp.enabled", "true"), ("headlamp.clusters", "main,north")];

struct Scene {
    headlamp: Headlamp,
    gateway: Gateway,
    browser: Browser,
}

impl Scene {
    async fn start() -> Self {
        let (headlamp, provider) = (Headlamp::start().await, provider().await);
        let url = headlamp.url();
        let settings = [&SETTINGS[..], &[("upstream.url", &*url)]].concat();
        let gateway = Gateway::with(&provider, &settings).await;
        let browser = gateway.signed_in_browser("testuser").await;
        Self { headlamp, gateway, browser }
    }

    async fn send(&mut self, method: Method, path: &str, headers: HeaderMap) -> Page {
        self.browser.request(method, &self.gateway.url(path), headers, None).await
    }

    async fn user(&mut self, method: Method, path: &str) -> Option<String> {
        let page = self.send(method, path, script()).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let answer: serde_json::Value = serde_json::from_str(&page.body).unwrap();
        answer["user"].as_str().map(str::to_owned)
    }
}

/// Header fields of a script of the page.
fn script() -> HeaderMap {
    let fields = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("sec-fetch-site", "same-origin")];
    fields
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect()
}

/// Every route of Headlamp that needs a token.
const ROUTES: [(Method, &str); 10] = [
    (Method::GET, "/clusters/main/api/v1/pods"),
    (Method::GET, "/clusters/main/me"),
    (Method::GET, "/clusters/main/helm/releases/list"),
    (Method::GET, "/clusters/main/serviceproxy/default/web"),
    (Method::POST, "/clusters/main/portforward"),
    (Method::GET, "/clusters/north/api/v1/pods"),
    (Method::POST, "/clusters/north/portforward"),
    (Method::GET, "/wsMultiplexer?main"),
    (Method::GET, "/wsMultiplexer?north"),
    (Method::POST, "/drain-node"),
];

#[tokio::test]
async fn every_route_sees_the_user_of_the_session_despite_a_cookie_of_another_user() {
    let mut scene = Scene::start().await;
    // The token of bob: Headlamp reads the claims, and the API server would verify it.
    let payload =
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(br#"{"preferred_username":"bob","exp":4102444800}"#);
    for name in ["headlamp-auth-main.0", "headlamp-auth-north.0", "headlamp-auth-main.1"] {
        scene.browser.set_cookie(name, &format!("h.{payload}.s"));
    }
    for (method, path) in ROUTES {
        assert_eq!(scene.user(method, path).await.as_deref(), Some("testuser"), "{path}");
    }
}

#[tokio::test]
async fn token_reaches_no_other_path_and_no_other_cluster() {
    let mut scene = Scene::start().await;
    for path in
        ["/", "/c/main/pods", "/config", "/plugins/x.js", "/clusters/other/api/v1/pods", "/parseKubeConfig"]
    {
        let before = scene.headlamp.received().len();
        assert!(scene.send(Method::GET, path, script()).await.status < 500);
        let (_, fields) = scene.headlamp.received().split_off(before).remove(0);
        assert_eq!(fields["x-forwarded-user"], "testuser", "{path}");
        let carried: Vec<&str> = fields
            .iter()
            .filter(|(_, value)| value.to_str().is_ok_and(|value| value.contains("eyJ")))
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(carried.is_empty(), "{path}: {carried:?}");
        assert!(!fields.contains_key("authorization"), "{path}");
    }
}

#[tokio::test]
async fn field_that_chooses_a_cluster_never_arrives_and_connection_may_not_name_it() {
    let mut scene = Scene::start().await;
    for name in ["kubeconfig", "x-headlamp-user-id", "impersonate-user", "authorization"] {
        let mut forged = script();
        forged.insert(HeaderName::from_static(name), HeaderValue::from_static("evil"));
        let before = scene.headlamp.received().len();
        assert_eq!(scene.send(Method::GET, "/clusters/main/me", forged).await.status, 200);
        let (_, fields) = scene.headlamp.received().split_off(before).remove(0);
        assert!(fields.get_all(name).iter().all(|value| value != "evil"), "{name}: {fields:?}");

        let mut naming = script();
        naming.insert(CONNECTION, HeaderValue::from_static(name));
        assert_eq!(scene.send(Method::GET, "/clusters/main/me", naming).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn request_that_headlamp_would_send_anywhere_is_denied() {
    let mut scene = Scene::start().await;
    for (method, path) in
        [(Method::GET, "/externalproxy"), (Method::GET, "/%65xternalproxy"), (Method::POST, "/cluster")]
    {
        let before = scene.headlamp.received().len();
        assert_eq!(scene.send(method, path, script()).await.status, 403, "{path}");
        assert_eq!(scene.headlamp.received().len(), before, "{path}");
    }
}

/// Sends the request of Headlamp's *Log out*, or one with another body or origin.
async fn set_token(scene: &Scene, body: &'static str, origin: Option<&str>) -> reqwest::Response {
    let mut headers = script();
    headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
    headers.insert(COOKIE, scene.browser.cookie_header().unwrap());
    let url = scene.gateway.url("/clusters/main/set-token");
    let request = Client::builder().no_proxy().build().unwrap().post(url).headers(headers);
    request.header("content-type", "application/json").body(body).send().await.unwrap()
}

#[tokio::test]
async fn pasted_token_sets_no_cookie_and_signs_nobody_out() {
    let scene = Scene::start().await;
    let own = scene.gateway.url("");
    for (body, origin) in [
        (r#"{"token":"a.b.c"}"#, Some(&*own)),
        ("{}", Some(&own)),
        (r#"{"token":0}"#, Some(&own)),
        (r#"{"token":null"#, Some(&own)),
        (r#"{"token":null}"#, None),
    ] {
        let reply = set_token(&scene, body, origin).await;
        assert_eq!(reply.status(), 200, "{body}");
        assert!(!reply.headers().contains_key(SET_COOKIE), "{:?}", reply.headers());
    }
    let forged = set_token(&scene, r#"{"token":null}"#, Some("https://evil.test")).await;
    assert_eq!(forged.status(), 403);
    assert_eq!(scene.gateway.ask_as(&scene.browser, "/").await.status, 200, "the user is still signed in");
}

#[tokio::test]
async fn log_out_of_headlamp_ends_on_the_signed_out_page() {
    for body in [r#"{"token":null}"#, r#"{"token":""}"#] {
        let provider = provider().await;
        let headlamp = Headlamp::start().await;
        let url = headlamp.url();
        let gateway = Gateway::with(&provider, &[("headlamp.enabled", "true"), ("upstream.url", &url)]).await;
        let browser = gateway.signed_in_browser("testuser").await;
        let mut scene = Scene { headlamp, gateway, browser };
        let before = scene.headlamp.received().len();

        let own = scene.gateway.url("");
        let reply = set_token(&scene, body, Some(&own)).await;
        let headers = reply.headers().clone();
        assert_eq!(
            (reply.status().as_u16(), &headers["x-reload"]),
            (401, &HeaderValue::from_static("reload")),
            "{body}"
        );
        assert!(reply.text().await.unwrap().contains("You are signed out."));
        assert_eq!(scene.headlamp.received().len(), before, "Headlamp does not see it");
        scene.browser.store_cookies(&headers);
        assert_eq!(scene.browser.cookie("foregate"), None);
        assert_eq!(provider.observed().end_session, 0);

        let page = scene.browser.open(&scene.gateway.url("/c/main/pods")).await;
        assert_eq!((page.status, page.url.path()), (200, "/oauth2/signed_out"), "{}", page.body);
        assert_eq!(provider.observed().end_session, 1);
        let page = scene.browser.open(&scene.gateway.url("/c/main/pods")).await;
        assert!(page.body.contains("password"), "the session at the provider has ended: {}", page.url);
    }
}

#[tokio::test]
async fn user_whom_the_policy_denies_can_log_out() {
    let (headlamp, provider) = (Headlamp::start().await, provider().await);
    let url = headlamp.url();
    let policy = ("policies.default.allowed_groups", "ops");
    let settings = [("headlamp.enabled", "true"), ("upstream.url", &*url), policy];
    let gateway = Gateway::with(&provider, &settings).await;
    let browser = gateway.signed_in_browser("alice").await;
    let scene = Scene { headlamp, gateway, browser };
    let own = scene.gateway.url("");
    assert_eq!(set_token(&scene, r#"{"token":"a.b.c"}"#, Some(&own)).await.status(), 403);
    let reply = set_token(&scene, r#"{"token":null}"#, Some(&own)).await;
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["x-reload"]),
        (401, &HeaderValue::from_static("reload"))
    );
    assert_eq!(scene.gateway.ask_as(&scene.browser, "/").await.status, 302);
}

#[tokio::test]
async fn check_with_the_body_of_a_log_out_signs_out() {
    let provider = provider().await;
    let gateway =
        Gateway::with(&provider, &[("headlamp.enabled", "true"), ("headlamp.logout", "true")]).await;
    let browser = gateway.signed_in_browser("testuser").await;
    let ask = async |body: &'static str| {
        let mut headers = gateway.question("/clusters/main/set-token");
        headers.insert("x-forwarded-method", HeaderValue::from_static("POST"));
        headers.extend(script());
        headers.insert(ORIGIN, gateway.url("").parse().unwrap());
        headers.insert(COOKIE, browser.cookie_header().unwrap());
        let client = Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/check/traefik", gateway.check);
        client.get(url).headers(headers).body(body).send().await.unwrap()
    };
    assert_eq!(ask("").await.status(), 200, "without the body, it is unknown");
    assert_eq!(ask(r#"{"token":"a.b.c"}"#).await.status(), 200);
    let reply = ask(r#"{"token":null}"#).await;
    assert_eq!((reply.status().as_u16(), reply.headers()["x-reload"].to_str().unwrap()), (401, "reload"));
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 302, "the session has ended");
}

#[tokio::test]
async fn check_places_the_token_as_the_proxy_will() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &SETTINGS).await;
    let browser = gateway.signed_in_browser("testuser").await;
    let ask = async |path: &str| {
        let mut headers = gateway.question(path);
        headers.insert("x-forwarded-method", HeaderValue::from_static("POST"));
        headers.insert(ORIGIN, gateway.url("").parse().unwrap());
        let cookies =
            format!("{}; headlamp-auth-main.0=bob", browser.cookie_header().unwrap().to_str().unwrap());
        headers.insert(COOKIE, cookies.parse().unwrap());
        gateway.ask(headers).await
    };
    let cluster = ask("/clusters/north/portforward").await;
    let token = cluster.header("x-forwarded-id-token").unwrap().to_owned();
    assert_eq!(cluster.header("authorization").unwrap(), format!("Bearer {token}"));
    let cookies = cluster.header("cookie").unwrap();
    assert!(
        cookies.contains(&format!("headlamp-auth-north.0={token}")) && !cookies.contains("main"),
        "{cookies}"
    );
    let api = ask("/clusters/north/api/v1/namespaces/a/services/b/proxy/").await;
    assert_eq!(api.header("x-forwarded-id-token"), Some(&*token));
    assert!(!api.header("cookie").unwrap_or_default().contains("headlamp-auth"), "a pod could read it");
    let page = ask("/c/main").await;
    assert_eq!((page.header("x-forwarded-id-token"), page.header("authorization")), (Some(""), None));
    assert!(!page.header("cookie").unwrap_or_default().contains("headlamp-auth"));
}
