//! End-session endpoint: ended sessions and allowed redirects

use std::time::Duration;

use dev_provider::Settings;

use crate::harness::{Fixture, encode, text};
use crate::http::Reply;

const GOODBYE: &str = "http://127.0.0.1:9/goodbye";

#[tokio::test]
async fn hint_ends_session_and_grants_and_redirects_with_the_state() {
    let fixture = Fixture::new().await;
    let tokens = fixture.tokens().await;
    let hint = text(&tokens, "id_token");
    let form = [("id_token_hint", hint), ("post_logout_redirect_uri", GOODBYE), ("state", "s&t")];
    let reply = logout(&fixture, &form).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, Some("http://127.0.0.1:9/goodbye?state=s%26t"))
    );
    assert!(reply.header("set-cookie").unwrap().starts_with("dev_provider_sso=; Max-Age=0"));
    assert_eq!(fixture.refresh(text(&tokens, "refresh_token")).await.status, 400);
    assert_eq!(fixture.userinfo(text(&tokens, "access_token")).await.status, 401);
    let silent = fixture.authorize(&[("prompt", "none")]).await;
    assert_eq!(silent.sent_back("error").as_deref(), Some("login_required"));
    assert_eq!(fixture.provider.observed().reuse_violations, 0);
    assert_eq!(logout(&fixture, &form).await.status, 303);
}

#[tokio::test]
async fn expired_hint_without_a_cookie_ends_the_session() {
    let fixture = Fixture::with(Settings { id_token_life: Duration::ZERO, ..Settings::default() }).await;
    let tokens = fixture.tokens().await;
    let reply = fixture.post("/logout", &[], &[("id_token_hint", text(&tokens, "id_token"))]).await;
    assert_eq!((reply.status, reply.header("location")), (200, None));
    assert_eq!(fixture.authorize(&[]).await.status, 200);
}

#[tokio::test]
async fn refused_logout_ends_no_session() {
    let fixture = Fixture::new().await;
    let tokens = fixture.tokens().await;
    let hint = text(&tokens, "id_token");
    let elsewhere = ("post_logout_redirect_uri", "https://evil.example/");
    let refused = [
        vec![("id_token_hint", hint), elsewhere],
        vec![("client_id", "foregate"), elsewhere],
        vec![("post_logout_redirect_uri", GOODBYE)],
        vec![("id_token_hint", "garbage"), ("client_id", "foregate")],
        vec![("id_token_hint", text(&tokens, "access_token"))],
        vec![("id_token_hint", hint), ("client_id", "another")],
    ];
    for form in refused {
        let reply = logout(&fixture, &form).await;
        assert_eq!((reply.status, reply.header("location")), (400, None));
    }
    assert!(fixture.authorize(&[("prompt", "none")]).await.sent_back("code").is_some());
}

#[tokio::test]
async fn code_is_invalid_after_logout() {
    let fixture = Fixture::new().await;
    let code = fixture.code().await;
    logout(&fixture, &[("client_id", "foregate"), ("post_logout_redirect_uri", GOODBYE)]).await;
    assert_eq!(text(&fixture.redeem(&code).await.json(), "error"), "invalid_grant");
}

async fn logout(fixture: &Fixture, params: &[(&str, &str)]) -> Reply {
    let cookie = fixture.cookie.borrow().clone().unwrap_or_default();
    fixture.get(&format!("/logout?{}", encode(params)), &[("cookie", &cookie)]).await
}
