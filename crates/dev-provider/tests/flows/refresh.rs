//! Refresh token rotation and reuse detection

use std::time::Duration;

use dev_provider::{RefreshPlan, Settings};

use crate::harness::{Fixture, part, text};

#[tokio::test]
async fn a_refresh_rotates_and_keeps_the_session() {
    let fixture = Fixture::new().await;
    let first = fixture.tokens().await;
    let second = fixture.refresh(text(&first, "refresh_token")).await.json();
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    let (before, after) = (part(text(&first, "id_token"), 1), part(text(&second, "id_token"), 1));
    for same in ["iss", "sub", "aud", "sid", "auth_time"] {
        assert_eq!(before.get(same), after.get(same), "{same}");
    }
    assert_ne!(before.get("jti"), after.get("jti"));
    assert_eq!(after.get("nonce"), None);
    assert_eq!(fixture.refresh(text(&second, "refresh_token")).await.status, 200);
    assert_eq!(fixture.provider.observed().refresh, 2);
}

#[tokio::test]
async fn reused_refresh_token_revokes_the_whole_family() {
    let fixture = Fixture::new().await;
    let first = fixture.tokens().await;
    let second = fixture.refresh(text(&first, "refresh_token")).await.json();
    let newest = fixture.refresh(text(&second, "refresh_token")).await.json();
    let reuse = fixture.refresh(text(&first, "refresh_token")).await;
    assert_eq!((reuse.status, text(&reuse.json(), "error")), (400, "invalid_grant"));
    assert_eq!(fixture.refresh(text(&newest, "refresh_token")).await.status, 400);
    assert_eq!(fixture.userinfo(text(&newest, "access_token")).await.status, 401);
    let observed = fixture.provider.observed();
    assert_eq!((observed.refresh, observed.reuse_violations, observed.token_refused), (2, 1, 2));
}

#[tokio::test]
async fn reuse_does_not_affect_the_sso_session_or_other_families() {
    let fixture = Fixture::new().await;
    let first = fixture.tokens().await;
    let other_code = fixture.authorize(&[("prompt", "none")]).await.sent_back("code").unwrap();
    let other = fixture.redeem(&other_code).await.json();
    fixture.refresh(text(&first, "refresh_token")).await;
    fixture.refresh(text(&first, "refresh_token")).await;
    assert_eq!(fixture.refresh(text(&other, "refresh_token")).await.status, 200);
    assert!(fixture.authorize(&[("prompt", "none")]).await.sent_back("code").is_some());
}

#[tokio::test]
async fn expired_or_forged_refresh_token_is_refused_and_revokes_nothing() {
    let expired = Fixture::with(Settings { refresh_token_life: Duration::ZERO, ..Settings::default() }).await;
    let tokens = expired.tokens().await;
    assert_eq!(expired.refresh(text(&tokens, "refresh_token")).await.status, 400);
    let fixture = Fixture::new().await;
    let tokens = fixture.tokens().await;
    let forged = format!("{}x", text(&tokens, "refresh_token"));
    assert_eq!(text(&fixture.refresh(&forged).await.json(), "error"), "invalid_grant");
    assert_eq!(fixture.refresh(text(&tokens, "refresh_token")).await.status, 200);
    assert_eq!(fixture.provider.observed().reuse_violations, 0);
}

#[tokio::test]
async fn planned_refresh_exchanges_the_token_before_its_delay() {
    let fixture = Fixture::new().await;
    let (sender, mut seen) = tokio::sync::mpsc::channel(2);
    fixture.provider.plan_refreshes(move |refresh| {
        sender.try_send(refresh.clone()).unwrap();
        let delay = if refresh.is_valid { Duration::from_mins(1) } else { Duration::ZERO };
        RefreshPlan { faults: Vec::new(), delay }
    });
    let first = fixture.tokens().await;
    let token = text(&first, "refresh_token");
    let again = async {
        let refresh = seen.recv().await.unwrap();
        assert_eq!((&*refresh.username, refresh.generation, refresh.is_valid), ("testuser", 0, true));
        let reuse = fixture.refresh(token).await;
        fixture.provider.release_all();
        (reuse.status, seen.recv().await.unwrap().is_valid)
    };
    let (delayed, reuse) = tokio::join!(fixture.refresh(token), again);
    assert_eq!((delayed.status, reuse), (200, (400, false)));
    assert_eq!(fixture.provider.observed().reuse_violations, 1);
}
