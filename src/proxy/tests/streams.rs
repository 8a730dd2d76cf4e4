//! Tests of streaming bodies and trailers

use super::*;

const POST: &str = "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n";

#[tokio::test]
async fn chunks_stream_both_ways_before_a_message_is_complete() {
    let stage = Stage::new().await;
    let mut client = stage.client(&format!("{POST}\r\n3\r\none\r\n")).await;
    let mut application = stage.accept().await;
    application.read_until("3\r\none\r\n").await;
    application.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\necho\r\n").await;
    client.read_until("4\r\necho\r\n").await;
    client.send("3\r\ntwo\r\n0\r\n\r\n").await;
    assert_eq!(application.read_until("0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
    application.send("0\r\n\r\n").await;
    assert_eq!(client.read_until("0\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn stream_is_cut_when_its_session_ends_and_a_body_of_known_length_is_not() {
    let (stage, end) = Stage::with_session_end().await;
    let mut client = stage.client("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nline\r\n").await;
    client.read_until("line\r\n").await;
    let mut other = stage.client("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").await;
    let mut second = stage.accept().await;
    second.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nli").await;
    other.read_until("li").await;
    end.send_replace(true);
    assert_eq!(client.read_all().await, "", "without the last chunk");
    second.send("ne").await;
    assert_eq!(other.read_all().await, "ne");
}

#[tokio::test]
async fn large_body_is_forwarded_completely() {
    const SIZE: usize = 8 * 1024 * 1024;
    let stage = Stage::new().await;
    let request =
        format!("PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n");
    let mut client = stage.client(&request).await;
    let mut application = stage.accept().await;
    let body = "x".repeat(SIZE);
    let echo = async {
        let arrived = application.read_until("\r\n\r\n").await;
        assert!(arrived.contains(&format!("content-length: {SIZE}\r\n")), "{arrived}");
        application.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n")).await;
        let mut buffer = vec![0; SIZE];
        application.0.read_exact(&mut buffer).await.unwrap();
        application.send(&buffer).await;
    };
    let (mut reader, mut writer) = client.0.split();
    let mut heard = String::new();
    let ((), sent, read) =
        tokio::join!(echo, writer.write_all(body.as_bytes()), reader.read_to_string(&mut heard));
    sent.unwrap();
    read.unwrap();
    assert!(heard.split_once("\r\n\r\n").unwrap().1 == body);
}

#[tokio::test]
async fn a_get_keeps_its_chunked_body() {
    let stage = Stage::new().await;
    let mut client = stage.client(&POST.replace("POST", "GET")).await;
    client.send("\r\n2\r\nhi\r\n0\r\n\r\n").await;
    assert!(stage.accept().await.read_until("0\r\n\r\n").await.ends_with("\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn trailers_are_forwarded_without_stripped_fields() {
    let stage = Stage::new().await;
    let request = format!("{POST}TE: trailers\r\nTrailer: X-Sum, Impersonate-User, X-Real-Ip\r\n\r\n");
    let mut client = stage.client(&request).await;
    client.send("2\r\nhi\r\n0\r\nX-Sum: 1\r\nImpersonate-User: root\r\nX-Real-Ip: 10.0.0.1\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.read_until("2\r\nhi\r\n").await;
    assert_eq!(application.read_until("\r\n\r\n").await, "0\r\nx-sum: 1\r\n\r\n");
    application.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n").await;
    application.send("2\r\nok\r\n0\r\nx-end: 2\r\n\r\n").await;
    client.read_until("2\r\nok\r\n").await;
    assert_eq!(client.read_until("\r\n\r\n").await, "0\r\nx-end: 2\r\n\r\n");
}

#[tokio::test]
async fn alias_of_an_identity_header_in_trailers_drops_all_trailers() {
    let stage = Stage::new().await;
    let mut client = stage.client(&format!("{POST}Trailer: X-Sum, X_Forwarded_User\r\n\r\n")).await;
    client.send("2\r\nhi\r\n0\r\nX-Sum: 1\r\nX_Forwarded_User: root\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.read_until("2\r\nhi\r\n").await;
    assert_eq!(application.read_until("\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn client_disconnect_ends_the_request_to_the_application() {
    let stage = Stage::new().await;
    let waiting = stage.client("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.read_until("\r\n\r\n").await;
    drop(waiting);
    assert_eq!(application.read_all().await, "");

    let mut reading = stage.client("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.read_until("\r\n\r\n").await;
    application.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nmore\r\n").await;
    reading.read_until("more\r\n").await;
    drop(reading);
    assert_eq!(application.read_all().await, "");

    let sending = stage.client(&format!("{POST}\r\n4\r\nhalf\r\n")).await;
    let mut application = stage.accept().await;
    application.read_until("half\r\n").await;
    drop(sending);
    assert_eq!(application.read_all().await, "", "the body must not seem complete");
}
