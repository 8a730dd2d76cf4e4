//! Requests other than navigations: fetch, WebSocket, programs

use http::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Proxy, Reply, Setup, TestClient};

const FETCH: &str = "fetch('/api/pods').then(async reply => done({
    status: reply.status, reload: reply.headers.get('x-reload'), redirected: reply.redirected,
    body: reply.ok ? await reply.json() : null,
})).catch(error => done({ error: String(error) }));";

const WEBSOCKET_ECHO: &str = "const socket = new WebSocket(`wss://${location.host}/ws`); const heard = [];
    socket.onopen = () => ['one', 'two'].forEach(word => socket.send(word));
    socket.onmessage = event => { heard.push(event.data); if (heard.length === 2) socket.close(); };
    socket.onclose = event => done({ heard, clean: event.wasClean });";

/// Sends a WebSocket handshake with the key of RFC 6455 §1.3.
async fn handshake(client: &TestClient, origin: &str) -> Reply {
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", origin),
    ];
    client.get("/ws", &headers).await
}

pub(crate) async fn page_without_session_gets_401_from_fetch_and_no_websocket(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/page")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;
    browser.delete_cookies().await;

    let fetched = browser.run_script(FETCH).await;
    let echoed = browser.run_script(WEBSOCKET_ECHO).await;

    assert_eq!(fetched, json!({ "status": 401, "reload": "reload", "redirected": false, "body": null }));
    assert_eq!(echoed, json!({ "heard": [], "clean": false }));
    assert_eq!((setup.requests_to("/api/pods").len(), setup.requests_to("/ws").len()), (0, 0));
}

pub(crate) async fn page_with_session_uses_fetch_and_websocket(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/page")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;

    let fetched = browser.run_script(FETCH).await;
    let echoed = browser.run_script(WEBSOCKET_ECHO).await;

    assert_eq!(fetched["status"], 200, "{fetched}");
    assert_eq!(echoed, json!({ "heard": ["one", "two"], "clean": true }));
    assert_eq!(setup.requests_to("/api/pods")[0].value("x-forwarded-user"), "alice");
    let socket = setup.requests_to("/ws");
    assert_eq!(socket[0].value("x-forwarded-user"), "alice");
    assert_eq!(socket[0].values("cookie"), Vec::<&str>::new());
}

pub(crate) async fn request_other_than_navigation_gets_401_without_redirect(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let anonymous = setup.anonymous_client();
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
        let reply = anonymous.send(method.clone(), "/api", headers).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{method} {headers:?}");
        assert_eq!(reply.header("location"), None, "{method} {headers:?}");
        assert!(reply.header("www-authenticate").is_some(), "{method} {headers:?}");
    }
    assert_eq!(setup.all_requests().len(), 0);
}

pub(crate) async fn websocket_requires_a_session_and_its_own_origin(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("alice").await;

    let anonymous = handshake(&setup.anonymous_client(), setup.origin()).await;
    let cross_site = handshake(&client, "https://evil.test").await;
    let other_port = handshake(&client, "https://app.localhost:1").await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
    assert_eq!(cross_site.status, StatusCode::FORBIDDEN);
    assert_eq!(other_port.status, StatusCode::FORBIDDEN);
    assert_eq!(setup.requests_to("/ws").len(), 0);

    let own = handshake(&client, setup.origin()).await;
    assert_eq!(own.status, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(setup.requests_to("/ws")[0].value("x-forwarded-user"), "alice");
}
