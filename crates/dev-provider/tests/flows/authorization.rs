//! Authorization endpoint: codes, errors, and refused redirects

use crate::harness::{Fixture, REDIRECT};

#[tokio::test]
async fn sign_in_redirects_to_the_client_with_code_state_and_iss() {
    let fixture = Fixture::new().await;
    let page = fixture.authorize(&[]).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Development provider, not for production"));
    let reply = fixture.submit(&page, "testuser", "testuser").await;
    assert_eq!(reply.status, 303);
    assert!(reply.header("location").unwrap().starts_with(REDIRECT));
    assert!(reply.sent_back("code").is_some());
    assert_eq!(reply.sent_back("state").as_deref(), Some("a state & more"));
    assert_eq!(reply.sent_back("iss").as_deref(), Some(fixture.provider.issuer()));
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("dev_provider_sso=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
}

#[tokio::test]
async fn challenge_method_other_than_s256_is_refused() {
    let fixture = Fixture::new().await;
    let plain = [("code_challenge_method", "plain")];
    let no_method = [("code_challenge_method", "")];
    let no_challenge = [("code_challenge", "")];
    let short = [("code_challenge", "short")];
    for change in [plain, no_method, no_challenge, short] {
        let reply = fixture.authorize(&change).await;
        assert_eq!(reply.status, 303);
        assert_eq!(reply.sent_back("error").as_deref(), Some("invalid_request"));
        assert_eq!(reply.sent_back("state").as_deref(), Some("a state & more"));
        assert_eq!(reply.sent_back("iss").as_deref(), Some(fixture.provider.issuer()));
    }
}

#[tokio::test]
async fn unregistered_redirect_uri_is_never_redirected_to() {
    let fixture = Fixture::new().await;
    for evil in ["https://evil.example/", "http://127.0.0.1:80@evil.example/", "//evil.example", ""] {
        let reply = fixture.authorize(&[("redirect_uri", evil)]).await;
        assert_eq!((reply.status, reply.header("location")), (400, None), "{evil}");
    }
    let unknown = fixture.authorize(&[("client_id", "nobody")]).await;
    assert_eq!((unknown.status, unknown.header("location")), (400, None));
}

#[tokio::test]
async fn other_request_errors_redirect_to_the_client() {
    let fixture = Fixture::new().await;
    let faults = [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("scope", "profile", "invalid_scope"),
        ("response_mode", "fragment", "invalid_request"),
        ("request_uri", "https://evil.example/", "request_uri_not_supported"),
        ("prompt", "none login", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
    ];
    for (name, value, error) in faults {
        let reply = fixture.authorize(&[(name, value)]).await;
        assert_eq!(reply.sent_back("error").as_deref(), Some(error), "{name}={value}");
    }
}

#[tokio::test]
async fn prompt_none_requires_a_session_and_shows_no_page() {
    let fixture = Fixture::new().await;
    let signed_out = fixture.authorize(&[("prompt", "none")]).await;
    assert_eq!(signed_out.sent_back("error").as_deref(), Some("login_required"));
    fixture.code().await;
    let signed_in = fixture.authorize(&[("prompt", "none")]).await;
    assert!(signed_in.sent_back("code").is_some());
}

#[tokio::test]
async fn session_skips_the_form_unless_the_request_requires_it() {
    let fixture = Fixture::new().await;
    fixture.code().await;
    assert_eq!(fixture.authorize(&[]).await.status, 303);
    assert_eq!(fixture.authorize(&[("prompt", "login")]).await.status, 200);
    assert_eq!(fixture.authorize(&[("max_age", "0")]).await.status, 200);
    assert_eq!(fixture.authorize(&[("max_age", "60")]).await.status, 303);
}

#[tokio::test]
async fn wrong_password_shows_the_form_again_and_form_is_single_use() {
    let fixture = Fixture::new().await;
    let page = fixture.authorize(&[]).await;
    let again = fixture.submit(&page, r#""><script>"#, "wrong").await;
    assert_eq!(again.status, 200);
    assert!(again.body.contains(r#"role="alert""#) && again.header("set-cookie").is_none());
    assert!(!again.body.contains("<script") && again.body.contains("&quot;&gt;&lt;script&gt;"));
    assert_eq!(fixture.submit(&again, "alice", "alice").await.status, 303);
    assert_eq!(fixture.submit(&page, "alice", "alice").await.status, 400);
}

#[tokio::test]
async fn sign_in_page_policy_allows_only_its_style_and_form() {
    let fixture = Fixture::new().await;
    let page = fixture.authorize(&[]).await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("form-action 'self' ") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn at_most_a_hundred_requests_are_kept() {
    let fixture = Fixture::new().await;
    for number in 0..103 {
        fixture.authorize(&[("state", &number.to_string()), ("prompt", "none")]).await;
    }
    let seen = fixture.provider.authorization_requests();
    assert_eq!(seen.len(), 100);
    assert_eq!(seen.first().unwrap().get("state").map(String::as_str), Some("3"));
    assert_eq!(fixture.provider.observed().authorization, 103);
    assert!(fixture.provider.token_requests().is_empty());
}

#[tokio::test]
async fn too_large_requests_are_refused() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.authorize(&[("state", &"x".repeat(20_000))]).await.status, 414);
    let large = "x".repeat(70_000);
    assert_eq!(fixture.post("/login", &[], &[("username", &large)]).await.status, 413);
    assert_eq!(fixture.token(&[("code", &large)]).await.status, 413);
}
