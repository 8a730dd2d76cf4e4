//! Are the published keys odd as asked?

use dev_provider::Fault;
use serde_json::{Value, json};

use crate::claims::world;
use crate::harness::World;

#[tokio::test]
async fn each_jwks_fault_changes_the_list_and_the_next_list_is_healthy() {
    let world = world().await;
    let healthy = keys(&world).await;
    for fault in Fault::all().into_iter().filter(|fault| matches!(fault, Fault::Jwks(_))) {
        world.provider.arm(fault);
        assert_ne!(keys(&world).await, healthy, "{}", fault.name());
        assert_eq!(keys(&world).await, healthy, "{}", fault.name());
    }
}

#[tokio::test]
async fn members_are_left_out_or_replaced() {
    let world = world().await;
    for (name, member, value) in [
        ("jwks-no-kid", "kid", None),
        ("jwks-no-alg", "alg", None),
        ("jwks-no-alg", "use", None),
        ("jwks-encryption-only", "use", Some(json!("enc"))),
        ("jwks-alg-mismatch", "alg", Some(json!("HS256"))),
    ] {
        let keys = faulty(&world, name).await;
        assert_eq!(keys.len(), 1);
        assert_eq!(keys.first().unwrap().get(member), value.as_ref(), "{name}");
    }
}

#[tokio::test]
async fn other_keys_stand_before_the_real_one() {
    let world = world().await;
    let real = keys(&world).await.pop().unwrap();
    for (name, many, member, value) in [
        ("jwks-encryption-key", 2, "use", json!("enc")),
        ("jwks-twenty", 20, "kty", json!("RSA")),
        ("jwks-same-kid", 2, "kid", real.get("kid").unwrap().clone()),
        ("jwks-unknown-type", 2, "kty", json!("XYZ")),
        ("jwks-symmetric", 2, "kty", json!("oct")),
    ] {
        let keys = faulty(&world, name).await;
        assert_eq!((keys.len(), keys.last()), (many, Some(&real)), "{name}");
        assert_eq!(keys.first().unwrap().get(member), Some(&value), "{name}");
    }
    assert_eq!(faulty(&world, "jwks-not-objects").await, [Value::Null, json!(1), real.clone()]);
    assert!(faulty(&world, "jwks-no-keys").await.is_empty());
    for decoy in faulty(&world, "jwks-twenty").await.iter().filter(|key| **key != real) {
        let modulus = decoy.get("n").and_then(Value::as_str).unwrap();
        let modulus = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(modulus).unwrap();
        // 2048 bits and odd, so that no parser has a reason to leave it out.
        assert!(modulus.len() == 256 && modulus[0] >= 0x80 && modulus[255] % 2 == 1);
    }
    let nameless = faulty(&world, "jwks-twenty-no-kid").await;
    assert_eq!(nameless.iter().filter(|key| key.get("kid").is_none()).count(), 20);
}

async fn faulty(world: &World, name: &str) -> Vec<Value> {
    world.provider.arm(name.parse().unwrap());
    keys(world).await
}

async fn keys(world: &World) -> Vec<Value> {
    world.get("/jwks", &[]).await.json().get("keys").and_then(Value::as_array).unwrap().clone()
}
