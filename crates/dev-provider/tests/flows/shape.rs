//! Shapes in which real providers differ

use dev_provider::{
    RefreshTokenRule, Rotation, Settings, Shape, SigningAlgorithm, UnknownScopes, UserClaims,
};
use serde_json::{Map, Value};

use crate::harness::{Fixture, part, text};

async fn fixture(shape: Shape) -> Fixture {
    let settings = Settings { signing_algorithm: SigningAlgorithm::Es256, shape, ..Settings::default() };
    Fixture::with(settings).await
}

/// Returns the tokens for these scopes.
async fn tokens(fixture: &Fixture, scope: &str) -> Value {
    let page = fixture.authorize(&[("scope", scope)]).await;
    let code = match page.sent_back("code") {
        Some(code) => code,
        None => fixture.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap(),
    };
    fixture.redeem(&code).await.json()
}

fn id_token(tokens: &Value) -> Map<String, Value> {
    part(text(tokens, "id_token"), 1)
}

async fn metadata(fixture: &Fixture) -> Value {
    fixture.get("/.well-known/openid-configuration", &[]).await.json()
}

#[tokio::test]
async fn refresh_token_is_issued_by_the_configured_rule() {
    use RefreshTokenRule::{Always, Never, WithAccessTypeOffline, WithOfflineAccess};
    for (rule, plain, offline) in [
        (Always, true, true),
        (WithOfflineAccess, false, true),
        (WithAccessTypeOffline, false, false),
        (Never, false, false),
    ] {
        let fixture = fixture(Shape { refresh_tokens: rule, ..Shape::default() }).await;
        for (scope, expected) in [("openid", plain), ("openid offline_access", offline)] {
            let tokens = tokens(&fixture, scope).await;
            assert_eq!(tokens.get("refresh_token").is_some(), expected, "{rule:?} {scope}");
            assert_eq!(tokens.get("refresh_expires_in").is_some(), expected, "{rule:?} {scope}");
            if expected {
                assert_eq!(fixture.refresh(text(&tokens, "refresh_token")).await.status, 200, "{rule:?}");
            }
        }
    }
}

#[tokio::test]
async fn refresh_token_can_require_offline_access_type() {
    let shape = Shape { refresh_tokens: RefreshTokenRule::WithAccessTypeOffline, ..Shape::default() };
    let fixture = fixture(shape).await;
    fixture.code().await;
    for (access_type, expected) in [("offline", true), ("online", false)] {
        let code = fixture.authorize(&[("access_type", access_type)]).await.sent_back("code").unwrap();
        let tokens = fixture.redeem(&code).await.json();
        assert_eq!(tokens.get("refresh_token").is_some(), expected, "{access_type}");
    }
}

#[tokio::test]
async fn lenient_rotation_keeps_old_refresh_tokens_valid() {
    let fixture = fixture(Shape { rotation: Rotation::Lenient, ..Shape::default() }).await;
    let first = fixture.tokens().await;
    let first = text(&first, "refresh_token");
    for _ in 0..2 {
        let next = fixture.refresh(first).await.json();
        assert_ne!(text(&next, "refresh_token"), first);
        assert_eq!(fixture.refresh(text(&next, "refresh_token")).await.status, 200);
    }
    assert_eq!(fixture.provider.observed().reuse_violations, 0);
}

#[tokio::test]
async fn refresh_without_rotation_returns_no_refresh_token() {
    let fixture = fixture(Shape { rotation: Rotation::Absent, ..Shape::default() }).await;
    let first = fixture.tokens().await;
    for _ in 0..2 {
        let reply = fixture.refresh(text(&first, "refresh_token")).await;
        assert_eq!((reply.status, reply.json().get("refresh_token")), (200, None));
    }
    assert_eq!(fixture.provider.observed().reuse_violations, 0);
}

#[tokio::test]
async fn response_to_a_refresh_can_lack_the_id_token() {
    let fixture = fixture(Shape { id_token_at_refresh: false, ..Shape::default() }).await;
    let first = fixture.tokens().await;
    assert!(first.get("id_token").is_some());
    let refreshed = fixture.refresh(text(&first, "refresh_token")).await.json();
    assert!(refreshed.get("id_token").is_none() && refreshed.get("access_token").is_some());
}

#[tokio::test]
async fn claims_about_the_user_can_be_in_userinfo_only() {
    let fixture = fixture(Shape { user_claims: UserClaims::Userinfo, ..Shape::default() }).await;
    let tokens = fixture.tokens().await;
    let userinfo = fixture.userinfo(text(&tokens, "access_token")).await.json();
    for claim in ["preferred_username", "name", "email", "email_verified", "groups"] {
        assert!(userinfo.get(claim).is_some() && !id_token(&tokens).contains_key(claim), "{claim}");
    }
    assert_eq!(Some(text(&userinfo, "sub")), id_token(&tokens).get("sub").and_then(Value::as_str));
}

