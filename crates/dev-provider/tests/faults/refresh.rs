//! Faults for refreshes, and the state of the refresh token after them

use dev_provider::Fault;
use serde_json::{Value, json};

use crate::claims::fixture;
use crate::harness::{Fixture, part, text};
use crate::http::Reply;

fn fault(name: &str) -> Fault {
    name.parse().unwrap()
}

/// Refreshes with a fault, after an exchange of a code that the fault must not affect.
async fn refresh_with(fixture: &Fixture, name: &str) -> (String, Reply) {
    fixture.provider.arm_at_refresh(&[fault(name)]);
    let first = fixture.tokens().await;
    let nonce = part(text(&first, "id_token"), 1).get("nonce").cloned();
    assert_eq!(nonce.unwrap(), "the-nonce", "{name}");
    let token = text(&first, "refresh_token").to_owned();
    let reply = fixture.refresh(&token).await;
    (token, reply)
}

#[tokio::test]
async fn fault_for_refreshes_does_not_affect_exchanges_of_codes() {
    let fixture = fixture().await;
    let (_, reply) = refresh_with(&fixture, "sub-changed").await;
    let sub = part(text(&reply.json(), "id_token"), 1).get("sub").cloned().unwrap();
    assert_eq!(sub, "00000000-0000-4000-8000-0000000000011");
    let (_, reply) = refresh_with(&fixture, "nonce-changed").await;
    assert!(part(text(&reply.json(), "id_token"), 1).contains_key("nonce"));
    let (_, reply) = refresh_with(&fixture, "token-id-token-missing").await;
    assert_eq!(reply.json().get("id_token"), None);
    let healthy = fixture.refresh(text(&reply.json(), "refresh_token")).await;
    assert!(healthy.json().get("id_token").is_some());
}

#[tokio::test]
async fn refresh_token_that_is_not_replaced_stays_valid() {
    for name in ["token-refresh-token-missing", "token-refresh-token-null"] {
        let fixture = fixture().await;
        let (token, reply) = refresh_with(&fixture, name).await;
        assert_eq!((reply.status, reply.json().get("refresh_token").and_then(Value::as_str)), (200, None));
        assert_eq!(fixture.refresh(&token).await.status, 200, "{name}");
        assert_eq!(fixture.provider.observed().reuse_violations, 0);
        assert_eq!(fixture.refresh(&token).await.status, 400, "the refresh replaced this token");
    }
}

#[tokio::test]
async fn odd_members_of_a_refresh_response_spend_the_token() {
    let fixture = fixture().await;
    for (name, member, value) in [
        ("token-scope-list", "scope", json!(["openid"])),
        ("token-expires-in-text", "expires_in", json!("300")),
        ("token-expires-in-null", "expires_in", Value::Null),
        ("token-id-token-null", "id_token", Value::Null),
        ("token-access-token-number", "access_token", json!(7)),
        ("token-refresh-token-number", "refresh_token", json!(7)),
    ] {
        let (token, reply) = refresh_with(&fixture, name).await;
        assert_eq!((reply.status, reply.json().get(member)), (200, Some(&value)), "{name}");
        assert_eq!(fixture.refresh(&token).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn overage_of_groups_can_begin_at_a_refresh() {
    let fixture = fixture().await;
    for (name, sign) in [("groups-overage", "_claim_names"), ("groups-hasgroups", "hasgroups")] {
        let (_, reply) = refresh_with(&fixture, name).await;
        let claims = part(text(&reply.json(), "id_token"), 1);
        assert!(claims.contains_key(sign) && !claims.contains_key("groups"), "{name}");
    }
}

#[tokio::test]
async fn postponed_or_refused_refresh_does_not_spend_the_token() {
    let fixture = fixture().await;
    for (name, status) in
        [("token-status-503", 503), ("token-status-429", 429), ("token-error-invalid-client", 401)]
    {
        let (token, reply) = refresh_with(&fixture, name).await;
        assert_eq!(reply.status, status, "{name}");
        assert_eq!(reply.header("retry-after").is_some(), status != 401, "{name}");
        assert_eq!(fixture.refresh(&token).await.status, 200, "{name}");
    }
    assert_eq!(fixture.provider.observed().reuse_violations, 0);
}

#[tokio::test]
async fn refresh_with_lost_response_spends_the_token() {
    let fixture = fixture().await;
    let (token, reply) = refresh_with(&fixture, "token-closed-half-way").await;
    assert!(serde_json::from_str::<Value>(&reply.body).is_err());
    assert_eq!(fixture.refresh(&token).await.status, 400);
    assert_eq!(fixture.provider.observed().reuse_violations, 1);
}

#[tokio::test]
async fn fault_held_for_refreshes_stays_until_all_are_released() {
    let fixture = fixture().await;
    let first = fixture.tokens().await;
    let token = text(&first, "refresh_token");
    fixture.provider.hold_at_refresh(fault("token-status-503"));
    assert_eq!([fixture.refresh(token).await.status, fixture.refresh(token).await.status], [503, 503]);
    assert_eq!(fixture.redeem(&fixture.code().await).await.status, 200);
    fixture.provider.release_all();
    assert_eq!(fixture.refresh(token).await.status, 200);
}
