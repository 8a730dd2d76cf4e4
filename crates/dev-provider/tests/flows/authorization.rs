//! Who gets a code, who gets an error, and who is never redirected?

use crate::harness::{REDIRECT, World};

#[tokio::test]
async fn a_sign_in_ends_at_the_client_with_code_state_and_iss() {
    let world = World::new().await;
    let page = world.authorize(&[]).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Development provider, not for production"));
    let reply = world.submit(&page, "testuser", "testuser").await;
    assert_eq!(reply.status, 303);
    assert!(reply.header("location").unwrap().starts_with(REDIRECT));
    assert!(reply.sent_back("code").is_some());
    assert_eq!(reply.sent_back("state").as_deref(), Some("a state & more"));
    assert_eq!(reply.sent_back("iss").as_deref(), Some(world.provider.issuer()));
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("dev_provider_sso=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
}

#[tokio::test]
async fn only_s256_passes() {
    let world = World::new().await;
    let plain = [("code_challenge_method", "plain")];
    let no_method = [("code_challenge_method", "")];
    let no_challenge = [("code_challenge", "")];
    let short = [("code_challenge", "short")];
    for change in [plain, no_method, no_challenge, short] {
        let reply = world.authorize(&change).await;
        assert_eq!(reply.status, 303);
        assert_eq!(reply.sent_back("error").as_deref(), Some("invalid_request"));
        assert_eq!(reply.sent_back("state").as_deref(), Some("a state & more"));
        assert_eq!(reply.sent_back("iss").as_deref(), Some(world.provider.issuer()));
    }
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_never_redirected_to() {
    let world = World::new().await;
    for evil in ["https://evil.example/", "http://127.0.0.1:80@evil.example/", "//evil.example", ""] {
        let reply = world.authorize(&[("redirect_uri", evil)]).await;
        assert_eq!((reply.status, reply.header("location")), (400, None), "{evil}");
    }
    let unknown = world.authorize(&[("client_id", "nobody")]).await;
    assert_eq!((unknown.status, unknown.header("location")), (400, None));
}

#[tokio::test]
async fn other_faults_go_back_to_the_client() {
    let world = World::new().await;
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
        let reply = world.authorize(&[(name, value)]).await;
        assert_eq!(reply.sent_back("error").as_deref(), Some(error), "{name}={value}");
    }
}

#[tokio::test]
async fn prompt_none_needs_a_session_and_shows_nothing() {
    let world = World::new().await;
    let nobody = world.authorize(&[("prompt", "none")]).await;
    assert_eq!(nobody.sent_back("error").as_deref(), Some("login_required"));
    world.code().await;
    let somebody = world.authorize(&[("prompt", "none")]).await;
    assert!(somebody.sent_back("code").is_some());
}

#[tokio::test]
async fn a_session_skips_the_form_unless_asked_for() {
    let world = World::new().await;
    world.code().await;
    assert_eq!(world.authorize(&[]).await.status, 303);
    assert_eq!(world.authorize(&[("prompt", "login")]).await.status, 200);
    assert_eq!(world.authorize(&[("max_age", "0")]).await.status, 200);
    assert_eq!(world.authorize(&[("max_age", "60")]).await.status, 303);
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again_and_a_form_works_once() {
    let world = World::new().await;
    let page = world.authorize(&[]).await;
    let again = world.submit(&page, r#""><script>"#, "wrong").await;
    assert_eq!(again.status, 200);
    assert!(again.body.contains(r#"role="alert""#) && again.header("set-cookie").is_none());
    assert!(!again.body.contains("<script") && again.body.contains("&quot;&gt;&lt;script&gt;"));
    assert_eq!(world.submit(&again, "alice", "alice").await.status, 303);
    assert_eq!(world.submit(&page, "alice", "alice").await.status, 400);
}

#[tokio::test]
async fn the_page_allows_nothing_but_its_own_style_and_form() {
    let world = World::new().await;
    let page = world.authorize(&[]).await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("form-action 'self' ") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn requests_are_kept_up_to_a_hundred() {
    let world = World::new().await;
    for number in 0..103 {
        world.authorize(&[("state", &number.to_string()), ("prompt", "none")]).await;
    }
    let seen = world.provider.authorization_requests();
    assert_eq!(seen.len(), 100);
    assert_eq!(seen.first().unwrap().get("state").map(String::as_str), Some("3"));
    assert_eq!(world.provider.observed().authorization, 103);
    assert!(world.provider.token_requests().is_empty());
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let world = World::new().await;
    assert_eq!(world.authorize(&[("state", &"x".repeat(20_000))]).await.status, 414);
    let large = "x".repeat(70_000);
    assert_eq!(world.post("/login", &[], &[("username", &large)]).await.status, 413);
    assert_eq!(world.token(&[("code", &large)]).await.status, 413);
}
