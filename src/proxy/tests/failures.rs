//! Who is blamed when it does not work?

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

fn brief() -> Limits {
    Limits { response_head: BRIEF, ..Limits::default() }
}

#[tokio::test]
async fn an_application_that_is_not_there_is_unreachable() {
    let Stage { proxy, application } = Stage::new().await;
    drop(application);
    let mut client = Wire(TcpStream::connect(proxy).await.unwrap());
    client.say(GET).await;
    client.hear_until("\r\n\r\nUpstreamUnreachable").await;
}

#[tokio::test]
async fn an_application_that_says_nothing_is_out_of_time() {
    let stage = Stage::with_limits(brief()).await;
    let mut client = stage.client(GET).await;
    let mut application = stage.accept().await;
    client.hear_until("\r\n\r\nUpstreamTimedOut").await;
    application.hear_until("\r\n\r\n").await;
    assert_eq!(application.hear_all().await, "", "its connection is closed");
}

#[tokio::test]
async fn an_upload_that_moves_and_an_answer_that_streams_are_in_time() {
    let stage = Stage::with_limits(brief()).await;
    let mut client =
        stage.client("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..6 {
        tokio::time::sleep(BRIEF / 2).await;
        client.say("1\r\nx\r\n").await;
    }
    client.say("0\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.hear_until("0\r\n\r\n").await;
    application.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
    client.hear_until("\r\n\r\no").await;
    tokio::time::sleep(BRIEF * 2).await;
    application.say("k").await;
    client.hear_until("k").await;
}

#[tokio::test]
async fn an_application_that_breaks_http_is_blamed() {
    for reply in [
        "",
        "HTTP/1.1 200",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    ] {
        let request = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let (_, heard) = Stage::new().await.exchange(&request, reply).await;
        assert!(heard.contains("\r\n\r\nUpstreamBroke"), "{reply}: {heard}");
    }
}

#[tokio::test]
async fn a_body_in_another_coding_is_not_passed_back_unnamed() {
    let stage = Stage::new().await;
    let mut client = stage.client(GET).await;
    stage.accept().await.say("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n").await;
    client.hear_until("UpstreamMisbehaved(\"a transfer coding other than chunked\")").await;
}

#[tokio::test]
async fn one_request_too_many_is_refused_and_room_comes_back() {
    let stage = Stage::with_limits(Limits { requests: 1, ..Limits::default() }).await;
    let mut first = stage.client(GET).await;
    let mut application = stage.accept().await;
    application.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
    first.hear_until("\r\n\r\no").await;
    stage.client(GET).await.hear_until("\r\n\r\nBusy").await;
    application.say("k").await;
    first.hear_until("k").await;
    application.hear_until("\r\n\r\n").await;
    first.say(GET).await;
    application.hear_until("\r\n\r\n").await;
}

#[tokio::test]
async fn a_request_no_application_may_get_does_not_reach_it() {
    for (request, why) in [
        ("GET http://evil.test/ HTTP/1.1\r\nHost: app.test\r\n", "NotOriginForm"),
        ("CONNECT evil.test:443 HTTP/1.1\r\nHost: app.test\r\n", "Method"),
        ("TRACE / HTTP/1.1\r\nHost: app.test\r\n", "Method"),
        ("OPTIONS * HTTP/1.1\r\nHost: app.test\r\n", "NotOriginForm"),
        ("GET / HTTP/1.1\r\n", "Host"),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nHost: evil.test\r\n", "Host"),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Host\r\n", "Host"),
        ("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: gzip, chunked\r\n", "TransferCoding"),
    ] {
        let stage = Stage::new().await;
        let heard = stage.client(&format!("{request}\r\n")).await.hear_until(")").await;
        assert!(heard.contains("\r\n\r\nClientMalformed(") && heard.contains(why), "{request}: {heard}");
    }
}

#[tokio::test]
async fn a_client_that_breaks_its_own_body_is_blamed() {
    let stage = Stage::new().await;
    let mut client = stage
        .client("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        .await;
    let mut application = stage.accept().await;
    application.hear_until("2\r\nhi\r\n").await;
    client.say("no length\r\n").await;
    client.hear_until("\r\n\r\nClientAborted").await;
    assert_eq!(application.hear_all().await, "", "the body must not seem complete");
}
