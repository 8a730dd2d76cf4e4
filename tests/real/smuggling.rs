//! Requests inside an upgraded connection (h2c smuggling)
//!
//! In this attack, a client requests an upgrade to cleartext HTTP/2 on a public path. The application switches
//! protocols, and all further requests pass through the tunnel without a check.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{
    Authority, Gateway, Proxy, Registration, RunningProxy, Scratch, TestClient, free_addresses,
};

/// An application that accepts every upgrade and records the request heads that it receives.
struct UpgradingApp {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl UpgradingApp {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::default());
        let recorded = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_and_hold(stream, Arc::clone(&recorded)));
            }
        });
        Self { address, heads }
    }
}

async fn answer_and_hold(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let wanted = head.lines().filter_map(|line| line.split_once(": "));
    let mut wanted = wanted.filter(|(name, _)| name.eq_ignore_ascii_case("upgrade"));
    let answer = match wanted.next() {
        // The last line accepts the key in `WEBSOCKET` (RFC 6455 §1.3).
        Some((_, protocol)) => format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        ),
        None => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    heads.lock().unwrap().push(head);
    let _written = stream.write_all(answer.as_bytes()).await;
    // The connection stays open, like a tunnel.
    let _end = stream.read_to_end(&mut Vec::new()).await;
}

/// Upgrade requests for protocols other than WebSocket (RFC 7540 §3.2, RFC 9110 §7.8).
const UPGRADES: [&[(&str, &str)]; 8] = [
    &[
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
    ],
    &[("Connection", "Upgrade"), ("Upgrade", "h2c")],
    &[("Connection", "upgrade"), ("upgrade", "H2C")],
    &[("Connection", "Upgrade"), ("Upgrade", "websocket, h2c")],
    &[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "h2c")],
    &[("Connection", "Upgrade"), ("Upgrade", "h2c"), ("Upgrade", "websocket")],
    &[("Connection", "Upgrade"), ("Upgrade", "TLS/1.0")],
    &[("Connection", "close"), ("Connection", "Upgrade"), ("Upgrade", "h2c/2.0")],
];

const WEBSOCKET: &[(&str, &str)] = &[
    ("Connection", "Upgrade"),
    ("Upgrade", "WebSocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

pub(crate) async fn upgrade_on_a_public_path_opens_no_tunnel(proxy: Proxy) {
    let scratch = Scratch::new();
    let [address] = free_addresses();
    let origin = format!("https://app.localhost:{}", address.port());
    let provider = dev_provider::start(dev_provider::Settings::default()).await.unwrap();
    let mut registration = Registration::at(provider.issuer(), "dev");
    "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
    let gateway = Gateway::start(&origin, &registration, &scratch).await;
    let (application, authority) = (UpgradingApp::start().await, Authority::new("app.localhost"));
    let backends = gateway.backends(application.address);
    let _proxy = RunningProxy::start(address, proxy, &backends, &authority, &scratch).await;
    let anonymous = TestClient::new(&origin, address, &authority);

    for fields in UPGRADES {
        anonymous.get("/open/page", fields).await;
    }
    for head in application.heads.lock().unwrap().iter() {
        let head = head.to_ascii_lowercase();
        let upgrades: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("upgrade:")).collect();
        assert!(matches!(upgrades[..], [] | [" websocket"]), "{head}");
    }
    // The application accepts an upgrade to WebSocket, and a request without an upgrade passes.
    assert_eq!(anonymous.get("/open/page", WEBSOCKET).await.status, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(anonymous.get("/open/page", &[]).await.status, StatusCode::OK);
    assert_ne!(anonymous.get("/elsewhere", WEBSOCKET).await.status, StatusCode::SWITCHING_PROTOCOLS);
}
