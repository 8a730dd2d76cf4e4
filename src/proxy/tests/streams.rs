//! Does every byte move as soon as it is there?

use super::*;

const POST: &str = "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n";

#[tokio::test]
async fn chunks_pass_both_ways_before_either_message_is_complete() {
    let stage = Stage::new().await;
    let mut client = stage.client(&format!("{POST}\r\n3\r\none\r\n")).await;
    let mut application = stage.accept().await;
    application.hear_until("3\r\none\r\n").await;
    application.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\necho\r\n").await;
    client.hear_until("4\r\necho\r\n").await;
    client.say("3\r\ntwo\r\n0\r\n\r\n").await;
    assert_eq!(application.hear_until("0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
    application.say("0\r\n\r\n").await;
    assert_eq!(client.hear_until("0\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_large_body_passes_whole() {
    const SIZE: usize = 8 * 1024 * 1024;
    let stage = Stage::new().await;
    let request =
        format!("PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n");
    let mut client = stage.client(&request).await;
    let mut application = stage.accept().await;
    let body = "x".repeat(SIZE);
    let echo = async {
        let arrived = application.hear_until("\r\n\r\n").await;
        assert!(arrived.contains(&format!("content-length: {SIZE}\r\n")), "{arrived}");
        application.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n")).await;
        let mut buffer = vec![0; SIZE];
        application.0.read_exact(&mut buffer).await.unwrap();
        application.say(&buffer).await;
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
    client.say("\r\n2\r\nhi\r\n0\r\n\r\n").await;
    assert!(stage.accept().await.hear_until("0\r\n\r\n").await.ends_with("\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn trailers_pass_but_say_nothing_a_header_may_not() {
    let stage = Stage::new().await;
    let request = format!("{POST}TE: trailers\r\nTrailer: X-Sum, Impersonate-User, X-Real-Ip\r\n\r\n");
    let mut client = stage.client(&request).await;
    client.say("2\r\nhi\r\n0\r\nX-Sum: 1\r\nImpersonate-User: root\r\nX-Real-Ip: 10.0.0.1\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.hear_until("2\r\nhi\r\n").await;
    assert_eq!(application.hear_until("\r\n\r\n").await, "0\r\nx-sum: 1\r\n\r\n");
    application.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n").await;
    application.say("2\r\nok\r\n0\r\nx-end: 2\r\n\r\n").await;
    client.hear_until("2\r\nok\r\n").await;
    assert_eq!(client.hear_until("\r\n\r\n").await, "0\r\nx-end: 2\r\n\r\n");
}

#[tokio::test]
async fn a_trailer_that_is_an_alias_of_ours_drops_them_all() {
    let stage = Stage::new().await;
    let mut client = stage.client(&format!("{POST}Trailer: X-Sum, X_Forwarded_User\r\n\r\n")).await;
    client.say("2\r\nhi\r\n0\r\nX-Sum: 1\r\nX_Forwarded_User: root\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.hear_until("2\r\nhi\r\n").await;
    assert_eq!(application.hear_until("\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_client_that_goes_takes_its_request_along() {
    let stage = Stage::new().await;
    let waiting = stage.client("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.hear_until("\r\n\r\n").await;
    drop(waiting);
    assert_eq!(application.hear_all().await, "");

    let mut reading = stage.client("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.hear_until("\r\n\r\n").await;
    application.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nmore\r\n").await;
    reading.hear_until("more\r\n").await;
    drop(reading);
    assert_eq!(application.hear_all().await, "");

    let sending = stage.client(&format!("{POST}\r\n4\r\nhalf\r\n")).await;
    let mut application = stage.accept().await;
    application.hear_until("half\r\n").await;
    drop(sending);
    assert_eq!(application.hear_all().await, "", "the body must not seem complete");
}
