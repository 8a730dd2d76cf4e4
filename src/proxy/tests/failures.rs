//! Tests of the error that each failure returns

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

fn brief() -> Limits {
    Limits { response_head: BRIEF, ..Limits::default() }
}

#[tokio::test]
async fn refused_connection_returns_upstream_unreachable() {
    let Stage { proxy, application } = Stage::new().await;
    drop(application);
    let mut client = Wire(TcpStream::connect(proxy).await.unwrap());
    client.send(GET).await;
    client.read_until("\r\n\r\nUpstreamUnreachable").await;
}

#[tokio::test]
async fn silent_application_returns_upstream_timed_out() {
    let stage = Stage::with_limits(brief()).await;
    let mut client = stage.client(GET).await;
    let mut application = stage.accept().await;
    client.read_until("\r\n\r\nUpstreamTimedOut").await;
    application.read_until("\r\n\r\n").await;
    assert_eq!(application.read_all().await, "", "its connection is closed");
}

#[tokio::test]
async fn slow_upload_and_streaming_response_do_not_time_out() {
    let stage = Stage::with_limits(brief()).await;
    let mut client =
        stage.client("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..6 {
        tokio::time::sleep(BRIEF / 2).await;
        client.send("1\r\nx\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    let mut application = stage.accept().await;
    application.read_until("0\r\n\r\n").await;
    application.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
    client.read_until("\r\n\r\no").await;
    tokio::time::sleep(BRIEF * 2).await;
    application.send("k").await;
    client.read_until("k").await;
}

#[tokio::test]
async fn invalid_http_response_returns_upstream_broke() {
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
async fn response_with_unsupported_transfer_coding_is_rejected() {
    let stage = Stage::new().await;
    let mut client = stage.client(GET).await;
    stage.accept().await.send("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n").await;
    client.read_until("UpstreamMisbehaved(\"a transfer coding other than chunked\")").await;
}

#[tokio::test]
async fn request_above_the_limit_is_rejected_until_a_permit_is_released() {
    let stage = Stage::with_limits(Limits { requests: 1, ..Limits::default() }).await;
    let mut first = stage.client(GET).await;
    let mut application = stage.accept().await;
    application.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
    first.read_until("\r\n\r\no").await;
    stage.client(GET).await.read_until("\r\n\r\nBusy").await;
    application.send("k").await;
    first.read_until("k").await;
    application.read_until("\r\n\r\n").await;
    first.send(GET).await;
    application.read_until("\r\n\r\n").await;
}

#[tokio::test]
async fn malformed_request_does_not_reach_the_application() {
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
        let heard = stage.client(&format!("{request}\r\n")).await.read_until(")").await;
        assert!(heard.contains("\r\n\r\nClientMalformed(") && heard.contains(why), "{request}: {heard}");
    }
}

#[tokio::test]
async fn invalid_request_body_returns_client_aborted() {
    let stage = Stage::new().await;
    let mut client = stage
        .client("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        .await;
    let mut application = stage.accept().await;
    application.read_until("2\r\nhi\r\n").await;
    client.send("no length\r\n").await;
    client.read_until("\r\n\r\nClientAborted").await;
    assert_eq!(application.read_all().await, "", "the body must not seem complete");
}
