//! Requests that only the documented file of nginx handles

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::harness::{
    Authority, Gateway, Proxy, Registration, RunningProxy, Scratch, Setup, TestClient, free_addresses,
};

/// nginx in front of an application of the test, whose path `/open/` needs no session.
struct WithApplication {
    client: TestClient,
    _proxy: RunningProxy,
    _gateway: Gateway,
    _scratch: Scratch,
}

impl WithApplication {
    async fn start(application: Router) -> Self {
        let (scratch, [address]) = (Scratch::new(), free_addresses());
        let origin = format!("https://app.localhost:{}", address.port());
        let provider = dev_provider::start(dev_provider::Settings::default()).await.unwrap();
        let mut registration = Registration::at(provider.issuer(), "dev");
        "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
        let gateway = Gateway::start(&origin, &registration, &scratch).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backends = gateway.backends(listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, application).await.unwrap() });
        let authority = Authority::new("app.localhost");
        let proxy = RunningProxy::start(address, Proxy::Nginx, &backends, &authority, &scratch).await;
        let client = TestClient::new(&origin, address, &authority).signed_in("alice").await;
        Self { client, _proxy: proxy, _gateway: gateway, _scratch: scratch }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn application_cannot_select_a_location() {
    let application = Router::new()
        .route("/open/check", get(|| async { ([("x-accel-redirect", "/foregate-check")], "own") }))
        .route("/open/refusal", get(|| async { ([("x-accel-redirect", "@foregate-refusal")], "own") }))
        .route("/open/secret", get(|| async { ([("x-accel-redirect", "/secret")], "own") }))
        .route("/secret", get(|| async { "secret" }));
    let setup = WithApplication::start(application).await;
    for path in ["/open/check", "/open/refusal", "/open/secret"] {
        let reply = setup.client.get(path, &[]).await;
        assert_eq!((reply.status, &*reply.body), (StatusCode::OK, "own"), "{path}");
        assert_eq!(reply.header("x-forwarded-id-token"), None, "{path}");
    }
}

/// Without a limit, anonymous clients would fill the disk of nginx.
#[tokio::test(flavor = "multi_thread")]
async fn large_body_of_an_anonymous_request_is_refused_before_it_is_stored() {
    let setup = Setup::start(Proxy::Nginx).await;
    let host = setup.origin().trim_start_matches("https://");
    // Much more than nginx keeps in memory, and much less than the body that the head announces.
    let part = vec![b'x'; 4 * 1024 * 1024];
    let chunk = [format!("{:x}\r\n", 64 * part.len()).as_bytes(), &part].concat();
    for (path, framing, body, status) in [
        ("/private", "Content-Length: 268435456", &part, "401"),
        ("/private", "Transfer-Encoding: chunked", &chunk, "413"),
        ("/oauth2/start", "Content-Length: 268435456", &part, "413"),
        ("/oauth2/start", "Transfer-Encoding: chunked", &chunk, "413"),
    ] {
        let mut stream = setup.raw_client().connect().await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // nginx may close the connection before it has read this.
        let _written = timeout(Duration::from_secs(5), stream.write_all(body)).await;
        let mut reply = [0; 16];
        let answered = timeout(Duration::from_secs(20), stream.read(&mut reply)).await;
        let answer = String::from_utf8_lossy(&reply).into_owned();
        assert!(
            answered.is_ok() && answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}, {framing}: {answer}"
        );
        let stored = stored_bytes(&setup.scratch().path().join("client_body"));
        assert!(stored <= 1024 * 1024, "{path}, {framing}: {stored} bytes");
    }
}

fn stored_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| entry.metadata().unwrap().len()).sum()
}

/// The check recognises the handshake although nginx does not forward its hop-by-hop fields by default.
#[tokio::test(flavor = "multi_thread")]
async fn handshake_of_another_site_without_a_key_is_refused() {
    let setup = Setup::start(Proxy::Nginx).await;
    let client = setup.signed_in_client("alice").await;
    let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Origin", "https://evil.test")];
    assert_eq!(client.get("/ws", &fields).await.status, StatusCode::FORBIDDEN);
    assert_eq!(setup.requests_to("/ws").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_cannot_request_the_check() {
    let setup = Setup::start(Proxy::Nginx).await;
    let client = setup.signed_in_client("testuser").await;
    for path in ["/foregate-check", "/%66oregate-check", "//foregate-check"] {
        let reply = client.get(path, &[]).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}: {}", reply.body);
        assert_eq!(reply.header("x-forwarded-id-token"), None, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn request_for_another_host_is_refused() {
    let setup = Setup::start(Proxy::Nginx).await;
    let client = setup.signed_in_client("testuser").await;
    let own = setup.origin().trim_start_matches("https://");
    let cookies = client.cookie_line();
    for (line, host, status) in [
        ("/other", "evil.test", 421),
        ("https://evil.test/other", own, 421),
        // The host of the target counts (RFC 9112 §3.2.2).
        ("https://app.localhost/own", "evil.test", 200),
    ] {
        let request =
            format!("GET {line} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n");
        let reply = setup.raw_client().exchange(request.as_bytes()).await;
        assert_eq!(reply.status, status, "{line} at {host}: {}", reply.body);
        assert_eq!(reply.values("x-forwarded-user"), Vec::<&str>::new());
    }
    assert_eq!(setup.requests_to("/other").len(), 0);
    assert_eq!(setup.requests_to("/own")[0].value("host"), own);
}
