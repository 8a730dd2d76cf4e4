//! Faults of the published keys

use dev_provider::Fault;
use serde_json::{Value, json};

use crate::claims::fixture;
use crate::harness::Fixture;

#[tokio::test]
async fn each_jwks_fault_changes_the_list_and_the_next_list_is_healthy() {
    let fixture = fixture().await;
    let healthy = keys(&fixture).await;
    for fault in Fault::all().into_iter().filter(|fault| matches!(fault, Fault::Jwks(_))) {
        fixture.provider.arm(fault);
        assert_ne!(keys(&fixture).await, healthy, "{}", fault.name());
        assert_eq!(keys(&fixture).await, healthy, "{}", fault.name());
    }
}

#[tokio::test]
async fn jwks_members_are_left_out_or_replaced() {
    let fixture = fixture().await;
    for (name, member, value) in [
        ("jwks-no-kid", "kid", None),
        ("jwks-no-alg", "alg", None),
        ("jwks-no-alg", "use", None),
        ("jwks-encryption-only", "use", Some(json!("enc"))),
        ("jwks-alg-mismatch", "alg", Some(json!("HS256"))),
    ] {
        let keys = faulty_keys(&fixture, name).await;
        assert_eq!(keys.len(), 1);
        assert_eq!(keys.first().unwrap().get(member), value.as_ref(), "{name}");
    }
}

#[tokio::test]
async fn other_keys_precede_the_real_one() {
    let fixture = fixture().await;
    let real = keys(&fixture).await.pop().unwrap();
    for (name, count, member, value) in [
        ("jwks-encryption-key", 2, "use", json!("enc")),
        ("jwks-twenty", 20, "kty", json!("RSA")),
        ("jwks-same-kid", 2, "kid", real.get("kid").unwrap().clone()),
        ("jwks-unknown-type", 2, "kty", json!("XYZ")),
        ("jwks-symmetric", 2, "kty", json!("oct")),
    ] {
        let keys = faulty_keys(&fixture, name).await;
        assert_eq!((keys.len(), keys.last()), (count, Some(&real)), "{name}");
        assert_eq!(keys.first().unwrap().get(member), Some(&value), "{name}");
    }
    assert_eq!(faulty_keys(&fixture, "jwks-not-objects").await, [Value::Null, json!(1), real.clone()]);
    assert!(faulty_keys(&fixture, "jwks-no-keys").await.is_empty());
    for decoy in faulty_keys(&fixture, "jwks-twenty").await.iter().filter(|key| **key != real) {
        let modulus = decoy.get("n").and_then(Value::as_str).unwrap();
        let modulus = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(modulus).unwrap();
        // 2048 bits and odd, so that no parser has a reason to reject it.
        assert!(modulus.len() == 256 && modulus[0] >= 0x80 && modulus[255] % 2 == 1);
    }
    let without_kid = faulty_keys(&fixture, "jwks-twenty-no-kid").await;
    assert_eq!(without_kid.iter().filter(|key| key.get("kid").is_none()).count(), 20);
}

async fn faulty_keys(fixture: &Fixture, name: &str) -> Vec<Value> {
    fixture.provider.arm(name.parse().unwrap());
    keys(fixture).await
}

async fn keys(fixture: &Fixture) -> Vec<Value> {
    fixture.get("/jwks", &[]).await.json().get("keys").and_then(Value::as_array).unwrap().clone()
}
