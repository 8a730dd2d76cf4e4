//! Tests of each logout token rule with a token that violates only that rule

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::super::accepted::AlgorithmError;
use super::super::algorithm::Algorithm;
use super::*;
use crate::flow::ports::{IdentityProvider, ProviderState, RefreshError, RefreshRequest};
use crate::provider::fixture::{Fixture, fixture, fixture_with, provider, until};
use crate::provider::logout_event::EVENT;
use crate::provider::testing::{NOW, Signer, rsa, with};
use crate::secret::Secret;

fn claims(fixture: &Fixture, change: &Value) -> Value {
    let claims = json!({
        "iss": fixture.server.origin, "aud": "foregate", "iat": NOW.0, "exp": NOW.0 + 120, "jti": "t1", "sub": "alice",
        "sid": "s1", "typ": "Logout", "of its own": 1, "events": {EVENT: {}, "revoke_offline_access": true},
    });
    with(&claims, change)
}

fn header(change: &Value) -> String {
    with(&json!({"alg": "RS256", "typ": "logout+jwt", "kid": "k"}), change).to_string()
}

/// Returns the session with `sid` s1 and this `sub`.
fn session(subject: Option<&str>) -> Whom {
    Whom::Session { sid: "s1".to_owned(), subject: subject.map(str::to_owned) }
}

async fn verify_token(fixture: &Fixture, token: &str) -> Result<LogoutToken, String> {
    fixture.provider.logout_token(token).await.map_err(|error| match error {
        LogoutTokenError::NotAcceptable(why) => why,
        LogoutTokenError::ProviderUnavailable(_) => panic!("{error}"),
    })
}

async fn with_claims(fixture: &Fixture, change: &Value) -> Result<LogoutToken, String> {
    verify_token(fixture, &rsa().token(&header(&json!({})), &claims(fixture, change).to_string())).await
}

async fn with_header(fixture: &Fixture, change: &Value) -> Result<LogoutToken, String> {
    verify_token(fixture, &rsa().token(&header(change), &claims(fixture, &json!({})).to_string())).await
}

#[tokio::test]
async fn logout_token_names_sessions_and_its_times() {
    let fixture = fixture().await;
    let minute = Duration::from_mins(1);
    for (change, whom, minutes) in [
        (json!({}), session(Some("alice")), 3),
        (json!({"sub": null}), session(None), 3),
        (json!({"sid": null}), Whom::Subject("alice".to_owned()), 3),
        (json!({"exp": null}), session(Some("alice")), 11),
        (json!({"exp": NOW.0 * 2}), session(Some("alice")), 11),
    ] {
        let token = with_claims(&fixture, &change).await.unwrap();
        let accepted_until = NOW.plus(minute * minutes);
        let expected = LogoutToken {
            issuer: IssuerIndex::FIRST,
            token_id: "t1".to_owned(),
            issued_at: NOW,
            accepted_until,
            whom,
        };
        assert_eq!(token, expected, "{change}, with the leeway added");
    }
}

#[tokio::test]
async fn logout_token_with_an_invalid_claim_is_rejected() {
    let fixture = fixture().await;
    let long = "x".repeat(256);
    for (change, broken) in [
        (json!({"iss": "https://other.example"}), BrokenRule::WrongIssuer),
        (json!({"iss": null}), BrokenRule::WrongIssuer),
        (json!({"aud": "other"}), BrokenRule::WrongAudience),
        (json!({"aud": null}), BrokenRule::WrongAudience),
        (json!({"aud": ["foregate", "other"]}), BrokenRule::UntrustedAudience),
        (json!({"iat": null}), BrokenRule::NoIssueTime),
        (json!({"iat": "now"}), BrokenRule::NoIssueTime),
        (json!({"iat": NOW.0 + 61}), BrokenRule::IssuedInFuture),
        (json!({"iat": NOW.0 - 660, "exp": null}), BrokenRule::TooOld),
        (json!({"exp": NOW.0 - 60}), BrokenRule::Expired),
        (json!({"exp": "later"}), BrokenRule::Expired),
        (json!({"nbf": NOW.0 + 61}), BrokenRule::NotYetValid),
        (json!({"jti": null}), BrokenRule::NoTokenId),
        (json!({"jti": ""}), BrokenRule::NoTokenId),
        (json!({"jti": long}), BrokenRule::NoTokenId),
        (json!({"events": null}), BrokenRule::NoLogoutEvent),
        (json!({"events": [EVENT]}), BrokenRule::NoLogoutEvent),
        (json!({"events": {"http://schemas.openid.net/event/foobar": {}}}), BrokenRule::NoLogoutEvent),
        (json!({"events": {EVENT: "yes"}}), BrokenRule::NoLogoutEvent),
        (json!({"nonce": "n"}), BrokenRule::HasNonce),
        (json!({"sub": null, "sid": null}), BrokenRule::NoSubject),
        (json!({"sub": 7}), BrokenRule::NoSubject),
        (json!({"sid": ""}), BrokenRule::NoSubject),
        (json!({"sid": long}), BrokenRule::NoSubject),
    ] {
        assert_eq!(with_claims(&fixture, &change).await, Err(broken.to_string()), "{change}");
    }
    for good in [
        json!({"aud": ["foregate"]}),
        json!({"iat": NOW.0 + 60}),
        json!({"iat": NOW.0 - 659, "exp": null}),
        json!({"exp": NOW.0 - 59}),
        json!({"nbf": NOW.0}),
    ] {
        assert!(with_claims(&fixture, &good).await.is_ok(), "{good}");
    }
}

