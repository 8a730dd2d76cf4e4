//! Is the answer of the token endpoint wrong as asked?

use dev_provider::Fault;
use serde_json::{Value, json};

use crate::claims::world;
use crate::harness::text;
use crate::headers::{public_point, verifies};

#[tokio::test]
async fn each_member_is_left_out_or_replaced() {
    let world = world().await;
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
        world.provider.arm(name.parse().unwrap());
        let faulty = world.tokens().await;
        assert_eq!(faulty.get(member), value.as_ref(), "{name}");
        let healthy = world.tokens().await;
        assert!(healthy.get(member).is_some_and(|healthy| Some(healthy) != value.as_ref()), "{name}");
        assert_eq!(healthy.as_object().unwrap().len(), 7);
    }
}

#[tokio::test]
async fn an_error_comes_with_the_text_that_was_asked_for() {
    let world = world().await;
    for (name, error, holds) in [
        ("token-error-invalid-grant", "invalid_grant", "not valid"),
        ("token-error-control", "invalid_grant", "\r\nlevel=INFO forged=1 \u{1b}[31m\0"),
        ("token-error-html", "<script>alert(1)</script>", "onerror="),
    ] {
        world.provider.arm(name.parse().unwrap());
        let reply = world.redeem(&world.code().await).await;
        assert_eq!((reply.status, text(&reply.json(), "error")), (400, error), "{name}");
        assert!(text(&reply.json(), "error_description").contains(holds), "{name}");
        assert_eq!(world.redeem(&world.code().await).await.status, 200);
    }
}

#[tokio::test]
async fn keys_rotate_just_before_the_first_signature() {
    let world = world().await;
    let before = public_point(&world).await;
    world.provider.arm("keys-rotated-before-signing".parse::<Fault>().unwrap());
    let token = text(&world.tokens().await, "id_token").to_owned();
    let after = public_point(&world).await;
    assert!(before != after && !verifies(&before, &token) && verifies(&after, &token));
}
