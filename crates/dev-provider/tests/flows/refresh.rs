//! Does each refresh token work once, and does a second use kill its family?

use std::time::Duration;

use dev_provider::Settings;

use crate::harness::{World, part, text};

#[tokio::test]
async fn a_refresh_rotates_and_keeps_the_session() {
    let world = World::new().await;
    let first = world.tokens().await;
    let second = world.refresh(text(&first, "refresh_token")).await.json();
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    let (before, after) = (part(text(&first, "id_token"), 1), part(text(&second, "id_token"), 1));
    for same in ["iss", "sub", "aud", "sid", "auth_time"] {
        assert_eq!(before.get(same), after.get(same), "{same}");
    }
    assert_ne!(before.get("jti"), after.get("jti"));
    assert_eq!(after.get("nonce"), None);
    assert_eq!(world.refresh(text(&second, "refresh_token")).await.status, 200);
    assert_eq!(world.provider.observed().refresh, 2);
}

#[tokio::test]
async fn a_reused_refresh_token_kills_the_whole_family() {
    let world = World::new().await;
    let first = world.tokens().await;
    let second = world.refresh(text(&first, "refresh_token")).await.json();
    let newest = world.refresh(text(&second, "refresh_token")).await.json();
    let reuse = world.refresh(text(&first, "refresh_token")).await;
    assert_eq!((reuse.status, text(&reuse.json(), "error")), (400, "invalid_grant"));
    assert_eq!(world.refresh(text(&newest, "refresh_token")).await.status, 400);
    assert_eq!(world.userinfo(text(&newest, "access_token")).await.status, 401);
    let observed = world.provider.observed();
    assert_eq!((observed.refresh, observed.reuse_violations, observed.token_refused), (2, 1, 2));
}

#[tokio::test]
async fn reuse_leaves_the_single_sign_on_session_and_other_families_alone() {
    let world = World::new().await;
    let first = world.tokens().await;
    let other_code = world.authorize(&[("prompt", "none")]).await.sent_back("code").unwrap();
    let other = world.redeem(&other_code).await.json();
    world.refresh(text(&first, "refresh_token")).await;
    world.refresh(text(&first, "refresh_token")).await;
    assert_eq!(world.refresh(text(&other, "refresh_token")).await.status, 200);
    assert!(world.authorize(&[("prompt", "none")]).await.sent_back("code").is_some());
}

#[tokio::test]
async fn an_expired_or_forged_refresh_token_is_refused_without_harm() {
    let expired = World::with(Settings { refresh_token_life: Duration::ZERO, ..Settings::default() }).await;
    let tokens = expired.tokens().await;
    assert_eq!(expired.refresh(text(&tokens, "refresh_token")).await.status, 400);
    let world = World::new().await;
    let tokens = world.tokens().await;
    let forged = format!("{}x", text(&tokens, "refresh_token"));
    assert_eq!(text(&world.refresh(&forged).await.json(), "error"), "invalid_grant");
    assert_eq!(world.refresh(text(&tokens, "refresh_token")).await.status, 200);
    assert_eq!(world.provider.observed().reuse_violations, 0);
}
