//! Single use of a code, for its redirect URI and verifier only

use std::time::Duration;

use dev_provider::Settings;

use crate::harness::{Fixture, code_form, text};

#[tokio::test]
async fn replayed_code_is_refused_and_revokes_its_tokens() {
    let fixture = Fixture::new().await;
    let code = fixture.code().await;
    let tokens = fixture.redeem(&code).await.json();
    assert_eq!(fixture.userinfo(text(&tokens, "access_token")).await.status, 200);
    let replay = fixture.redeem(&code).await;
    assert_eq!((replay.status, text(&replay.json(), "error")), (400, "invalid_grant"));
    assert_eq!(fixture.refresh(text(&tokens, "refresh_token")).await.status, 400);
    assert_eq!(fixture.userinfo(text(&tokens, "access_token")).await.status, 401);
    let observed = fixture.provider.observed();
    assert_eq!((observed.code_exchange, observed.token_refused, observed.reuse_violations), (1, 2, 0));
}

#[tokio::test]
async fn wrong_verifier_or_redirect_uri_invalidates_the_code() {
    let fixture = Fixture::new().await;
    let wrong = [
        ("code_verifier", "another-verifier-of-no-less-than-forty-three-chars"),
        ("redirect_uri", "http://127.0.0.1:9/oauth2/callback/"),
    ];
    for (name, value) in wrong {
        let code = fixture.code_again().await;
        let form = code_form(&code).map(|(given, right)| (given, if given == name { value } else { right }));
        let refused = fixture.token(&form).await;
        assert_eq!((refused.status, text(&refused.json(), "error")), (400, "invalid_grant"), "{name}");
        assert_eq!(fixture.redeem(&code).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let fixture = Fixture::with(Settings { code_life: Duration::ZERO, ..Settings::default() }).await;
    let code = fixture.code().await;
    assert_eq!(text(&fixture.redeem(&code).await.json(), "error"), "invalid_grant");
}

#[tokio::test]
async fn token_responses_have_cache_control_no_store() {
    let fixture = Fixture::new().await;
    let reply = fixture.redeem(&fixture.code().await).await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let unknown = fixture.token(&[("grant_type", "password")]).await;
    assert_eq!(text(&unknown.json(), "error"), "unsupported_grant_type");
    assert_eq!(unknown.header("cache-control"), Some("no-store"));
}

impl Fixture {
    /// Returns a code for the user that is signed in, or for `testuser`.
    async fn code_again(&self) -> String {
        match self.authorize(&[]).await.sent_back("code") {
            Some(code) => code,
            None => self.code().await,
        }
    }
}
