//! Faults of the token response

use dev_provider::Fault;
use serde_json::{Value, json};

use crate::claims::fixture;
use crate::harness::text;
use crate::headers::{public_point, verifies};

/// The end of the first 1,000 characters of a long description.
const REMEDY: &str = "Remedy: change the settings of this client.";

#[tokio::test]
async fn each_token_response_member_is_left_out_or_replaced() {
    let fixture = fixture().await;
    let expected: [(&str, &str, Option<Value>); 22] = [
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
        ("token-refresh-token-null", "refresh_token", Some(Value::Null)),
        ("token-refresh-token-number", "refresh_token", Some(json!(7))),
        ("token-access-token-number", "access_token", Some(json!(7))),
        ("token-expires-in-null", "expires_in", Some(Value::Null)),
        ("token-expires-in-fraction", "expires_in", Some(json!(300.5))),
        ("token-scope-missing", "scope", None),
        ("token-scope-list", "scope", Some(json!(["openid"]))),
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
async fn extra_members_have_every_type_and_replace_none() {
    let fixture = fixture().await;
    fixture.provider.arm("token-extra-members".parse().unwrap());
    let faulty = fixture.tokens().await;
    let healthy = fixture.tokens().await;
    let extra = faulty.as_object().unwrap().iter().filter(|(name, _)| healthy.get(name.as_str()).is_none());
    let types: Vec<&str> = extra.map(|(_, value)| type_of(value)).collect();
    assert_eq!(faulty.as_object().unwrap().len(), healthy.as_object().unwrap().len() + 6);
    for expected in ["object", "list", "number", "null", "boolean", "text"] {
        assert!(types.contains(&expected), "{expected}: {types:?}");
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "object",
        Value::Array(_) => "list",
        Value::Number(_) => "number",
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::String(_) => "text",
    }
}

#[tokio::test]
async fn refused_request_redeems_nothing_and_describes_the_remedy() {
    let fixture = fixture().await;
    for (name, status, error, long) in [
        ("token-error-invalid-client", 401, "invalid_client", false),
        ("token-error-invalid-scope", 400, "invalid_scope", true),
        ("token-error-unauthorized-client", 400, "unauthorized_client", true),
        ("token-error-invalid-request", 400, "invalid_request", true),
        ("token-error-invalid-client-long", 401, "invalid_client", true),
        ("token-error-unauthorized-client-401", 401, "unauthorized_client", false),
        ("token-error-temporarily-unavailable", 400, "temporarily_unavailable", false),
        ("token-error-temporarily-unavailable-503", 503, "temporarily_unavailable", false),
    ] {
        let code = fixture.code().await;
        fixture.provider.arm(name.parse().unwrap());
        let reply = fixture.redeem(&code).await;
        assert_eq!((reply.status, text(&reply.json(), "error")), (status, error), "{name}");
        assert_eq!(reply.header("www-authenticate").is_some(), status == 401, "{name}");
        let body = reply.json();
        let description = text(&body, "error_description");
        if long {
            assert_eq!(
                (description.len(), description.find(REMEDY)),
                (1500, Some(1000 - REMEDY.len())),
                "{name}"
            );
        } else {
            assert!(description.len() < 100, "{name}");
        }
        let tokens = fixture.redeem(&code).await.json();
        let refresh_token = text(&tokens, "refresh_token");
        fixture.provider.arm_at_refresh(&[name.parse().unwrap()]);
        assert_eq!(fixture.refresh(refresh_token).await.status, status, "{name}");
        assert_eq!(fixture.refresh(refresh_token).await.status, 200, "{name}");
    }
    assert_eq!(fixture.provider.observed().reuse_violations, 0);
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
