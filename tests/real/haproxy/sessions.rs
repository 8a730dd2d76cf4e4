//! Sessions behind HAProxy: cookie lines, WebSockets over HTTP/2, and large heads

use std::time::Duration;

use dev_provider::Settings;
use http::header::COOKIE;
use http::{Method, StatusCode};

use super::cookies;
use crate::harness::{Proxy, Registration, Reserved, Setup, open_websocket};

#[tokio::test(flavor = "multi_thread")]
async fn session_counts_in_any_cookie_line() {
    let setup = Setup::start(Proxy::HAProxy).await;
    let client = setup.signed_in_client("alice").await;
    let session = client.cookie_line();

    for lines in [[session.as_str(), "app=1"], ["app=1", session.as_str()]] {
        let lines = lines.map(|line| (COOKIE.as_str(), line));
        assert_eq!(client.get("/lines", &lines).await.status, StatusCode::OK);
    }
    for received in setup.requests_to("/lines") {
        assert_eq!((received.value("cookie"), received.value("x-forwarded-user")), ("app=1", "alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_opens_no_tunnel() {
    let setup = Setup::start(Proxy::HAProxy).await;
    let client = setup.signed_in_client("alice").await;

    let reply = client.send(Method::CONNECT, "/", &[]).await;

    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.body);
    assert!(setup.all_requests().iter().all(|received| received.method != "CONNECT"));
}

/// The handshake has no `Sec-WebSocket-Key`, so Foregate recognises it by `Upgrade`.
#[tokio::test(flavor = "multi_thread")]
async fn websocket_over_http2_requires_its_own_origin() {
    let setup = Setup::start(Proxy::HAProxy).await;
    let client = setup.signed_in_client("alice").await;
    let session = client.cookie_line();
    let open = async |origin: &str| {
        let headers = [("cookie", session.as_str()), ("origin", origin)];
        open_websocket(setup.address(), setup.authority(), &headers).await
    };

    assert_eq!(open("https://evil.test").await, StatusCode::FORBIDDEN);
    assert_eq!(setup.requests_to("/ws").len(), 0);
    assert_eq!(open(setup.origin()).await, StatusCode::OK);
    assert_eq!(setup.requests_to("/ws")[0].value("x-forwarded-user"), "alice");
}

/// The reply to a check has the client's cookies and the pending cookies of the session.
#[tokio::test(flavor = "multi_thread")]
async fn pending_cookies_that_do_not_fit_block_no_request() {
    let lifetime = Duration::from_secs(12);
    let settings = Settings { access_token_life: lifetime, ..Settings::default() };
    let provider = dev_provider::start(settings).await.unwrap();
    let registration = Registration::at(provider.issuer(), "dev");
    let setup = Setup::with_provider(Reserved::new(), provider, &registration, Proxy::HAProxy).await;
    let client = setup.signed_in_client("alice").await;
    let refreshed = tokio::time::timeout(lifetime * 5, async {
        while cookies(&client.get("/work", &[]).await.headers).is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    refreshed.await.expect("the session is refreshed");

    let session = client.cookie_line();
    for size in (26_000..30_000).step_by(200) {
        let application = format!("app={}", "a".repeat(size));
        let lines = [(COOKIE.as_str(), session.as_str()), (COOKIE.as_str(), application.as_str())];
        let reply = client.get("/large", &lines).await;
        // Foregate refuses a head of more than 32 KiB.
        let expected = [StatusCode::OK, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE];
        assert!(expected.contains(&reply.status), "{size}: {}", reply.status);
    }
}
