//! What do requests get that are no navigations: fetch, WebSocket, programs?

use http::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Caller, Proxy, Reply, Stage};

const FETCH: &str = "fetch('/api/pods').then(async reply => done({
    status: reply.status, reload: reply.headers.get('x-reload'), redirected: reply.redirected,
    body: reply.ok ? await reply.json() : null,
})).catch(error => done({ error: String(error) }));";

const TALK: &str = "const socket = new WebSocket(`wss://${location.host}/ws`); const heard = [];
    socket.onopen = () => ['one', 'two'].forEach(word => socket.send(word));
    socket.onmessage = event => { heard.push(event.data); if (heard.length === 2) socket.close(); };
    socket.onclose = event => done({ heard, clean: event.wasClean });";

/// A handshake; the key is the one of RFC 6455 §1.3.
async fn handshake(caller: &Caller, origin: &str) -> Reply {
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", origin),
    ];
    caller.get("/ws", &headers).await
}

pub(crate) async fn a_page_whose_session_is_gone_gets_401_from_fetch_and_no_websocket(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/page")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;
    browser.forget_cookies().await;

    let fetched = browser.ask(FETCH).await;
    let talked = browser.ask(TALK).await;

    assert_eq!(fetched, json!({ "status": 401, "reload": "reload", "redirected": false, "body": null }));
    assert_eq!(talked, json!({ "heard": [], "clean": false }));
    assert_eq!((stage.arrived("/api/pods").len(), stage.arrived("/ws").len()), (0, 0));
}

pub(crate) async fn a_page_with_a_session_fetches_and_talks(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/page")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;

    let fetched = browser.ask(FETCH).await;
    let talked = browser.ask(TALK).await;

    assert_eq!(fetched["status"], 200, "{fetched}");
    assert_eq!(talked, json!({ "heard": ["one", "two"], "clean": true }));
    assert_eq!(stage.arrived("/api/pods")[0].one("x-forwarded-user"), "alice");
    let socket = stage.arrived("/ws");
    assert_eq!(socket[0].one("x-forwarded-user"), "alice");
    assert_eq!(socket[0].all("cookie"), Vec::<&str>::new());
}

pub(crate) async fn whatever_is_no_navigation_is_told_401_and_never_redirected(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let stranger = stage.stranger();
    let navigation = ("Accept", "text/html");
    let cases: [(Method, &[(&str, &str)]); 6] = [
        (Method::GET, &[("Accept", "application/json")]),
        (Method::GET, &[("Accept", "*/*"), ("X-Requested-With", "XMLHttpRequest")]),
        (Method::GET, &[navigation, ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")]),
        (Method::GET, &[navigation, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")]),
        (Method::PUT, &[navigation]),
        (Method::DELETE, &[]),
    ];

    for (method, headers) in cases {
        let reply = stranger.send(method.clone(), "/api", headers).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{method} {headers:?}");
        assert_eq!(reply.header("location"), None, "{method} {headers:?}");
        assert!(reply.header("www-authenticate").is_some(), "{method} {headers:?}");
    }
    assert_eq!(stage.all_arrived().len(), 0);
}

pub(crate) async fn a_websocket_needs_a_session_and_its_own_origin(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("alice").await;

    let anonymous = handshake(&stage.stranger(), stage.origin()).await;
    let cross_site = handshake(&caller, "https://evil.test").await;
    let other_port = handshake(&caller, "https://app.localhost:1").await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
    assert_eq!(cross_site.status, StatusCode::FORBIDDEN);
    assert_eq!(other_port.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.arrived("/ws").len(), 0);

    let own = handshake(&caller, stage.origin()).await;
    assert_eq!(own.status, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(stage.arrived("/ws")[0].one("x-forwarded-user"), "alice");
}
