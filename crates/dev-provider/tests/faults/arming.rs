//! Which request does an armed fault meet, and for how long?

use dev_provider::{Fault, Settings, SigningAlgorithm};

use crate::claims::world;
use crate::harness::{World, part, text};

fn fault(name: &str) -> Fault {
    name.parse().unwrap()
}

async fn sub(world: &World, code: &str) -> Option<serde_json::Value> {
    part(text(&world.redeem(code).await.json(), "id_token"), 1).get("sub").cloned()
}

#[tokio::test]
async fn faults_are_met_in_the_order_they_were_armed() {
    let world = world().await;
    world.provider.arm(fault("sub-empty"));
    world.provider.arm(fault("sub-number"));
    assert_eq!(sub(&world, &world.code().await).await.unwrap(), "");
    assert_eq!(sub(&world, &world.code().await).await.unwrap(), 1001);
    assert_eq!(sub(&world, &world.code().await).await.unwrap().as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn faults_armed_together_meet_one_answer() {
    let world = world().await;
    world.provider.arm_all(&[fault("sub-missing"), fault("kid-missing"), fault("token-type-mac")]);
    let tokens = world.tokens().await;
    assert_eq!(text(&tokens, "token_type"), "mac");
    let token = text(&tokens, "id_token");
    assert!(part(token, 0).get("kid").is_none() && part(token, 1).get("sub").is_none());
    assert_eq!(text(&world.tokens().await, "token_type"), "Bearer");
}

#[tokio::test]
async fn a_held_fault_stays_until_released() {
    let world = world().await;
    for release_all in [false, true] {
        world.provider.hold(fault("sub-missing"));
        for _ in 0..2 {
            assert!(sub(&world, &world.code().await).await.is_none());
        }
        if release_all {
            world.provider.release_all();
        } else {
            world.provider.release(fault("sub-missing"));
        }
        assert!(sub(&world, &world.code().await).await.is_some());
    }
}

#[tokio::test]
async fn a_refreshed_id_token_can_be_wrong_too() {
    let world = world().await;
    let tokens = world.tokens().await;
    world.provider.arm(fault("iss-changed"));
    let refreshed = world.refresh(text(&tokens, "refresh_token")).await.json();
    let claims = part(text(&refreshed, "id_token"), 1);
    assert_eq!(claims.get("iss").unwrap().as_str().unwrap(), format!("{}1", world.provider.issuer()));
}

#[tokio::test]
async fn a_browser_asks_for_a_fault_in_its_own_login_only() {
    let settings = Settings {
        signing_algorithm: SigningAlgorithm::Es256,
        faults_by_request: true,
        ..Settings::default()
    };
    let world = World::with(settings).await;
    let page = world.authorize(&[("fault", "sub-missing token-type-mac")]).await;
    let wrong = world.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap();
    let healthy = world.code().await;
    assert!(sub(&world, &healthy).await.is_some());
    let tokens = world.redeem(&wrong).await.json();
    assert_eq!(text(&tokens, "token_type"), "mac");
    assert_eq!(part(text(&tokens, "id_token"), 1).get("sub"), None);
    let unknown = world.authorize(&[("fault", "no-such-fault")]).await;
    assert_eq!((unknown.status, unknown.header("location")), (400, None));
}

#[tokio::test]
async fn a_browser_asks_in_vain_unless_it_may() {
    let world = world().await;
    let page = world.authorize(&[("fault", "sub-missing")]).await;
    let code = world.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap();
    assert!(sub(&world, &code).await.is_some());
}