#[tokio::test]
async fn null_nonce_and_duplicate_members_of_logout_tokens_are_rejected() {
    let fixture = fixture().await;
    let good = claims(&fixture, &json!({})).to_string();
    for (more, broken) in [
        (r#"{"nonce":null,"#, BrokenRule::HasNonce),
        (r#"{"sid":"s2","#, BrokenRule::BadClaims),
        (r#"{"x":{"a":1,"a":2},"#, BrokenRule::BadClaims),
    ] {
        let payload = good.replacen('{', more, 1);
        let token = rsa().token(&header(&json!({})), &payload);
        assert_eq!(verify_token(&fixture, &token).await, Err(broken.to_string()), "{more}");
    }
}

#[tokio::test]
async fn logout_token_for_the_configured_audience_is_accepted() {
    let fixture = fixture_with(|settings| settings.audience = Some("api://foregate".to_owned())).await;
    for audience in [json!("foregate"), json!("api://foregate"), json!(["api://foregate", "foregate"])] {
        assert!(with_claims(&fixture, &json!({ "aud": audience })).await.is_ok(), "{audience}");
    }
}

#[tokio::test]
async fn logout_token_needs_type_algorithm_and_signature_of_the_provider() {
    let fixture = fixture().await;
    for typ in [json!("logout+jwt"), json!("Logout+JWT"), json!("JWT"), json!(null)] {
        assert!(with_header(&fixture, &json!({"typ": typ})).await.is_ok(), "{typ}");
    }
    let configured = vec![Algorithm::Rs256, Algorithm::Es256];
    let not_configured = AlgorithmError::NotConfigured { found: Algorithm::Ps256, configured };
    for (change, broken) in [
        (json!({"typ": "at+jwt"}), JwsError::WrongType),
        (json!({"alg": "none"}), AlgorithmError::Unsigned.into()),
        (json!({"alg": "PS256"}), not_configured.into()),
        (json!({"alg": "ES256"}), JwsError::UnknownKey),
        (json!({"crit": []}), JwsError::CriticalExtension),
    ] {
        assert_eq!(with_header(&fixture, &change).await, Err(broken.to_string()), "{change}");
    }
    let other_key = Signer::p256();
    fixture.responses.publish(&[other_key.named("new")]);
    let stolen =
        other_key.token(&header(&json!({"alg": "RS256"})), &claims(&fixture, &json!({})).to_string());
    assert_eq!(verify_token(&fixture, &stolen).await, Err(JwsError::WrongSignature.to_string()));
    let encrypted = format!("{}.{}.{}.{}.{}", "e30", "AA", "AA", "AA", "AA");
    for garbage in ["", "a.b", encrypted.as_str(), "\u{0}.\u{0}.\u{0}"] {
        assert_eq!(verify_token(&fixture, garbage).await, Err(JwsError::NotCompact.to_string()));
    }
    assert_eq!(verify_token(&fixture, &"x".repeat(64 * 1024 + 1)).await, Err(JwsError::TooLong.to_string()));
}

#[tokio::test]
async fn faulty_logout_tokens_of_the_dev_provider_are_rejected() {
    let dev = dev_provider::start(dev_provider::Settings::default()).await.unwrap();
    let (ours, clock, _) = provider(dev.issuer());
    tokio::spawn(Arc::clone(&ours).keep_fresh());
    until("ready", || ours.state() == ProviderState::Ready).await;
    let whom = dev_provider::LoggedOut::Both { sid: "s1", sub: "alice" };
    let healthy = dev.logout_token("foregate", whom, &[]).unwrap();
    let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(healthy.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    clock.0.store(claims["iat"].as_u64().unwrap(), Ordering::SeqCst);
    assert_eq!(ours.logout_token(&healthy).await.unwrap().whom, session(Some("alice")));
    for fault in dev_provider::LogoutFault::all() {
        let token = dev.logout_token("foregate", whom, &[*fault]).unwrap();
        let believed = ours.logout_token(&token).await.is_ok();
        assert_eq!(believed, fault.cases() == "accept", "{}", fault.name());
    }
}

#[tokio::test]
async fn id_token_is_rejected_as_logout_token() {
    let fixture = fixture().await;
    let header = json!({"alg": "RS256", "kid": "k", "typ": "JWT"});
    let sign_in_token = fixture.token(rsa(), &header, &json!({"jti": "t", "sid": "s1"}));
    assert_eq!(verify_token(&fixture, &sign_in_token).await, Err(BrokenRule::HasNonce.to_string()));
    let refresh_token = fixture.token(rsa(), &header, &json!({"jti": "t", "sid": "s1", "nonce": null}));
    assert_eq!(verify_token(&fixture, &refresh_token).await, Err(BrokenRule::NoLogoutEvent.to_string()));
}

#[tokio::test]
async fn logout_token_is_rejected_as_id_token_of_a_refresh() {
    let fixture = fixture().await;
    for typ in ["logout+jwt", "JWT"] {
        let token = rsa().token(&header(&json!({"typ": typ})), &claims(&fixture, &json!({})).to_string());
        fixture
            .responses
            .issue_tokens(&json!({"access_token": "at", "token_type": "Bearer", "id_token": token}));
        let refresh_token = Secret::new("rt");
        let request = RefreshRequest { refresh_token: &refresh_token, subject: "alice" };
        let refreshed = fixture.provider.refresh(request).await;
        assert!(matches!(refreshed, Err(RefreshError::ProviderMisbehaved(_))), "{typ}");
    }
}

#[tokio::test]
async fn unknown_keys_of_logout_tokens_cause_one_key_fetch_in_30_seconds() {
    let fixture = fixture().await;
    send_tokens_with_unknown_keys(&fixture).await;
    assert_eq!(fixture.fetches(), 2);
    let new = Signer::p256();
    fixture.responses.publish(&[new.named("new")]);
    let token = token_signed_by(&fixture, &new, "new");
    let early = fixture.provider.logout_token(&token).await;
    assert!(matches!(early, Err(LogoutTokenError::ProviderUnavailable(_))), "{early:?}");
    fixture.clock.0.fetch_add(30, Ordering::SeqCst);
    assert!(verify_token(&fixture, &token).await.is_ok());
}

#[tokio::test]
async fn logout_token_may_be_sent_again_after_a_failed_key_fetch() {
    let fixture = fixture().await;
    fixture.responses.break_keys();
    let token = token_signed_by(&fixture, &Signer::p256(), "new");
    let token = fixture.provider.logout_token(&token).await;
    assert!(matches!(token, Err(LogoutTokenError::ProviderUnavailable(_))), "{token:?}");
}

#[tokio::test]
async fn unknown_keys_of_logout_tokens_do_not_block_key_fetch_of_a_refresh() {
    let fixture = fixture().await;
    send_tokens_with_unknown_keys(&fixture).await;
    let new = Signer::p256();
    fixture.responses.publish(&[new.named("new")]);
    let id_token = fixture.token(&new, &json!({"alg": "ES256", "kid": "new"}), &json!({"nonce": null}));
    fixture
        .responses
        .issue_tokens(&json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token}));
    let refresh_token = Secret::new("rt");
    let refreshed =
        fixture.provider.refresh(RefreshRequest { refresh_token: &refresh_token, subject: "alice" });
    assert!(refreshed.await.unwrap().id_token.is_some());
    assert_eq!(fixture.fetches(), 3);
    assert!(
        verify_token(&fixture, &token_signed_by(&fixture, &new, "new")).await.is_ok(),
        "keys of one fetch are used for all tokens"
    );
}

fn token_signed_by(fixture: &Fixture, signer: &Signer, kid: &str) -> String {
    signer.token(&header(&json!({"alg": "ES256", "kid": kid})), &claims(fixture, &json!({})).to_string())
}

/// Sends a thousand tokens with unknown keys. The first causes a key fetch; the others are answered as unavailable.
async fn send_tokens_with_unknown_keys(fixture: &Fixture) {
    let unknown = with_header(fixture, &json!({"kid": "unknown"})).await;
    assert_eq!(unknown, Err(JwsError::UnknownKey.to_string()));
    for kid in 1..1000 {
        let token = token_signed_by(fixture, rsa(), &kid.to_string());
        let token = fixture.provider.logout_token(&token).await;
        assert!(matches!(token, Err(LogoutTokenError::ProviderUnavailable(_))), "{token:?}");
    }
}

#[tokio::test]
async fn logout_token_without_loaded_keys_returns_unavailable() {
    let (not_loaded, ..) = provider("http://127.0.0.1:1");
    assert!(matches!(not_loaded.logout_token("a.b.c").await, Err(LogoutTokenError::ProviderUnavailable(_))));
}
