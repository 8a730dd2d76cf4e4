//! What happens when the tokens of a session are over, and Keycloak gave none to renew them with?

use std::time::Duration;

use serde_json::{Value, json};

use super::{open_with, shown, type_in};

/// Asks until the session is over, and gives what a script is then told.
const ASK: &str = "const ask = () => fetch('/poll').then(reply => reply.ok
    ? setTimeout(ask, 200)
    : done({ status: reply.status, reload: reply.headers.get('x-reload'), redirected: reply.redirected }));
    ask();";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refresh_token_scripts_are_told_401_and_the_next_page_load_is_signed_in_without_a_question()
{
    // Longer than the time in which a second sign-in is taken for a loop, on a busy machine too.
    let life = Duration::from_secs(12);
    let change = |realm: &mut Value| {
        realm["accessTokenLifespan"] = life.as_secs().into();
        realm["clients"][0]["attributes"]["use.refresh.tokens"] = "false".into();
    };
    let stage = open_with(change, "").await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/work?a=b")).await;
    type_in(&browser, "alice", "alice").await;
    let first = shown(&browser).await;

    let told = browser.ask(ASK).await;
    browser.open(&stage.url("/work?a=b")).await;
    let second = shown(&browser).await;

    assert_eq!(told, json!({ "status": 401, "reload": "reload", "redirected": false }));
    assert_eq!((second.target.as_str(), second.one("x-forwarded-user")), ("/work?a=b", "alice"));
    assert_ne!(first.one("x-forwarded-id-token"), second.one("x-forwarded-id-token"));
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 2);
}
