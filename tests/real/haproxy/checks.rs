//! Checks that HAProxy sends, and what it does with their replies

use http::{Method, StatusCode};

use super::{WithoutGateway, cookies, fields, start_check, start_raw_check};
use crate::harness::{Echo, HeaderRoom};

const TWO_COOKIES: [(&str, &str); 2] =
    [("set-cookie", "one=1; Path=/"), ("set-cookie", "two=2; Path=/; HttpOnly")];

#[tokio::test(flavor = "multi_thread")]
async fn request_without_a_reply_to_its_check_is_refused() {
    let setup = WithoutGateway::start(start_raw_check("").await, HeaderRoom::Documented).await;

    let reply = setup.client.get("/page", &[]).await;

    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(setup.echo.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_status_of_a_check_except_200_allows_a_request() {
    for status in [201, 204, 206, 302, 304, 401, 403, 502, 504, 599] {
        let identity = fields(&[("x-forwarded-user", "alice")]);
        let setup = WithoutGateway::with_reply((StatusCode::from_u16(status).unwrap(), identity)).await;
        let reply = setup.client.get("/page", &[]).await;
        // HAProxy itself makes a reply with 502 or 504 if the check gets none.
        let has_no_reply = matches!(status, ..300 | 502 | 504);
        assert_eq!(reply.status.as_u16(), if has_no_reply { 503 } else { status });
        assert_eq!(setup.echo.requests().len(), 0, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_reaches_the_client_whole() {
    let mut refusal = fields(&TWO_COOKIES);
    refusal.extend(fields(&[("location", "https://app.localhost/a?b=c"), ("cache-control", "no-store")]));
    refusal.extend(fields(&[("connection", "close"), ("keep-alive", "timeout=5")]));
    let page = "x".repeat(20_000);
    let setup = WithoutGateway::with_reply((StatusCode::SEE_OTHER, refusal, page.clone())).await;

    let reply = setup.client.get("/page", &[]).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert_eq!(cookies(&reply.headers), TWO_COOKIES.map(|(_, cookie)| cookie));
    assert_eq!(reply.header("location"), Some("https://app.localhost/a?b=c"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    // These describe the connection between HAProxy and the check.
    assert_eq!((reply.header("connection"), reply.header("keep-alive")), (None, None));
    assert_eq!(reply.headers.get_all("content-length").iter().count(), 1);
    assert!(reply.body == page);

    let upload = setup.client.send_body(Method::POST, "/page", &[], "y".repeat(50_000)).await;
    assert!(upload.body == page);
    let head = setup.client.send(Method::HEAD, "/page", &[]).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::SEE_OTHER, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_refusal_reaches_the_client_whole() {
    let chunked =
        "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    let setup = WithoutGateway::start(start_raw_check(chunked).await, HeaderRoom::Documented).await;

    let reply = setup.client.get("/page", &[]).await;

    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::FORBIDDEN, "onetwo"));
    assert_eq!(reply.header("transfer-encoding"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cookie_line_of_an_allowed_check_reaches_the_client() {
    let setup = WithoutGateway::with_reply(fields(&TWO_COOKIES)).await;

    let reply = setup.client.get("/page", &[]).await;

    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(cookies(&reply.headers), TWO_COOKIES.map(|(_, cookie)| cookie));
}

/// HAProxy omits a header without an error if its buffer is full of the body.
#[tokio::test(flavor = "multi_thread")]
async fn identity_arrives_in_front_of_a_large_body_or_the_request_is_refused() {
    let (token, body) = ("t".repeat(4000), "b".repeat(60_000));
    let check = start_check(fields(&[("x-forwarded-id-token", &token)])).await;

    let documented = WithoutGateway::start(check, HeaderRoom::Documented).await;
    let reply = documented.client.send_body(Method::POST, "/upload", &[], body.clone()).await;
    assert_eq!(reply.status, StatusCode::OK);
    let received = documented.echo.requests();
    assert_eq!((received[0].value("x-forwarded-id-token"), &received[0].body), (&*token, &body));

    let default = WithoutGateway::start(check, HeaderRoom::Default).await;
    let reply = default.client.send_body(Method::POST, "/upload", &[], body).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(default.echo.requests().len(), 0);
}

/// HAProxy 2.6.12 crashes if a check has more than 101 lines.
#[tokio::test(flavor = "multi_thread")]
async fn request_with_too_many_header_lines_is_refused() {
    let setup = WithoutGateway::with_reply(fields(&[("x-forwarded-user", "alice")])).await;
    for count in 90..110 {
        let names: Vec<String> = (0..count).map(|number| format!("x-line-{number}")).collect();
        let lines: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let reply = setup.client.get("/lines", &lines).await;
        let refused = matches!(reply.status.as_u16(), 400 | 431);
        // This client sends more lines, and haproxy.cfg adds three.
        assert_eq!(refused, count > 92, "{count}: {}", reply.status);
    }
    assert_eq!(setup.client.get("/page", &[]).await.status, StatusCode::OK);
}

/// Fields of the connection and the body describe a request that the check is not.
#[tokio::test(flavor = "multi_thread")]
async fn check_has_the_headers_of_the_client_except_those_of_its_connection_and_body() {
    let check = Echo::start().await;
    let setup = WithoutGateway::start(check.address(), HeaderRoom::Documented).await;
    let sent = [
        ("Accept", "*/*"),
        ("App", "first"),
        ("App", "second"),
        ("Connection", "keep-alive, TE"),
        ("Expect", "100-continue"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "App"),
        ("X-Forwarded-Port", "1"),
    ];
    let framings = [("transfer-encoding", "chunked"), ("content-length", "4")];
    for framing in framings {
        let headers = [&sent[..], &[framing]].concat();
        let reply = setup.client.send_body(Method::POST, "/a//b?c=%2f", &headers, "body".to_owned()).await;
        assert_eq!(reply.status, StatusCode::OK);
    }

    let host = setup.host.as_str();
    let expected = [
        ("accept", "*/*"),
        ("app", "first"),
        ("app", "second"),
        ("host", &check.address().to_string()),
        ("user-agent", "HAProxy"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", host),
        ("x-forwarded-method", "POST"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-uri", "/a//b?c=%2f"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let checks = check.requests();
    let checks: Vec<_> = checks.iter().filter(|check| check.target == "/check/haproxy").collect();
    assert_eq!(checks.len(), 2);
    for received in checks {
        let mut headers = received.headers.clone();
        headers.sort();
        assert_eq!(
            (received.method.as_str(), received.body.as_str(), headers),
            ("GET", "", expected.to_vec())
        );
    }
    for received in setup.echo.requests() {
        assert_eq!((received.target.as_str(), received.body.as_str()), ("/a//b?c=%2f", "body"));
        let values =
            ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"].map(|name| received.value(name));
        assert_eq!(values, ["127.0.0.1", host, "https"]);
        assert_eq!(received.values("x-forwarded-port"), Vec::<&str>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_of_a_websocket_is_no_upgrade_request() {
    let check = Echo::start().await;
    let setup = WithoutGateway::start(check.address(), HeaderRoom::Documented).await;

    let handshake = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    setup.client.get("/page", &handshake).await;

    let checks = check.requests();
    let received = checks.iter().find(|check| check.target == "/check/haproxy").unwrap();
    assert_eq!((received.values("upgrade"), received.values("connection").len()), (vec!["websocket"], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_header_of_the_client_does_not_arrive() {
    let setup = WithoutGateway::with_reply(fields(&[("x-forwarded-user", "alice")])).await;

    setup.client.get("/page", &[("Connection", "close, X-Forwarded-User")]).await;

    let received = setup.echo.requests();
    assert_eq!(received.len(), 1);
    assert!(!received[0].values("connection").iter().any(|line| line.contains("orwarded")));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_host_is_not_served() {
    let setup = WithoutGateway::with_reply(fields(&[("x-forwarded-user", "alice")])).await;

    for host in ["other.localhost", "app.localhost:1", "other.localhost, app.localhost"] {
        let reply = setup.client.get("/page", &[("Host", host)]).await;
        assert!(!reply.status.is_success(), "{host}: {}", reply.status);
    }
    assert_eq!(setup.echo.requests().len(), 0);
}
