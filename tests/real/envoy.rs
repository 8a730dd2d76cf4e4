//! Envoy as Cilium configures it, with a list that copies every header of the gateway's reply
//!
//! Such a list is the default of the Gateway API. Envoy then copies `Content-Length: 0` of the reply onto the
//! client's request, unless the reply names that field for removal.

use http::{Method, StatusCode};

use dev_provider::Settings;

use crate::harness::{Proxy, ProxyOptions, Registration, Reserved, Setup, UpstreamHeaders};

fn copy_all() -> ProxyOptions {
    ProxyOptions { upstream_headers: UpstreamHeaders::All, ..ProxyOptions::from(Proxy::CiliumHttp) }
}

#[tokio::test(flavor = "multi_thread")]
async fn body_is_no_second_request_if_envoy_copies_all_headers() {
    let setup = Setup::start(copy_all()).await;
    let client = setup.signed_in_client("testuser").await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-User: admin\r\n\r\n";

    let reply = client.send_body(Method::POST, "/normal", &[], smuggled.to_owned()).await;

    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(setup.requests_to("/smuggled").len(), 0);
    let received = setup.requests_to("/normal");
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body, smuggled);
    assert_eq!(received[0].value("x-forwarded-user"), "testuser");
}

/// The attack works without the guard, so the other test can fail.
#[tokio::test(flavor = "multi_thread")]
async fn body_is_a_second_request_if_content_length_is_kept() {
    let (reserved, provider) = (Reserved::new(), dev_provider::start(Settings::default()).await.unwrap());
    let mut registration = Registration::at(provider.issuer(), "dev");
    "dangerously_keep_content_length = true\n".clone_into(&mut registration.check);
    let setup = Setup::with_provider(reserved, provider, &registration, copy_all()).await;
    let client = setup.signed_in_client("testuser").await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-User: admin\r\n\r\n";

    client.send_body(Method::POST, "/normal", &[], smuggled.to_owned()).await;

    let received = setup.requests_to("/smuggled");
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].value("x-forwarded-user"), "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_and_reply_fields_do_not_arrive_if_envoy_copies_all_headers() {
    let setup = Setup::start(copy_all()).await;
    let client = setup.signed_in_client("testuser").await;

    client.get("/page", &[("X-Forwarded-User", "evil"), ("Impersonate-User", "evil")]).await;

    let received = setup.requests_to("/page");
    assert_eq!(received.len(), 1);
    for name in ["cookie", "set-cookie", "cache-control", "vary", "content-type", "impersonate-user"] {
        assert_eq!(received[0].values(name), Vec::<&str>::new(), "{name}");
    }
    assert_eq!(received[0].value("x-forwarded-user"), "testuser");
}
