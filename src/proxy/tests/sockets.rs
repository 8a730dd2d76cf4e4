//! Tests of WebSocket tunnels and of other protocol switches

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
    client.send(HANDSHAKE).await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    for _ in 0..2 {
        // A text frame under the mask 0, and the same back without a mask (RFC 6455 §5.2).
        client.send(b"\x81\x82\0\0\0\0hi").await;
        let mut frame = [0; 4];
        client.0.read_exact(&mut frame).await.unwrap();
        assert_eq!(&frame, b"\x81\x02hi");
    }
}

#[tokio::test]
async fn websocket_handshake_has_identity_headers_and_upgrade_fields() {
    let stage = Stage::new().await;
    let _client = stage.client(HANDSHAKE).await;
    let head = stage.accept().await.read_until("\r\n\r\n").await;
    for field in
        ["x-forwarded-user: alice", "connection: Upgrade", "upgrade: websocket", "sec-websocket-key: "]
    {
        assert_eq!(head.matches(&format!("\r\n{field}")).count(), 1, "{field} in {head}");
    }
}

#[tokio::test]
async fn tunnel_forwards_bytes_until_either_side_closes() {
    let stage = Stage::new().await;
    for client_ends in [true, false] {
        let mut client = stage.client(HANDSHAKE).await;
        let mut application = stage.accept().await;
        application.read_until("\r\n\r\n").await;
        application.send(format!("{SWITCH}first words")).await;
        client.read_until("first words").await;
        client.send("answer").await;
        application.read_until("answer").await;
        let (ends, other) = if client_ends { (client, &mut application) } else { (application, &mut client) };
        drop(ends);
        assert_eq!(other.read_all().await, "");
    }
}

/// A text frame of `hi`, and the Close frame with code 1008.
const FRAME: &[u8] = b"\x81\x02hi";
const CLOSE: &[u8] = &[0x88, 2, 0x03, 0xf0];

#[tokio::test]
async fn websocket_is_closed_with_1008_between_frames_when_its_session_ends() {
    for (begun, rest) in
        [(FRAME, &b""[..]), (&FRAME[..1], &FRAME[1..]), (&FRAME[..3], &[&FRAME[3..], FRAME].concat())]
    {
        let (stage, end) = Stage::with_session_end().await;
        let mut client = stage.client(HANDSHAKE).await;
        let mut application = stage.accept().await;
        application.read_until("\r\n\r\n").await;
        application.send([SWITCH.as_bytes(), begun].concat()).await;
        client.read_until("\r\n\r\n").await;
        let mut received = vec![0; begun.len()];
        client.0.read_exact(&mut received).await.unwrap();
        end.send_replace(true);
        // The proxy must have seen the end before the rest arrives.
        tokio::time::sleep(BRIEF).await;
        application.send(rest).await;
        client.send("input after the end").await;
        tokio::time::timeout(READ_TIMEOUT, client.0.read_to_end(&mut received)).await.unwrap().unwrap();
        assert_eq!(received, [FRAME, CLOSE].concat(), "{begun:?}");
        assert_eq!(application.read_all().await, "", "the application gets no more input");
    }
}

#[tokio::test]
async fn websocket_whose_frame_does_not_end_is_cut() {
    let (stage, end) = Stage::with_session_end().await;
    let mut client = stage.client(HANDSHAKE).await;
    let mut application = stage.accept().await;
    application.read_until("\r\n\r\n").await;
    application.send(format!("{SWITCH}\x01\x05ab")).await;
    client.read_until("ab").await;
    end.send_replace(true);
    assert_eq!(client.read_all().await, "", "no frame is forged into the middle of another");
    assert_eq!(application.read_all().await, "");
}

#[tokio::test]
async fn websocket_holds_its_permit_until_it_ends() {
    let stage = Stage::with_limits(Limits { tunnels: 1, ..Limits::default() }).await;
    let mut first = stage.client(HANDSHAKE).await;
    let mut application = stage.accept().await;
    application.send(SWITCH).await;
    first.read_until("\r\n\r\n").await;
    let refused = stage.client(HANDSHAKE).await.read_until("Busy").await;
    assert!(refused.starts_with("HTTP/1.1 599 "), "{refused}");
    drop((first, application));
    loop {
        let mut next = stage.client(HANDSHAKE).await;
        tokio::select! {
            _ = stage.accept() => break,
            _ = next.read_until("Busy") => {}
        }
    }
}

#[tokio::test]
async fn rejected_handshake_is_an_ordinary_response() {
    let stage = Stage::new().await;
    let mut client = stage.client(HANDSHAKE).await;
    let mut application = stage.accept().await;
    application.read_until("\r\n\r\n").await;
    application.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
    assert!(client.read_until("no").await.starts_with("HTTP/1.1 403 Forbidden\r\n"));
    // The connection still uses HTTP: the next bytes are a request with its own access decision, not a tunnel.
    client.send("GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(application.read_until("\r\n\r\n").await.contains("x-forwarded-user: alice"));
}

/// The attack known as h2c smuggling.
#[tokio::test]
async fn switch_to_another_protocol_than_websocket_is_not_forwarded() {
    for fields in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
        "Connection: close\r\nUpgrade: websocket\r\n",
    ] {
        let stage = Stage::new().await;
        let mut client = stage.client(&format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n")).await;
        let mut application = stage.accept().await;
        let head = application.read_until("\r\n\r\n").await;
        for gone in ["upgrade", "connection", "http2"] {
            assert!(!head.contains(&format!("\r\n{gone}")), "{gone} in {head}");
        }
        application.send(SWITCH).await;
        client.read_until("UpstreamMisbehaved(\"a switch of protocols\")").await;
    }
}

#[tokio::test]
async fn response_switching_to_an_unrequested_protocol_is_rejected() {
    let stage = Stage::new().await;
    let mut client = stage.client(HANDSHAKE).await;
    stage.accept().await.send(SWITCH.replace("websocket", "h2c")).await;
    client.read_until("UpstreamMisbehaved(\"a switch of protocols\")").await;
}
