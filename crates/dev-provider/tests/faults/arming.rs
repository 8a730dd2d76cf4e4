//! Requests that armed, held and requested faults affect

use dev_provider::{Fault, Settings, SigningAlgorithm};

use crate::claims::fixture;
use crate::harness::{Fixture, part, text};

fn fault(name: &str) -> Fault {
    name.parse().unwrap()
}

async fn sub(fixture: &Fixture, code: &str) -> Option<serde_json::Value> {
    part(text(&fixture.redeem(code).await.json(), "id_token"), 1).get("sub").cloned()
}

#[tokio::test]
async fn faults_take_effect_in_the_order_of_arming() {
    let fixture = fixture().await;
    fixture.provider.arm(fault("sub-empty"));
    fixture.provider.arm(fault("sub-number"));
    assert_eq!(sub(&fixture, &fixture.code().await).await.unwrap(), "");
    assert_eq!(sub(&fixture, &fixture.code().await).await.unwrap(), 1001);
    assert_eq!(sub(&fixture, &fixture.code().await).await.unwrap().as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn faults_armed_together_affect_one_response() {
    let fixture = fixture().await;
    fixture.provider.arm_all(&[fault("sub-missing"), fault("kid-missing"), fault("token-type-mac")]);
    let tokens = fixture.tokens().await;
    assert_eq!(text(&tokens, "token_type"), "mac");
    let token = text(&tokens, "id_token");
    assert!(part(token, 0).get("kid").is_none() && part(token, 1).get("sub").is_none());
    assert_eq!(text(&fixture.tokens().await, "token_type"), "Bearer");
}

#[tokio::test]
async fn held_fault_stays_until_released() {
    let fixture = fixture().await;
    for release_all in [false, true] {
        fixture.provider.hold(fault("sub-missing"));
        for _ in 0..2 {
            assert!(sub(&fixture, &fixture.code().await).await.is_none());
        }
        if release_all {
            fixture.provider.release_all();
        } else {
            fixture.provider.release(fault("sub-missing"));
        }
        assert!(sub(&fixture, &fixture.code().await).await.is_some());
    }
}

#[tokio::test]
async fn armed_fault_affects_a_refreshed_id_token() {
    let fixture = fixture().await;
    let tokens = fixture.tokens().await;
    fixture.provider.arm(fault("iss-changed"));
    let refreshed = fixture.refresh(text(&tokens, "refresh_token")).await.json();
    let claims = part(text(&refreshed, "id_token"), 1);
    assert_eq!(claims.get("iss").unwrap().as_str().unwrap(), format!("{}1", fixture.provider.issuer()));
}

#[tokio::test]
async fn fault_requested_by_a_browser_affects_only_its_own_login() {
    let settings = Settings {
        signing_algorithm: SigningAlgorithm::Es256,
        faults_by_request: true,
        ..Settings::default()
    };
    let fixture = Fixture::with(settings).await;
    let page = fixture.authorize(&[("fault", "sub-missing token-type-mac")]).await;
    let wrong = fixture.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap();
    let healthy = fixture.code().await;
    assert!(sub(&fixture, &healthy).await.is_some());
    let tokens = fixture.redeem(&wrong).await.json();
    assert_eq!(text(&tokens, "token_type"), "mac");
    assert_eq!(part(text(&tokens, "id_token"), 1).get("sub"), None);
    let unknown = fixture.authorize(&[("fault", "no-such-fault")]).await;
    assert_eq!((unknown.status, unknown.header("location")), (400, None));
}

#[tokio::test]
async fn fault_requested_by_a_browser_is_ignored_by_default() {
    let fixture = fixture().await;
    let page = fixture.authorize(&[("fault", "sub-missing")]).await;
    let code = fixture.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap();
    assert!(sub(&fixture, &code).await.is_some());
}
