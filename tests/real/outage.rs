//! What passes when a part is gone?

use http::StatusCode;

use crate::harness::{Proxy, Stage};

pub(crate) async fn nothing_passes_while_the_gateway_is_down(proxy: Proxy) {
    let mut stage = Stage::open(proxy).await;
    let caller = stage.caller("alice").await;
    assert_eq!(caller.get("/before", &[]).await.status, StatusCode::OK);

    stage.gateway.kill();
    let known = caller.get("/after", &[]).await;
    let stranger = stage.stranger().get("/after", &[("Accept", "text/html")]).await;
    let portal = stage.stranger().get("/oauth2/sign_in", &[]).await;

    for reply in [known, stranger, portal] {
        assert!(reply.status.is_server_error(), "{}: {}", reply.status, reply.body);
    }
    assert_eq!(stage.arrived("/after").len(), 0);
}

pub(crate) async fn a_session_outlasts_an_outage_of_the_provider(proxy: Proxy) {
    let mut stage = Stage::open(proxy).await;
    let caller = stage.caller("alice").await;

    stage.stop_provider().await;

    assert_eq!(caller.get("/work", &[]).await.status, StatusCode::OK);
    assert_eq!(stage.arrived("/work")[0].one("x-forwarded-user"), "alice");
    let stranger = stage.stranger().get("/work", &[("Accept", "application/json")]).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

pub(crate) async fn the_log_of_a_sign_in_holds_no_secret(proxy: Proxy) {
    let mut stage = Stage::open(proxy).await;
    let caller = stage.caller("alice").await;
    let reply = caller.get("/token", &[]).await;
    let token = stage.arrived("/token")[0].one("x-forwarded-id-token").to_owned();
    assert_eq!(reply.status, StatusCode::OK);

    let log = stage.gateway.log_with("signed in").await;
    let mut secrets: Vec<&str> = caller.session_values();
    secrets.extend(["foregate-secret", token.as_str()]);
    for secret in secrets {
        assert!(!log.contains(secret), "the log holds a secret:\n{log}");
    }
}
