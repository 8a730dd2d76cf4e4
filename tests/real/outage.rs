//! Requests while the gateway or the provider is down

use http::StatusCode;

use crate::harness::{Proxy, Setup};

pub(crate) async fn no_request_passes_while_the_gateway_is_down(proxy: Proxy) {
    let mut setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("alice").await;
    assert_eq!(client.get("/before", &[]).await.status, StatusCode::OK);

    setup.gateway.kill();
    let signed_in = client.get("/after", &[]).await;
    let anonymous = setup.anonymous_client().get("/after", &[("Accept", "text/html")]).await;
    let portal = setup.anonymous_client().get("/oauth2/sign_in", &[]).await;

    for reply in [signed_in, anonymous, portal] {
        assert!(reply.status.is_server_error(), "{}: {}", reply.status, reply.body);
    }
    assert_eq!(setup.requests_to("/after").len(), 0);
}

pub(crate) async fn session_survives_an_outage_of_the_provider(proxy: Proxy) {
    let mut setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("alice").await;

    setup.stop_provider().await;

    assert_eq!(client.get("/work", &[]).await.status, StatusCode::OK);
    assert_eq!(setup.requests_to("/work")[0].value("x-forwarded-user"), "alice");
    let anonymous = setup.anonymous_client().get("/work", &[("Accept", "application/json")]).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
}

pub(crate) async fn log_of_a_sign_in_contains_no_secret(proxy: Proxy) {
    let mut setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("alice").await;
    let reply = client.get("/token", &[]).await;
    let token = setup.requests_to("/token")[0].value("x-forwarded-id-token").to_owned();
    assert_eq!(reply.status, StatusCode::OK);

    let log = setup.gateway.wait_for_log("signed in").await;
    let mut secrets: Vec<&str> = client.session_values();
    secrets.extend(["foregate-secret", token.as_str()]);
    for secret in secrets {
        assert!(!log.contains(secret), "the log contains a secret:\n{log}");
    }
}
