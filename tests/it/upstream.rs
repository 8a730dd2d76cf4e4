//! The gateway's own proxy

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::harness::{Application, Browser, Gateway, Provider, provider, within};
use crate::pki::{Authority, Pair, file};

async fn scene() -> (Application, Gateway, Provider) {
    let (application, provider) = (Application::start().await, provider().await);
    let gateway = Gateway::with(&provider, &[("upstream.url", &application.url())]).await;
    (application, gateway, provider)
}

fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn application_receives_the_identity_and_no_spoofed_headers() {
    let (application, gateway, _provider) = scene().await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/a/%2e%2E//b?c=%zz")).await;
    assert_eq!(application.received().len(), 0);
    let page = browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(page.status, 200);
    let spoof = fields(&[
        ("x-forwarded-user", "root"),
        ("x-forwarded-id-token", "forged"),
        ("impersonate-user", "root"),
        ("impersonate-extra-scopes", "all"),
        ("x-forwarded-for", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
        ("remote-user", "root"),
        ("x_auth_request_groups", "admins"),
        ("x-app", "kept"),
    ]);
    browser.request(Method::GET, &gateway.url("/x"), spoof, None).await;
    let (target, received) = application.received().pop().unwrap();
    assert_eq!(target, "/x");
    let lines = |name: &str| {
        received.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lines("x-forwarded-user"), ["testuser"]);
    assert_eq!(lines("x-forwarded-group"), ["dev,ops"]);
    assert_eq!(lines("x-forwarded-id-token").len(), 1);
    assert_ne!(lines("x-forwarded-id-token"), ["forged"]);
    assert_eq!(lines("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(lines("x-app"), ["kept"]);
    for name in
        ["impersonate-user", "impersonate-extra-scopes", "forwarded", "remote-user", "x_auth_request_groups"]
    {
        assert!(lines(name).is_empty(), "{name}");
    }
    assert!(!lines("cookie").concat().contains("foregate"));
}

#[tokio::test]
async fn application_cannot_set_gateway_cookies() {
    let (_application, gateway, _provider) = scene().await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/x")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let own = browser.cookie("foregate").unwrap().to_owned();
    assert_eq!(browser.go(&gateway.url("/cookies")).await.status, 200);
    assert_eq!(browser.cookie("theme"), Some("dark"));
    assert_eq!(browser.cookie("foregate"), Some(&*own));
}

#[tokio::test]
async fn request_without_a_session_does_not_reach_the_application() {
    let (application, gateway, _provider) = scene().await;
    let script = fields(&[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")]);
    let page = Browser::new().request(Method::POST, &gateway.url("/api"), script, None).await;
    assert_eq!(page.status, 401);
    let aliased = fields(&[("x_forwarded_user", "root")]);
    assert_eq!(Browser::new().request(Method::GET, &gateway.url("/"), aliased, None).await.status, 400);
    assert_eq!(application.received().len(), 0);
}

async fn handshake(gateway: &Gateway, browser: &Browser, origin: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(gateway.public).await.unwrap();
    let cookie = browser
        .cookie_header()
        .map_or(String::new(), |value| format!("Cookie: {}\r\n", value.to_str().unwrap()));
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {origin}\r\n{cookie}\r\n",
        gateway.public
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

#[tokio::test]
async fn websocket_passes_only_with_a_session_and_the_own_origin() {
    let (_application, gateway, _provider) = scene().await;
    let mut browser = Browser::new();
    let own = gateway.url("");
    assert!(handshake(&gateway, &browser, &own).await.1.starts_with("HTTP/1.1 401"));
    let form = browser.open(&gateway.url("/")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    assert!(handshake(&gateway, &browser, "https://evil.test").await.1.starts_with("HTTP/1.1 403"));
    let (mut socket, head) = handshake(&gateway, &browser, &own).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    // One masked text frame "hi" (RFC 6455 §5.2), answered by an unmasked one.
    socket.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut frame = [0; 4];
    socket.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, [0x81, 2, b'h', b'i']);
}

/// Sends a frame, and returns whether it comes back.
async fn is_open(socket: &mut TcpStream) -> bool {
    // One masked text frame "hi" (RFC 6455 §5.2), answered by an unmasked one.
    socket.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut frame = [0; 4];
    socket.read_exact(&mut frame).await.is_ok() && frame == [0x81, 2, b'h', b'i']
}

#[tokio::test]
async fn websocket_is_closed_soon_after_its_session_and_outlives_its_tokens() {
    let (_application, gateway, provider) = scene().await;
    let own = gateway.url("");
    let mut browser = gateway.signed_in_browser("testuser").await;
    let (mut socket, head) = handshake(&gateway, &browser, &own).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");

    // The tokens of the handshake expire, and another request refreshes the session.
    provider.clock.advance(Duration::from_secs(310));
    let page = browser.open(&gateway.url("/x")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(provider.observed().refresh, 1);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(is_open(&mut socket).await, "the session goes on");

    let sign_out = fields(&[("origin", &own), ("sec-fetch-site", "same-origin")]);
    let left = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), sign_out, None).await;
    assert_eq!(left.status, 303);
    let mut rest = Vec::new();
    let closed = within("the WebSocket is closed", socket.read_to_end(&mut rest)).await;
    assert_eq!((closed.is_ok(), &*rest), (true, &[0x88, 2, 0x03, 0xf0][..]), "code 1008");
}

/// The user needs no session there, so a session that has ended closes nothing.
#[tokio::test]
async fn websocket_of_a_public_path_outlives_the_session() {
    let (application, provider) = (Application::start().await, provider().await);
    let more = [("upstream.url", &*application.url()), ("public_paths.open.paths", "/ws")];
    let gateway = Gateway::with(&provider, &more).await;
    let own = gateway.url("");
    let mut browser = gateway.signed_in_browser("testuser").await;
    let cookie = browser.cookie("foregate").unwrap().to_owned();
    let sign_out = fields(&[("origin", &own), ("sec-fetch-site", "same-origin")]);
    assert_eq!(
        browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), sign_out, None).await.status,
        303
    );
    let mut old = Browser::new();
    old.set_cookie("foregate", &cookie);

    let (mut socket, head) = handshake(&gateway, &old, &own).await;

    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(is_open(&mut socket).await);
}

/// Starts an application with TLS that answers each connection once, with the head that it received.
async fn tls_application(pair: &Pair) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = vec![0; 16 * 1024];
            let length = stream.read(&mut head).await.unwrap();
            let reply = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", &head[..length]].concat();
            stream.write_all(&reply).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn application_with_tls_is_reached_only_with_its_own_authority() {
    let (own, other, provider) = (Authority::new(), Authority::new(), provider().await);
    let application = tls_application(&own.server()).await;
    let url = format!("https://localhost:{}", application.port());
    for (authority, expected) in [(&own, 200), (&other, 502)] {
        let ca = file("upstream.ca", &authority.certificate);
        let settings = [("upstream.url", &*url), ("upstream.ca_file", ca.to_str().unwrap())];
        let gateway = Gateway::with(&provider, &settings).await;
        let mut browser = gateway.signed_in_browser("testuser").await;
        let page = browser.open(&gateway.url("/x")).await;
        assert_eq!(page.status, expected, "{}", page.body);
        if expected == 200 {
            assert!(page.body.contains("x-forwarded-user: testuser"), "{}", page.body);
            assert!(page.body.contains(&format!("host: localhost:{}", application.port())), "{}", page.body);
        }
    }
}

#[tokio::test]
async fn unavailable_application_is_502_and_keeps_the_session() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("upstream.url", "http://127.0.0.1:9")]).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/")).await;
    let page = browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(page.status, 502);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
}

#[tokio::test]
async fn request_for_an_unknown_host_is_refused_and_counted() {
    let (application, gateway, _provider) = scene().await;
    let mut browser = Browser::new();
    let host = fields(&[("host", "evil.test")]);
    let refused = browser.request(Method::GET, &gateway.url("/x"), host, None).await;
    assert_eq!(refused.status, 403);
    assert!(application.received().is_empty());
    let metrics = gateway.ops("/metrics").await.body;
    let line = "foregate_checks_total{dialect=\"proxy\",decision=\"unknown_host\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}
