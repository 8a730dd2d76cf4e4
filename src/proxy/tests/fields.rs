//! Tests of the header fields that reach the application and the client

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Returns the head that the application reads if a client sends these fields.
async fn arrives(fields: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: app.test\r\n{fields}Connection: close\r\n\r\n");
    Stage::new().await.exchange(&request, OK).await.0
}

#[tokio::test]
async fn target_is_forwarded_unchanged_and_host_is_the_configured_origin() {
    let target = "//a/../b/%2e%2E/c%2F;x=1?q=%20&&a=b?c[]=|{}";
    let request = format!("GET {target} HTTP/1.1\r\nHost: APP.test:8443\r\nConnection: close\r\n\r\n");
    let (head, _) = Stage::new().await.exchange(&request, OK).await;
    assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{head}");
    assert!(head.contains("\r\nhost: app.test\r\n") && !head.contains("8443"), "{head}");
}

#[tokio::test]
async fn forged_identity_and_forwarded_fields_are_replaced() {
    let head = arrives(
        "X-Forwarded-User: root\r\nx-forwarded-user: admin\r\nImpersonate-User: root\r\nCookie: session=stolen\r\n\
         X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: evil.test\r\n\
         X_Forwarded_Prefix: /evil\r\nForwarded: for=10.0.0.1\r\nX-Real-Ip: 10.0.0.1\r\nX-Original-Url: /evil\r\n",
    )
    .await;
    let mut fields: Vec<&str> = head.trim_end().split("\r\n").skip(1).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "cookie: theme=dark",
            "host: app.test",
            "x-forwarded-email: alice@app.test",
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-group: dev",
            "x-forwarded-host: app.test",
            "x-forwarded-id-token: h.p.s",
            "x-forwarded-proto: https",
            "x-forwarded-user: alice",
        ]
    );
}

#[tokio::test]
async fn own_cookies_are_removed_from_the_response() {
    let reply =
        "HTTP/1.1 200 OK\r\nx-kept-out: 1\r\nx-app: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let request = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n";
    let (_, answer) = Stage::new().await.exchange(request, reply).await;
    assert!(answer.contains("x-app: 1") && !answer.contains("x-kept-out"), "{answer}");
}

#[tokio::test]
async fn hop_by_hop_fields_of_the_client_are_not_forwarded() {
    let head = arrives(
        "Connection: X-Secret, Keep-Alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\
         Proxy-Authorization: Basic x\r\nTE: gzip, trailers\r\nTrailer: X-Sum\r\n",
    )
    .await;
    for gone in ["x-secret", "keep-alive", "proxy-", "gzip", "close"] {
        assert!(!head.contains(gone), "{gone} in {head}");
    }
    for kept in ["te: trailers\r\n", "connection: TE\r\n", "trailer: X-Sum\r\n"] {
        assert!(head.contains(kept), "{kept} not in {head}");
    }
}

/// CVE-2024-45410, with names that the `access` module would have rejected.
#[tokio::test]
async fn connection_header_cannot_remove_fields_of_the_gateway() {
    let head =
        arrives("Connection: X-Forwarded-User, X-Forwarded-For, Cookie\r\nX-Forwarded-User: root\r\n").await;
    for ours in ["x-forwarded-user: alice\r\n", "x-forwarded-for: 192.0.2.7\r\n", "cookie: theme=dark\r\n"] {
        assert!(head.contains(ours), "{ours} not in {head}");
    }
}

#[tokio::test]
async fn hop_by_hop_fields_of_the_application_are_not_returned() {
    let reply = "HTTP/1.1 200 Fine\r\ncontent-length: 2\r\nconnection: x-secret, close\r\nx-secret: 1\r\n\
                 keep-alive: timeout=5\r\nupgrade: h2c\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\nok";
    let request = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let stage = Stage::new().await;
    let mut client = stage.client(request).await;
    let mut application = stage.accept().await;
    application.read_until("\r\n\r\n").await;
    application.send(reply).await;
    let heard = client.read_until("\r\n\r\nok").await;
    let (first, fields) = heard.split_once("\r\n").unwrap();
    assert_eq!(first, "HTTP/1.1 200 Fine");
    assert!(
        fields.starts_with("content-length: 2\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ndate: "),
        "{fields}"
    );
    assert_eq!(fields.matches("\r\n").count(), 5, "{fields}");
}

#[tokio::test]
async fn request_with_two_framings_is_forwarded_with_one() {
    let request = "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\
                   Connection: close\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let stage = Stage::new().await;
    let _client = stage.client(request).await;
    let mut application = stage.accept().await;
    let head = application.read_until("\r\n\r\n").await;
    assert!(head.contains("transfer-encoding: chunked\r\n") && !head.contains("content-length"), "{head}");
    assert_eq!(application.read_until("0\r\n\r\n").await, "2\r\nhi\r\n0\r\n\r\n");
}

#[tokio::test]
async fn response_with_two_framings_is_returned_with_one() {
    let reply =
        "HTTP/1.1 200 OK\r\ncontent-length: 40\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let request = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n";
    let (_, heard) = Stage::new().await.exchange(request, reply).await;
    assert!(heard.contains("transfer-encoding: chunked\r\n") && !heard.contains("content-length"), "{heard}");
    assert!(heard.ends_with("\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), "{heard}");
}

#[tokio::test]
async fn responses_without_a_body_keep_their_content_length() {
    for (method, reply) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n"),
        ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
    ] {
        let request = format!("{method} / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
        let (_, heard) = Stage::new().await.exchange(&request, reply).await;
        let last = reply.trim_end().rsplit("\r\n\r\n").next().unwrap();
        assert!(heard.starts_with(last), "{heard}");
        assert!(heard.ends_with("\r\n\r\n"), "{heard}");
        assert_eq!(heard.contains("content-length"), method == "HEAD", "{heard}");
    }
}
