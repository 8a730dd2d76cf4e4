//! Headlamp's page behind real Traefik and Envoy, with real Keycloak and Chromium
//!
//! Headlamp is the double of `tests/support/headlamp.rs`. The names in brackets are the rows of what did not work with the
//! real one.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::double::Headlamp;
use crate::harness::{Chromium, Proxy, ProxyOptions, Realm, Reserved, Setup, until};
use crate::refresh::configure_strict_tokens;

pub(crate) const SECTIONS: &str =
    "[headlamp]\nenabled = true\nlogout = true\nclusters = [\"main\", \"north\"]\n";
pub(crate) struct Scene {
    pub(crate) setup: Setup<Realm>,
    _headlamp: Headlamp,
}

impl Scene {
    async fn start(proxy: impl Into<ProxyOptions>) -> Self {
        let reserved = Reserved::new();
        let realm = Realm::new(&reserved.origin, |_| {}).await;
        Self::with(reserved, realm, proxy, "").await
    }

    pub(crate) async fn with(
        reserved: Reserved,
        realm: Realm,
        proxy: impl Into<ProxyOptions>,
        provider: &str,
    ) -> Self {
        let headlamp = Headlamp::in_a_pod().await;
        let mut registration = realm.registration();
        registration.provider += provider;
        SECTIONS.clone_into(&mut registration.more);
        let application = Some(headlamp.address);
        let setup = Setup::with_application(reserved, realm, &registration, proxy, application).await;
        Self { setup, _headlamp: headlamp }
    }

    /// Opens a page of Headlamp, and signs in at Keycloak.
    async fn open(&self, path: &str) -> Chromium {
        let browser = self.setup.chromium().await;
        browser.open(&self.setup.url(path)).await;
        sign_in(&browser).await;
        browser
    }
}

pub(crate) async fn sign_in(browser: &Chromium) {
    browser.type_into("#username", "alice").await;
    browser.type_into("#password", "alice").await;
    browser.click("#kc-login").await;
    until("Headlamp shows the user", async || text_of(browser, "user").await == "alice").await;
}

async fn text_of(browser: &Chromium, id: &str) -> String {
    let script = format!("done(document.getElementById('{id}')?.textContent ?? '')");
    browser.try_script(&script).await.as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn until_healthy(browser: &Chromium) {
    until("the page is healthy", async || {
        text_of(browser, "user").await == "alice" && text_of(browser, "banner").await.is_empty()
    })
    .await;
}

pub(crate) async fn until_denied(browser: &Chromium) {
    until("the page about the denial", async || {
        let text = browser.try_script("done(document.body.textContent)").await;
        text.as_str().is_some_and(|text| text.contains("You have no access"))
    })
    .await;
}

/// \[row 2\]
#[tokio::test(flavor = "multi_thread")]
async fn log_out_of_headlamp_ends_both_sessions_and_the_page_says_so() {
    let scene = Scene::start(Proxy::Traefik).await;
    let browser = scene.open("/c/north/pods").await;

    browser.click("#logout").await;

    until("the signed-out page", async || browser.url().await.path() == "/oauth2/signed_out").await;
    browser.text("#sign-in").await;
    let mut left = browser.cookies().await;
    // A poll at the same time may count a reload of the page.
    left.retain(|cookie| cookie.name() != "__Host-foregate-reloads");
    assert!(!left.iter().any(|cookie| cookie.name().starts_with("__Host-foregate")), "{left:?}");
    assert_ne!(scene.setup.provider().count_events("LOGOUT").await, 0);
    browser.open(&scene.setup.url("/c/main/nodes")).await;
    sign_in(&browser).await;
    assert_eq!(browser.url().await.path(), "/c/main/nodes", "and back on the deep link");
}

/// The page was closed before it could reload itself.
#[tokio::test(flavor = "multi_thread")]
async fn session_at_keycloak_ends_without_the_browser() {
    let scene = Scene::start(Proxy::Traefik).await;
    let client = scene.setup.signed_in_client("alice").await;
    let origin = scene.setup.origin().to_owned();
    let fields = [("Origin", &*origin), ("Content-Type", "application/json"), ("Sec-Fetch-Mode", "cors")];
    let body = json!({ "token": null }).to_string();
    let path = "/clusters/north/set-token";

    let reply = client.send_body(Method::POST, path, &fields, body).await;

    assert_eq!((reply.status, reply.header("x-reload")), (StatusCode::UNAUTHORIZED, Some("reload")));
    until("Keycloak ended the session", async || scene.setup.provider().count_events("LOGOUT").await == 1)
        .await;
}

/// Traefik, and with `FOREGATE_REFRESH_LONG` (tests/refresh) also Envoy.
fn proxies() -> &'static [Proxy] {
    if is_long() { &[Proxy::Traefik, Proxy::Envoy, Proxy::EnvoyGrpc] } else { &[Proxy::Traefik] }
}

