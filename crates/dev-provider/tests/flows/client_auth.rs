//! Which client may ask for tokens, proven how?

use dev_provider::{Client, Settings};

use crate::harness::{World, basic, code_form, text};

const AWKWARD: &str = "a:b%+ c/ü";

#[tokio::test]
async fn awkward_characters_survive_basic_authentication() {
    let world = World::with(with_client(AWKWARD, Some(AWKWARD))).await;
    let authorization = basic(AWKWARD, AWKWARD);
    let code = code_for(&world, AWKWARD).await;
    let reply = world.post("/token", &[("authorization", &authorization)], &code_form(&code)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let seen = world.provider.token_requests();
    let request = seen.last().unwrap();
    assert_eq!(request.authorization.as_deref(), Some(authorization.as_str()));
    assert_eq!(request.field("code"), Some(code.as_str()));
    assert!(!format!("{request:?}").contains(&code));
}

#[tokio::test]
async fn the_secret_may_come_in_the_form_but_not_twice() {
    let world = World::new().await;
    let code = world.code().await;
    let mut form = code_form(&code).to_vec();
    form.extend([("client_id", "foregate"), ("client_secret", "foregate-secret")]);
    let twice = world.token(&form).await;
    assert_eq!((twice.status, text(&twice.json(), "error")), (400, "invalid_request"));
    assert_eq!(world.post("/token", &[], &form).await.status, 200);
}

#[tokio::test]
async fn a_wrong_secret_is_invalid_client_and_spares_the_code() {
    let world = World::new().await;
    let code = world.code().await;
    let form = code_form(&code);
    let by_name = [form.as_slice(), &[("client_id", "foregate")]].concat();
    let replies = [
        world.post("/token", &[("authorization", &basic("foregate", "wrong"))], &form).await,
        world.post("/token", &[("authorization", &basic("nobody", "foregate-secret"))], &form).await,
        world.post("/token", &[("authorization", "Bearer x")], &form).await,
        world.post("/token", &[], &by_name).await,
        world.post("/token", &[], &form).await,
    ];
    for reply in replies {
        assert_eq!((reply.status, text(&reply.json(), "error")), (401, "invalid_client"));
        assert!(reply.header("www-authenticate").is_some());
    }
    assert_eq!(world.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn a_public_client_names_itself() {
    let world = World::with(with_client("public", None)).await;
    let code = code_for(&world, "public").await;
    let mut form = code_form(&code).to_vec();
    form.push(("client_id", "public"));
    assert_eq!(world.post("/token", &[], &form).await.status, 200);
    form.push(("client_secret", "anything"));
    assert_eq!(world.post("/token", &[], &form).await.status, 401);
}

#[tokio::test]
async fn one_client_cannot_use_what_another_was_given() {
    let world = World::with(with_client("other", Some("other-secret"))).await;
    let code = world.code().await;
    let authorization = basic("other", "other-secret");
    let stolen = world.post("/token", &[("authorization", &authorization)], &code_form(&code)).await;
    assert_eq!(text(&stolen.json(), "error"), "invalid_grant");
    let tokens = world.redeem(&code).await.json();
    let form = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    let stolen = world.post("/token", &[("authorization", &authorization)], &form).await;
    assert_eq!(text(&stolen.json(), "error"), "invalid_grant");
    assert_eq!(world.refresh(text(&tokens, "refresh_token")).await.status, 200);
}

fn with_client(id: &str, secret: Option<&str>) -> Settings {
    let mut settings = Settings::default();
    let template = settings.clients.first().unwrap().clone();
    settings.clients.push(Client { id: id.to_owned(), secret: secret.map(str::to_owned), ..template });
    settings
}

async fn code_for(world: &World, client: &str) -> String {
    let page = world.authorize(&[("client_id", client)]).await;
    world.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap()
}
