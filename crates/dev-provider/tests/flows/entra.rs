//! Issuer, keys and metadata as in Entra ID

use dev_provider::{Settings, SigningAlgorithm};
use serde_json::{Value, json};

use crate::harness::{Fixture, part, text};

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
async fn issuer_text_does_not_change_the_endpoints() {
    let fixture = Fixture::with(settings()).await;
    assert_eq!(
        (fixture.provider.issuer(), fixture.provider.base_url()),
        (ISSUER, address(&fixture).as_str())
    );
    let metadata = fixture.get("/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(text(&metadata, "issuer"), ISSUER);
    assert_eq!(text(&metadata, "token_endpoint"), format!("{}/token", address(&fixture)));
    let claims = part(text(&fixture.tokens().await, "id_token"), 1);
    assert_eq!(claims.get("iss").unwrap(), ISSUER);
    for name in ["upn", "oid", "tid"] {
        assert_eq!(claims.get(name), Some(&json!(format!("the {name}"))));
    }
}

#[tokio::test]
async fn keys_are_listed_only_for_the_configured_query() {
    let fixture = Fixture::with(settings()).await;
    let metadata = fixture.get("/.well-known/openid-configuration", &[]).await.json();
    let uri = text(&metadata, "jwks_uri").to_owned();
    assert_eq!(uri, format!("{}/jwks?appid=foregate", address(&fixture)));
    for (path, count) in [("/jwks?appid=foregate", 1), ("/jwks", 0), ("/jwks?appid=other", 0)] {
        let keys = fixture.get(path, &[]).await.json();
        assert_eq!(keys.get("keys").and_then(Value::as_array).unwrap().len(), count, "{path}");
    }
}

#[tokio::test]
async fn disabled_discovery_returns_404() {
    let fixture = Fixture::with(Settings { discovery: false, ..settings() }).await;
    assert_eq!(fixture.get("/.well-known/openid-configuration", &[]).await.status, 404);
    assert_eq!(fixture.provider.observed().discovery, 1);
    assert!(fixture.tokens().await.get("id_token").is_some());
}

fn address(fixture: &Fixture) -> String {
    format!("http://{}", fixture.provider.address())
}
