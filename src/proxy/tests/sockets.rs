//! Does a WebSocket get through, and nothing else?

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::any;

use super::*;

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\n\
                         Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-User: root\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

#[tokio::test]
async fn a_real_websocket_echoes_through_the_proxy() {
    let echo = any(|upgrade: WebSocketUpgrade| async {
        upgrade.on_upgrade(|mut socket| async move {
            while let Some(Ok(Message::Text(text))) = socket.recv().await {
                socket.send(Message::Text(text)).await.unwrap();
            }
        })
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let application = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, Router::new().route("/ws", echo)).await });
    let proxy = proxy_to(application, Limits::default()).await;
    let mut client = Wire(TcpStream::connect(proxy).await.unwrap());
    client.say(HANDSHAKE).await;
    let head = client.hear_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    for _ in 0..2 {
        // A text frame under the mask 0, and the same back without a mask (RFC 6455 §5.2).
        client.say(b"\x81\x82\0\0\0\0hi").await;
        let mut frame = [0; 4];
        client.0.read_exact(&mut frame).await.unwrap();
        assert_eq!(&frame, b"\x81\x02hi");
    }
}

#[tokio::test]
async fn a_handshake_carries_the_person_and_the_fields_that_switch() {
    let stage = Stage::new().await;
    let _client = stage.client(HANDSHAKE).await;
    let head = stage.accept().await.hear_until("\r\n\r\n").await;
    for field in
        ["x-forwarded-user: alice", "connection: Upgrade", "upgrade: websocket", "sec-websocket-key: "]
    {
        assert_eq!(head.matches(&format!("\r\n{field}")).count(), 1, "{field} in {head}");
    }
}

#[tokio::test]
async fn bytes_behind_the_switch_pass_and_either_side_ends_it() {
    let stage = Stage::new().await;
    for client_ends in [true, false] {
        let mut client = stage.client(HANDSHAKE).await;
        let mut application = stage.accept().await;
        application.hear_until("\r\n\r\n").await;
        application.say(format!("{SWITCH}first words")).await;
        client.hear_until("first words").await;
        client.say("answer").await;
        application.hear_until("answer").await;
        let (ends, other) = if client_ends { (client, &mut application) } else { (application, &mut client) };
        drop(ends);
        assert_eq!(other.hear_all().await, "");
    }
}

#[tokio::test]
async fn a_socket_takes_up_room_until_it_ends() {
    let stage = Stage::with_limits(Limits { tunnels: 1, ..Limits::default() }).await;
    let mut first = stage.client(HANDSHAKE).await;
    let mut application = stage.accept().await;
    application.say(SWITCH).await;
    first.hear_until("\r\n\r\n").await;
    let refused = stage.client(HANDSHAKE).await.hear_until("Busy").await;
    assert!(refused.starts_with("HTTP/1.1 599 "), "{refused}");
    drop((first, application));
    loop {
        let mut next = stage.client(HANDSHAKE).await;
        tokio::select! {
            _ = stage.accept() => break,
            _ = next.hear_until("Busy") => {}
        }
    }
}

#[tokio::test]
async fn a_refused_handshake_is_an_ordinary_answer() {
    let stage = Stage::new().await;
    let mut client = stage.client(HANDSHAKE).await;
    let mut application = stage.accept().await;
    application.hear_until("\r\n\r\n").await;
    application.say("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
    assert!(client.hear_until("no").await.starts_with("HTTP/1.1 403 Forbidden\r\n"));
    // The connection still speaks HTTP: what follows is a request that is decided on, not a tunnel.
    client.say("GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(application.hear_until("\r\n\r\n").await.contains("x-forwarded-user: alice"));
}

/// The attack known as h2c smuggling.
#[tokio::test]
async fn no_other_protocol_is_switched_to() {
    for fields in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
        "Connection: close\r\nUpgrade: websocket\r\n",
    ] {
        let stage = Stage::new().await;
        let mut client = stage.client(&format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
        let mut application = stage.accept().await;
        let head = application.hear_until("\r\n\r\n").await;
        for gone in ["upgrade", "connection", "http2"] {
            assert!(!head.contains(&format!("\r\n{gone}")), "{gone} in {head}");
        }
        application.say(SWITCH).await;
        client.hear_until("UpstreamMisbehaved(\"a switch of protocols\")").await;
    }
}

#[tokio::test]
async fn a_switch_to_another_protocol_than_asked_is_refused() {
    let stage = Stage::new().await;
    let mut client = stage.client(HANDSHAKE).await;
    stage.accept().await.say(SWITCH.replace("websocket", "h2c")).await;
    client.hear_until("UpstreamMisbehaved(\"a switch of protocols\")").await;
}
