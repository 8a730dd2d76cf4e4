//! Faults of the token response

use dev_provider::Fault;
use serde_json::{Value, json};

use crate::claims::fixture;
use crate::harness::text;
use crate::headers::{public_point, verifies};

#[tokio::test]
async fn each_token_response_member_is_left_out_or_replaced() {
    let fixture = fixture().await;
    let expected: [(&str, &str, Option<Value>); 15] = [
        ("token-id-token-missing", "id_token", None),
        ("token-id-token-null", "id_token", Some(Value::Null)),
        ("token-id-token-number", "id_token", Some(json!(1))),
        ("token-access-token-missing", "access_token", None),
        ("token-type-odd-case", "token_type", Some(json!("bEARER"))),
        ("token-type-missing", "token_type", None),
        ("token-type-mac", "token_type", Some(json!("mac"))),
        ("token-expires-in-missing", "expires_in", None),
        ("token-expires-in-text", "expires_in", Some(json!("300"))),
        ("token-expires-in-negative", "expires_in", Some(json!(-1))),
        ("token-expires-in-huge", "expires_in", Some(json!(u64::MAX))),
        ("token-refresh-expires-in-missing", "refresh_expires_in", None),
        ("token-refresh-expires-in-zero", "refresh_expires_in", Some(json!(0))),
        ("token-refresh-token-missing", "refresh_token", None),
        ("token-refresh-token-empty", "refresh_token", Some(json!(""))),
    ];
    for (name, member, value) in expected {
        fixture.provider.arm(name.parse().unwrap());
        let faulty = fixture.tokens().await;
        assert_eq!(faulty.get(member), value.as_ref(), "{name}");
        let healthy = fixture.tokens().await;
        assert!(healthy.get(member).is_some_and(|healthy| Some(healthy) != value.as_ref()), "{name}");
        assert_eq!(healthy.as_object().unwrap().len(), 7);
    }
}

#[tokio::test]
async fn token_error_fault_has_the_declared_text() {
    let fixture = fixture().await;
    for (name, error, holds) in [
        ("token-error-invalid-grant", "invalid_grant", "not valid"),
        ("token-error-control", "invalid_grant", "\r\nlevel=INFO forged=1 \u{1b}[31m\0"),
        ("token-error-html", "<script>alert(1)</script>", "onerror="),
    ] {
        fixture.provider.arm(name.parse().unwrap());
        let reply = fixture.redeem(&fixture.code().await).await;
        assert_eq!((reply.status, text(&reply.json(), "error")), (400, error), "{name}");
        assert!(text(&reply.json(), "error_description").contains(holds), "{name}");
        assert_eq!(fixture.redeem(&fixture.code().await).await.status, 200);
    }
}

#[tokio::test]
async fn keys_rotate_before_the_first_signature() {
    let fixture = fixture().await;
    let before = public_point(&fixture).await;
    fixture.provider.arm("keys-rotated-before-signing".parse::<Fault>().unwrap());
    let token = text(&fixture.tokens().await, "id_token").to_owned();
    let after = public_point(&fixture).await;
    assert!(before != after && !verifies(&before, &token) && verifies(&after, &token));
}
