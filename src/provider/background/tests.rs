//! Tests of the retry delay after failed loads

use super::*;
use crate::flow::ports::{IdentityProvider, RefreshRequest};
use crate::provider::fixture::{fixture, until};
use crate::provider::testing::{metadata, reply, rsa};
use crate::secret::Secret;

#[test]
fn retry_delay_grows_up_to_thirty_seconds_and_half_of_it_is_jitter() {
    let bounds = |failures| (retry_delay(failures, 0), retry_delay(failures, u64::MAX));
    assert_eq!(bounds(1).0, Duration::from_millis(500));
    assert_eq!(bounds(3).0, Duration::from_secs(2));
    assert_eq!(bounds(u32::MAX).0, Duration::from_secs(15));
    for failures in [1, 2, 3, 6, 40] {
        let (least, jittered) = bounds(failures);
        assert!(least < jittered && jittered <= MAX_RETRY_DELAY && jittered <= least * 2);
    }
}

#[tokio::test]
async fn call_without_an_answer_is_noticed_and_so_is_the_return_of_the_provider() {
    let fixture = fixture().await;
    let refresh_token = Secret::new("rt");
    let request = || RefreshRequest { refresh_token: &refresh_token, subject: "alice" };
    for refusal in [reply(400, r#"{"error":"invalid_request"}"#), reply(403, "<html>"), reply(429, "")] {
        fixture.responses.respond_at("token", refusal);
        assert!(fixture.provider.refresh(request()).await.is_err());
        assert!(fixture.provider.answers(), "a client can cause this");
    }
    for place in ["token", "certs", "openid-configuration"] {
        fixture.responses.respond_at(place, reply(500, ""));
    }
    assert!(fixture.provider.refresh(request()).await.is_err());
    assert!(!fixture.provider.answers());
    let loads = fixture.server.requests("openid-configuration").len();
    until("another load", || fixture.server.requests("openid-configuration").len() > loads).await;
    assert!(!fixture.provider.answers());
    fixture.responses.publish(&[rsa().named("k")]);
    let metadata = metadata(&fixture.server.origin).to_string();
    fixture.responses.respond_at("openid-configuration", reply(200, &metadata));
    until("an answer", || fixture.provider.answers()).await;
}
