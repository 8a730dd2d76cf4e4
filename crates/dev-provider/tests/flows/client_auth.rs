//! Client authentication at the token endpoint

use dev_provider::{Client, Settings};

use crate::harness::{Fixture, basic, code_form, text};

const AWKWARD: &str = "a:b%+ c/ü";

#[tokio::test]
async fn awkward_characters_survive_basic_authentication() {
    let fixture = Fixture::with(with_client(AWKWARD, Some(AWKWARD))).await;
    let authorization = basic(AWKWARD, AWKWARD);
    let code = code_for(&fixture, AWKWARD).await;
    let reply = fixture.post("/token", &[("authorization", &authorization)], &code_form(&code)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let seen = fixture.provider.token_requests();
    let request = seen.last().unwrap();
    assert_eq!(request.authorization.as_deref(), Some(authorization.as_str()));
    assert_eq!(request.field("code"), Some(code.as_str()));
    assert!(!format!("{request:?}").contains(&code));
}

#[tokio::test]
async fn secret_is_accepted_in_the_form_but_not_twice() {
    let fixture = Fixture::new().await;
    let code = fixture.code().await;
    let mut form = code_form(&code).to_vec();
    form.extend([("client_id", "foregate"), ("client_secret", "foregate-secret")]);
    let twice = fixture.token(&form).await;
    assert_eq!((twice.status, text(&twice.json(), "error")), (400, "invalid_request"));
    assert_eq!(fixture.post("/token", &[], &form).await.status, 200);
}

#[tokio::test]
async fn wrong_secret_is_invalid_client_and_does_not_spend_the_code() {
    let fixture = Fixture::new().await;
    let code = fixture.code().await;
    let form = code_form(&code);
    let by_name = [form.as_slice(), &[("client_id", "foregate")]].concat();
    let replies = [
        fixture.post("/token", &[("authorization", &basic("foregate", "wrong"))], &form).await,
        fixture.post("/token", &[("authorization", &basic("nobody", "foregate-secret"))], &form).await,
        fixture.post("/token", &[("authorization", "Bearer x")], &form).await,
        fixture.post("/token", &[], &by_name).await,
        fixture.post("/token", &[], &form).await,
    ];
    for reply in replies {
        assert_eq!((reply.status, text(&reply.json(), "error")), (401, "invalid_client"));
        assert!(reply.header("www-authenticate").is_some());
    }
    assert_eq!(fixture.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn public_client_authenticates_by_its_id() {
    let fixture = Fixture::with(with_client("public", None)).await;
    let code = code_for(&fixture, "public").await;
    let mut form = code_form(&code).to_vec();
    form.push(("client_id", "public"));
    assert_eq!(fixture.post("/token", &[], &form).await.status, 200);
    form.push(("client_secret", "anything"));
    assert_eq!(fixture.post("/token", &[], &form).await.status, 401);
}

#[tokio::test]
async fn client_cannot_use_codes_or_tokens_of_another_client() {
    let fixture = Fixture::with(with_client("other", Some("other-secret"))).await;
    let code = fixture.code().await;
    let authorization = basic("other", "other-secret");
    let stolen = fixture.post("/token", &[("authorization", &authorization)], &code_form(&code)).await;
    assert_eq!(text(&stolen.json(), "error"), "invalid_grant");
    let tokens = fixture.redeem(&code).await.json();
    let form = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    let stolen = fixture.post("/token", &[("authorization", &authorization)], &form).await;
    assert_eq!(text(&stolen.json(), "error"), "invalid_grant");
    assert_eq!(fixture.refresh(text(&tokens, "refresh_token")).await.status, 200);
}

fn with_client(id: &str, secret: Option<&str>) -> Settings {
    let mut settings = Settings::default();
    let template = settings.clients.first().unwrap().clone();
    settings.clients.push(Client { id: id.to_owned(), secret: secret.map(str::to_owned), ..template });
    settings
}

async fn code_for(fixture: &Fixture, client: &str) -> String {
    let page = fixture.authorize(&[("client_id", client)]).await;
    fixture.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap()
}
