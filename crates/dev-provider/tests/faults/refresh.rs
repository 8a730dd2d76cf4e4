//! Does a fault for refreshes meet refreshes alone, and what becomes of the refresh token?

use dev_provider::Fault;

use crate::claims::world;
use crate::harness::{World, part, text};
use crate::http::Reply;

fn fault(name: &str) -> Fault {
    name.parse().unwrap()
}

/// A refresh with a fault, after an exchange of a code that the fault must go by.
async fn refreshed_with(world: &World, name: &str) -> (String, Reply) {
    world.provider.arm_at_refresh(&[fault(name)]);
    let first = world.tokens().await;
    let nonce = part(text(&first, "id_token"), 1).get("nonce").cloned();
    assert_eq!(nonce.unwrap(), "the-nonce", "{name}");
    let token = text(&first, "refresh_token").to_owned();
    let reply = world.refresh(&token).await;
    (token, reply)
}

#[tokio::test]
async fn a_fault_for_refreshes_goes_by_exchanges_of_codes() {
    let world = world().await;
    let (_, reply) = refreshed_with(&world, "sub-changed").await;
    let sub = part(text(&reply.json(), "id_token"), 1).get("sub").cloned().unwrap();
    assert_eq!(sub, "00000000-0000-4000-8000-0000000000011");
    let (_, reply) = refreshed_with(&world, "nonce-changed").await;
    assert!(part(text(&reply.json(), "id_token"), 1).contains_key("nonce"));
    let (_, reply) = refreshed_with(&world, "token-id-token-missing").await;
    assert_eq!(reply.json().get("id_token"), None);
    let healthy = world.refresh(text(&reply.json(), "refresh_token")).await;
    assert!(healthy.json().get("id_token").is_some());
}

#[tokio::test]
async fn a_refresh_token_that_is_not_replaced_stays_good() {
    let world = world().await;
    let (token, reply) = refreshed_with(&world, "token-refresh-token-missing").await;
    assert_eq!((reply.status, reply.json().get("refresh_token")), (200, None));
    assert_eq!(world.refresh(&token).await.status, 200);
    assert_eq!(world.provider.observed().reuse_violations, 0);
    assert_eq!(world.refresh(&token).await.status, 400, "that one was replaced");
}

#[tokio::test]
async fn a_refresh_that_is_put_off_or_refused_redeems_nothing() {
    let world = world().await;
    for (name, status) in
        [("token-status-503", 503), ("token-status-429", 429), ("token-error-invalid-client", 401)]
    {
        let (token, reply) = refreshed_with(&world, name).await;
        assert_eq!(reply.status, status, "{name}");
        assert_eq!(reply.header("retry-after").is_some(), status != 401, "{name}");
        assert_eq!(world.refresh(&token).await.status, 200, "{name}");
    }
    assert_eq!(world.provider.observed().reuse_violations, 0);
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_has_used_the_token_up() {
    let world = world().await;
    let (token, reply) = refreshed_with(&world, "token-closed-half-way").await;
    assert!(serde_json::from_str::<serde_json::Value>(&reply.body).is_err());
    assert_eq!(world.refresh(&token).await.status, 400);
    assert_eq!(world.provider.observed().reuse_violations, 1);
}

#[tokio::test]
async fn a_fault_that_is_held_for_refreshes_stays_until_all_are_released() {
    let world = world().await;
    let first = world.tokens().await;
    let token = text(&first, "refresh_token");
    world.provider.hold_at_refresh(fault("token-status-503"));
    assert_eq!([world.refresh(token).await.status, world.refresh(token).await.status], [503, 503]);
    assert_eq!(world.redeem(&world.code().await).await.status, 200);
    world.provider.release_all();
    assert_eq!(world.refresh(token).await.status, 200);
}
