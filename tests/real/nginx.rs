//! Requests that only the documented file of nginx handles

use http::StatusCode;

use crate::harness::{Proxy, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn client_cannot_request_the_check() {
    let setup = Setup::start(Proxy::Nginx).await;
    let client = setup.signed_in_client("testuser").await;
    for path in ["/foregate-check", "/%66oregate-check", "//foregate-check"] {
        let reply = client.get(path, &[]).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}: {}", reply.body);
        assert_eq!(reply.header("x-forwarded-id-token"), None, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn request_for_another_host_is_refused() {
    let setup = Setup::start(Proxy::Nginx).await;
    let client = setup.signed_in_client("testuser").await;
    let own = setup.origin().trim_start_matches("https://");
    let cookies = client.cookie_line();
    for (line, host, status) in [
        ("/other", "evil.test", 421),
        ("https://evil.test/other", own, 421),
        // The host of the target counts (RFC 9112 §3.2.2).
        ("https://app.localhost/own", "evil.test", 200),
    ] {
        let request =
            format!("GET {line} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n");
        let reply = setup.raw_client().exchange(request.as_bytes()).await;
        assert_eq!(reply.status, status, "{line} at {host}: {}", reply.body);
        assert_eq!(reply.values("x-forwarded-user"), Vec::<&str>::new());
    }
    assert_eq!(setup.requests_to("/other").len(), 0);
    assert_eq!(setup.requests_to("/own")[0].value("host"), own);
}
