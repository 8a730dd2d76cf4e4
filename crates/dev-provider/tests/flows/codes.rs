//! Is a code good once, for its client, its redirect URI and its verifier only?

use std::time::Duration;

use dev_provider::Settings;

use crate::harness::{World, code_form, text};

#[tokio::test]
async fn a_replayed_code_is_refused_and_revokes_what_it_gave() {
    let world = World::new().await;
    let code = world.code().await;
    let tokens = world.redeem(&code).await.json();
    assert_eq!(world.userinfo(text(&tokens, "access_token")).await.status, 200);
    let replay = world.redeem(&code).await;
    assert_eq!((replay.status, text(&replay.json(), "error")), (400, "invalid_grant"));
    assert_eq!(world.refresh(text(&tokens, "refresh_token")).await.status, 400);
    assert_eq!(world.userinfo(text(&tokens, "access_token")).await.status, 401);
    let observed = world.provider.observed();
    assert_eq!((observed.code_exchange, observed.token_refused, observed.reuse_violations), (1, 2, 0));
}

#[tokio::test]
async fn a_wrong_verifier_or_redirect_uri_burns_the_code() {
    let world = World::new().await;
    let wrong = [
        ("code_verifier", "another-verifier-of-no-less-than-forty-three-chars"),
        ("redirect_uri", "http://127.0.0.1:9/oauth2/callback/"),
    ];
    for (name, value) in wrong {
        let code = world.code_again().await;
        let form = code_form(&code).map(|(given, right)| (given, if given == name { value } else { right }));
        let refused = world.token(&form).await;
        assert_eq!((refused.status, text(&refused.json(), "error")), (400, "invalid_grant"), "{name}");
        assert_eq!(world.redeem(&code).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let world = World::with(Settings { code_life: Duration::ZERO, ..Settings::default() }).await;
    let code = world.code().await;
    assert_eq!(text(&world.redeem(&code).await.json(), "error"), "invalid_grant");
}

#[tokio::test]
async fn tokens_are_not_to_be_stored() {
    let world = World::new().await;
    let reply = world.redeem(&world.code().await).await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let unknown = world.token(&[("grant_type", "password")]).await;
    assert_eq!(text(&unknown.json(), "error"), "unsupported_grant_type");
    assert_eq!(unknown.header("cache-control"), Some("no-store"));
}

impl World {
    /// A code for whoever is signed in, or for `testuser`.
    async fn code_again(&self) -> String {
        match self.authorize(&[]).await.sent_back("code") {
            Some(code) => code,
            None => self.code().await,
        }
    }
}