#[tokio::test]
async fn claims_can_depend_on_the_granted_scopes() {
    let fixture = fixture(Shape { claims_by_scope: true, ..Shape::default() }).await;
    let all = ["preferred_username", "name", "email", "email_verified", "groups"];
    for (scope, granted) in [
        ("openid", &[] as &[&str]),
        ("openid profile", &["preferred_username", "name"]),
        ("openid email", &["email", "email_verified"]),
        ("openid groups", &["groups"]),
        ("openid profile email groups", &all),
    ] {
        let tokens = tokens(&fixture, scope).await;
        let userinfo = fixture.userinfo(text(&tokens, "access_token")).await.json();
        for claim in all {
            assert_eq!(id_token(&tokens).contains_key(claim), granted.contains(&claim), "{scope} {claim}");
            assert_eq!(userinfo.get(claim).is_some(), granted.contains(&claim), "{scope} {claim}");
        }
    }
}

#[tokio::test]
async fn omitted_claims_are_in_no_response() {
    let omitted_claims = ["email_verified", "groups", "sid", "azp"].map(str::to_owned).into();
    let fixture = fixture(Shape { omitted_claims, ..Shape::default() }).await;
    let tokens = fixture.tokens().await;
    let userinfo = fixture.userinfo(text(&tokens, "access_token")).await.json();
    for claim in ["email_verified", "groups", "sid", "azp"] {
        assert!(!id_token(&tokens).contains_key(claim) && userinfo.get(claim).is_none(), "{claim}");
    }
    assert!(id_token(&tokens).contains_key("email") && userinfo.get("email").is_some());
}

#[tokio::test]
async fn hint_without_sid_ends_the_session_of_the_browser() {
    let fixture = fixture(Shape { omitted_claims: vec!["sid".to_owned()], ..Shape::default() }).await;
    let tokens = fixture.tokens().await;
    let cookie = fixture.cookie.borrow().clone().unwrap();
    let path = format!("/logout?id_token_hint={}", text(&tokens, "id_token"));
    assert_eq!(fixture.get(&path, &[("cookie", &cookie)]).await.status, 200);
    let silent = fixture.authorize(&[("prompt", "none")]).await;
    assert_eq!(silent.sent_back("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn omitted_metadata_is_left_out_and_no_other() {
    let healthy = metadata(&Fixture::new().await).await;
    let omitted = ["end_session_endpoint", "revocation_endpoint", "scopes_supported"];
    let shape = Shape { omitted_metadata: omitted.map(str::to_owned).into(), ..Shape::default() };
    let reduced = metadata(&fixture(shape).await).await;
    for name in healthy.as_object().unwrap().keys() {
        assert_eq!(reduced.get(name).is_none(), omitted.contains(&name.as_str()), "{name}");
    }
}

#[tokio::test]
async fn authorization_response_has_iss_only_if_announced() {
    let member = "authorization_response_iss_parameter_supported".to_owned();
    for (omitted_metadata, expected) in [(vec![], true), (vec![member], false)] {
        let fixture = fixture(Shape { omitted_metadata, ..Shape::default() }).await;
        let reply = fixture.authorize(&[("prompt", "none")]).await;
        assert_eq!(reply.sent_back("iss").is_some(), expected);
        assert!(reply.sent_back("state").is_some());
    }
}

#[tokio::test]
async fn default_issuer_can_end_in_a_slash() {
    let fixture = fixture(Shape { issuer_slash: true, ..Shape::default() }).await;
    let issuer = format!("http://{}/", fixture.provider.address());
    assert_eq!(fixture.provider.issuer(), issuer);
    let metadata = metadata(&fixture).await;
    assert_eq!(text(&metadata, "issuer"), issuer);
    assert_eq!(text(&metadata, "token_endpoint"), format!("{issuer}token"));
    assert_eq!(id_token(&fixture.tokens().await).get("iss").unwrap(), &issuer);
}

#[tokio::test]
async fn unknown_scope_gets_the_configured_response() {
    use UnknownScopes::{Ignored, Page, Refused};
    let scopes = ["openid", "email"].map(str::to_owned);
    for rule in [Ignored, Refused, Page] {
        let shape = Shape { scopes: scopes.clone().into(), unknown_scopes: rule, ..Shape::default() };
        let fixture = fixture(shape).await;
        assert_eq!(metadata(&fixture).await.get("scopes_supported"), Some(&serde_json::json!(scopes)));
        assert_eq!(fixture.authorize(&[("scope", "openid email")]).await.status, 200, "{rule:?}");
        let reply = fixture.authorize(&[("scope", "openid email offline_access")]).await;
        let error = reply.header("location").and_then(|_| reply.sent_back("error"));
        match rule {
            Ignored => {
                let tokens = tokens(&fixture, "openid email offline_access").await;
                assert_eq!((reply.status, text(&tokens, "scope")), (200, "openid email"));
            }
            Refused => assert_eq!(error.as_deref(), Some("invalid_scope")),
            Page => assert_eq!((reply.status, error), (400, None)),
        }
    }
}
