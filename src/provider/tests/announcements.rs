//! Tests of what the provider announces: algorithms and scopes

use super::*;
use crate::provider::fixture::{Fixture, fixture_with};

/// Returns the discovery document of a fixture with changes.
fn announce(fixture: &Fixture, change: &Value) {
    let document = with(&metadata(&fixture.server.origin), change);
    fixture.responses.respond_at("openid-configuration", reply(200, &document.to_string()));
}

#[tokio::test]
async fn announced_algorithm_is_accepted_and_so_is_the_one_that_replaces_it() {
    let fixture = fixture_with(|settings| settings.signing_algorithms = None).await;
    let old = fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &json!({}));
    fixture.responses.issue_tokens(&answer(&old, 30));
    assert!(exchange(&fixture.provider).await.is_ok(), "without an announcement");
    let key = Signer::p384();
    fixture.responses.publish(&[key.named("new")]);
    announce(&fixture, &json!({"id_token_signing_alg_values_supported": ["ES384"]}));
    let new = fixture.token(&key, &json!({"alg": "ES384", "kid": "new"}), &json!({}));
    fixture.responses.issue_tokens(&answer(&new, 30));
    assert!(exchange(&fixture.provider).await.is_ok(), "after another announcement");
    assert_eq!(fixture.provider.warnings(), Vec::<String>::new());
}

#[tokio::test]
async fn refresh_with_an_algorithm_that_cannot_be_looked_up_keeps_the_session() {
    let fixture = fixture_with(|settings| settings.signing_algorithms = None).await;
    // The keys can be loaded. They do not say that the algorithm is acceptable.
    fixture.responses.respond_at("openid-configuration", reply(500, ""));
    let token = fixture.token(&Signer::p384(), &json!({"alg": "ES384", "kid": "new"}), &json!({}));
    fixture.responses.issue_tokens(&with(&answer(&token, 30), &json!({"refresh_token": "new"})));
    let refresh_token = Secret::new("old");
    let request = RefreshRequest { refresh_token: &refresh_token, subject: "alice" };
    let refreshed = fixture.provider.refresh(request).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(refreshed.id_token.is_none());
    assert_eq!(refreshed.refresh_token.unwrap().expose(), "new");
    let Err(ExchangeError::Misconfigured(why)) = exchange(&fixture.provider).await else {
        panic!("it was accepted")
    };
    assert!(why.contains("its alg is ES384") && why.contains("set provider.signing_algorithms"), "{why}");
}

#[tokio::test]
async fn difference_from_the_settings_is_logged_once_before_any_sign_in() {
    let log = Log::default();
    let _guard = log.listen();
    let fixture = fixture_with(|settings| settings.signing_algorithms = None).await;
    assert!(!log.text().contains("sign-ins will fail"), "{}", log.text());
    announce(&fixture, &json!({"id_token_signing_alg_values_supported": ["HS256"]}));
    for _ in 0..3 {
        fetch_keys(&fixture.provider).await;
        fixture.clock.0.fetch_add(30, Ordering::SeqCst);
    }
    let lines =
        log.text().matches("sign-ins will fail: the provider signs ID tokens only with HS256").count();
    assert_eq!(lines, 1, "{}", log.text());
    let [warning] = &*fixture.provider.warnings() else { panic!("{:?}", fixture.provider.warnings()) };
    assert!(warning.contains("RS256"), "{warning}");
}

#[tokio::test]
async fn missing_refresh_token_is_reported_once_with_the_scope_that_helps() {
    let announced = json!({"scopes_supported": ["openid", "offline_access"]});
    for (announcement, scope, remedy) in [
        (&announced, None, "30s: the provider announces the scope offline_access: add it to provider.scopes"),
        (&announced, Some("offline_access"), "30s: provider.scopes has offline_access, so allow this client"),
        (&json!({}), None, "30s: allow this client at the provider to get refresh tokens"),
    ] {
        let fixture = fixture_with(|settings| settings.scopes.extend(scope.map(str::to_owned))).await;
        announce(&fixture, announcement);
        fetch_keys(&fixture.provider).await;
        let token = fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &json!({}));
        fixture.responses.issue_tokens(&with(&answer(&token, 30), &json!({"refresh_token": "rt"})));
        assert!(exchange(&fixture.provider).await.is_ok());
        assert_eq!(fixture.calls.no_refresh_token(), Vec::<String>::new());
        fixture.responses.issue_tokens(&answer(&token, 30));
        for _ in 0..3 {
            assert!(exchange(&fixture.provider).await.is_ok());
        }
        let [hint] = &*fixture.calls.no_refresh_token() else { panic!("{announcement}") };
        assert!(hint.starts_with(remedy), "{hint}");
    }
}

#[tokio::test]
async fn scope_is_unrequested_if_it_is_announced_and_not_in_the_settings() {
    let announced = json!({"scopes_supported": ["openid", "groups"]});
    for (announcement, scope, expected) in
        [(&announced, None, true), (&announced, Some("groups"), false), (&json!({}), None, false)]
    {
        let fixture = fixture_with(|settings| settings.scopes.extend(scope.map(str::to_owned))).await;
        announce(&fixture, announcement);
        fetch_keys(&fixture.provider).await;
        assert_eq!(fixture.provider.announces_unrequested_scope("groups"), expected, "{scope:?}");
    }
}
