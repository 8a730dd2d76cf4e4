//! Can a request travel inside another one's upgraded connection, where nobody decides about it?
//!
//! The attack known as h2c smuggling: a client asks for HTTP/2 in the clear on a path that is public, the application
//! switches, and all further requests go through the tunnel.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{
    Authority, Backends, Caller, FrontProxy, Gateway, Proxy, Registration, Scratch, free_addresses,
};

/// An application that switches to whatever it is asked for, and remembers the heads that it got.
struct Willing {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Willing {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::default());
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(switch(stream, Arc::clone(&kept)));
            }
        });
        Self { address, heads }
    }
}

async fn switch(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let wanted = head.lines().filter_map(|line| line.split_once(": "));
    let mut wanted = wanted.filter(|(name, _)| name.eq_ignore_ascii_case("upgrade"));
    let answer = match wanted.next() {
        Some((_, protocol)) => {
            format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n")
        }
        None => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    heads.lock().unwrap().push(head);
    let _gone = stream.write_all(answer.as_bytes()).await;
    // Held open, as a tunnel is.
    let _end = stream.read_to_end(&mut Vec::new()).await;
}

/// Ways to ask for another protocol than WebSocket (RFC 7540 §3.2, RFC 9110 §7.8).
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

pub(crate) async fn no_tunnel_opens_behind_a_public_path(proxy: Proxy) {
    let scratch = Scratch::new();
    let [address] = free_addresses();
    let origin = format!("https://app.localhost:{}", address.port());
    let provider = dev_provider::start(dev_provider::Settings::default()).await.unwrap();
    let mut registration = Registration::at(provider.issuer(), "dev");
    "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
    let gateway = Gateway::start(&origin, &registration, &scratch).await;
    let (application, authority) = (Willing::start().await, Authority::new("app.localhost"));
    let backends = Backends { app: application.address, public: gateway.public(), check: gateway.check() };
    let _front = FrontProxy::start(address, proxy, &backends, &authority, &scratch).await;
    let stranger = Caller::new(&origin, address, &authority);

    for fields in UPGRADES {
        stranger.get("/open/page", fields).await;
    }
    for head in application.heads.lock().unwrap().iter() {
        let head = head.to_ascii_lowercase();
        let upgrades: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("upgrade:")).collect();
        assert!(matches!(upgrades[..], [] | [" websocket"]), "{head}");
    }
    // What the application would do for them, it does for WebSocket; and a plain request passes.
    assert_eq!(stranger.get("/open/page", WEBSOCKET).await.status, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(stranger.get("/open/page", &[]).await.status, StatusCode::OK);
    assert_ne!(stranger.get("/elsewhere", WEBSOCKET).await.status, StatusCode::SWITCHING_PROTOCOLS);
}
