//! Can the provider look like one whose issuer, keys and metadata do not fit together?

use dev_provider::{Settings, SigningAlgorithm};
use serde_json::{Value, json};

use crate::harness::{World, part, text};

const ISSUER: &str = "https://sts.windows.net/00000000-0000-4000-8000-00000000000a/";

fn settings() -> Settings {
    let mut settings = Settings {
        signing_algorithm: SigningAlgorithm::Es256,
        issuer_text: Some(ISSUER.to_owned()),
        jwks_query: Some("appid=foregate".to_owned()),
        ..Settings::default()
    };
    let user = settings.users.first_mut().unwrap();
    for name in ["upn", "oid", "tid"] {
        user.extra.insert(name.to_owned(), json!(format!("the {name}")));
    }
    settings
}

#[tokio::test]
async fn the_issuer_is_another_text_and_the_endpoints_stay_here() {
    let world = World::with(settings()).await;
    assert_eq!((world.provider.issuer(), world.provider.base_url()), (ISSUER, address(&world).as_str()));
    let metadata = world.get("/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(text(&metadata, "issuer"), ISSUER);
    assert_eq!(text(&metadata, "token_endpoint"), format!("{}/token", address(&world)));
    let claims = part(text(&world.tokens().await, "id_token"), 1);
    assert_eq!(claims.get("iss").unwrap(), ISSUER);
    for name in ["upn", "oid", "tid"] {
        assert_eq!(claims.get(name), Some(&json!(format!("the {name}"))));
    }
}

#[tokio::test]
async fn the_keys_are_listed_for_the_announced_query_only() {
    let world = World::with(settings()).await;
    let metadata = world.get("/.well-known/openid-configuration", &[]).await.json();
    let uri = text(&metadata, "jwks_uri").to_owned();
    assert_eq!(uri, format!("{}/jwks?appid=foregate", address(&world)));
    for (path, many) in [("/jwks?appid=foregate", 1), ("/jwks", 0), ("/jwks?appid=other", 0)] {
        let keys = world.get(path, &[]).await.json();
        assert_eq!(keys.get("keys").and_then(Value::as_array).unwrap().len(), many, "{path}");
    }
}

#[tokio::test]
async fn discovery_can_be_absent() {
    let world = World::with(Settings { discovery: false, ..settings() }).await;
    assert_eq!(world.get("/.well-known/openid-configuration", &[]).await.status, 404);
    assert_eq!(world.provider.observed().discovery, 1);
    assert!(world.tokens().await.get("id_token").is_some());
}

fn address(world: &World) -> String {
    format!("http://{}", world.provider.address())
}