pub(crate) fn is_long() -> bool {
    std::env::var_os("FOREGATE_REFRESH_LONG").is_some()
}

/// An administrator ends the session: the page is at the sign-in within one poll, and then back on the deep link.
async fn ended_at_keycloak(proxy: Proxy) {
    let scene = Scene::start(proxy).await;
    let url = format!("http://{}/oauth2/backchannel-logout", scene.setup.gateway.public());
    scene.setup.provider().set_backchannel_logout_url(&url).await;
    let browser = scene.open("/c/main/pods?namespace=a").await;

    scene.setup.provider().end_user_sessions("alice").await;

    until("Keycloak's form", async || browser.has("#kc-login").await).await;
    sign_in(&browser).await;
    assert_eq!(browser.url().await.query(), Some("namespace=a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn page_leaves_for_the_sign_in_when_keycloak_ends_the_session() {
    for proxy in proxies() {
        ended_at_keycloak(*proxy).await;
    }
}

/// \[row 8\] The page says that the user has no access, instead of a connection that was lost.
async fn lost_group(proxy: Proxy) {
    let reserved = Reserved::new();
    let short = |realm: &mut Value| realm["accessTokenLifespan"] = 20.into();
    let realm = Realm::new(&reserved.origin, short).await;
    let scene = Scene::with(reserved, realm, proxy, "").await;
    let browser = scene.open("/c/main/pods").await;

    scene.setup.provider().leave_group("alice", "dev").await;

    until_denied(&browser).await;
    assert_eq!(browser.url().await.path(), "/c/main/pods");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_says_that_a_group_was_lost() {
    for proxy in proxies() {
        lost_group(*proxy).await;
    }
}

/// With `FOREGATE_REFRESH_LONG` (tests/refresh), Keycloak is frozen for a minute more.
fn frozen_time() -> Duration {
    Duration::from_secs(if is_long() { 60 } else { 6 })
}

/// \[row 7\] The outcome of a refresh is unknown, so the session ends. The page must not leave for a provider that does
/// not answer.
async fn frozen(proxy: Proxy) {
    let reserved = Reserved::new();
    let realm = Realm::on_own_server(&reserved.origin, |realm| configure_strict_tokens(realm, 20)).await;
    let scene = Scene::with(reserved, realm, proxy, "timeout = \"2s\"\n").await;
    let browser = scene.open("/c/main/pods").await;
    stay_while_frozen(&browser, scene.setup.provider()).await;
    let poll = "fetch('/clusters/main/version').then(reply => reply.text().then(text => \
                done([reply.status, reply.headers.get('retry-after'), reply.headers.get('content-type'), text])));";
    let answer = browser.run_script(poll).await;
    if matches!(proxy, Proxy::Envoy) {
        // Over HTTP, Envoy replaces the reply to a check that has this status.
        assert_eq!(answer, json!([503, null, null, ""]));
    } else {
        assert_eq!(
            answer.as_array().unwrap()[..3],
            [json!(503), json!("5"), json!("application/problem+json")]
        );
        assert!(answer[3].as_str().unwrap().contains("not your fault"), "{answer}");
    }

    recover(&browser, scene.setup.provider()).await;
    assert_eq!(browser.url().await.path(), "/c/main/pods");
}

/// Freezes Keycloak until the session has ended. The page stays.
pub(crate) async fn stay_while_frozen(browser: &Chromium, realm: &Realm) {
    until_healthy(browser).await;
    let loaded = browser.run_script("window.kept = true; done(performance.timeOrigin);").await;
    realm.pause();
    until("the session has ended", async || text_of(browser, "banner").await.starts_with("Lost connection"))
        .await;
    let end = Instant::now() + frozen_time();
    while Instant::now() < end {
        assert_eq!(browser.run_script("done(performance.timeOrigin);").await, loaded, "the page left");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Resumes Keycloak. The page reloads itself and shows the user, who types no password.
pub(crate) async fn recover(browser: &Chromium, realm: &Realm) {
    realm.resume();
    until("the page has reloaded itself", async || {
        browser.try_script("done(window.kept === undefined)").await == json!(true)
    })
    .await;
    until_healthy(browser).await;
    let mut sessions = realm.event_sessions("CODE_TO_TOKEN").await;
    sessions.dedup();
    assert_eq!(sessions.len(), 1, "silently: the session at Keycloak is the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_stays_while_keycloak_is_frozen_and_recovers() {
    for proxy in proxies() {
        frozen(*proxy).await;
    }
}

/// Watches end, and the page recovers without the user.
async fn restarted(proxy: Proxy) {
    let mut scene = Scene::start(proxy).await;
    let browser = scene.open("/c/main/pods").await;

    scene.setup.restart_gateway().await;

    until_healthy(&browser).await;
    // A page that reloads itself twice aborts the first sign-in, whose code is then not exchanged.
    let sign_ins = scene.setup.provider().count_events("CODE_TO_TOKEN").await;
    assert!(sign_ins <= 2, "{sign_ins}");
    assert_eq!(browser.url().await.path(), "/c/main/pods");
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_of_the_gateway_costs_at_most_one_silent_redirect() {
    for proxy in proxies() {
        restarted(*proxy).await;
    }
}

/// \[rows 3 and 4\]
async fn every_route_sees_the_user_of_the_session(proxy: Proxy) {
    let scene = Scene::start(proxy).await;
    let client = scene.setup.signed_in_client("alice").await;
    let payload =
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(br#"{"preferred_username":"bob","exp":4102444800}"#);
    let stale = ["main", "north"].map(|cluster| format!("headlamp-auth-{cluster}.0=h.{payload}.s"));
    let cookies = format!("{}; {}", stale.join("; "), client.cookie_line());
    let origin = scene.setup.origin().to_owned();
    for (method, path) in [
        (Method::GET, "/clusters/main/api/v1/pods"),
        (Method::GET, "/clusters/main/me"),
        (Method::GET, "/clusters/main/helm/releases/list"),
        (Method::GET, "/clusters/main/serviceproxy/default/web"),
        (Method::POST, "/clusters/main/portforward"),
        (Method::POST, "/clusters/north/portforward"),
        (Method::GET, "/wsMultiplexer?north"),
        (Method::POST, "/drain-node"),
    ] {
        let fields = [("Cookie", &*cookies), ("Origin", &*origin), ("Sec-Fetch-Mode", "cors")];
        let reply = client.send(method, path, &fields).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        assert_eq!(serde_json::from_str::<Value>(&reply.body).unwrap()["user"], "alice", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_sees_the_user_of_the_session_behind_traefik() {
    every_route_sees_the_user_of_the_session(Proxy::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_sees_the_user_of_the_session_behind_envoy_over_http() {
    every_route_sees_the_user_of_the_session(Proxy::Envoy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_sees_the_user_of_the_session_behind_envoy_over_grpc() {
    every_route_sees_the_user_of_the_session(Proxy::EnvoyGrpc).await;
}
