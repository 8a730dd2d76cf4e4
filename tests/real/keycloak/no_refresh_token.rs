//! Expiry of a session without a refresh token

use std::time::Duration;

use serde_json::{Value, json};

use super::{open_with, shown_request, submit_login};

/// Polls until the session expires. Returns the response that a script then receives.
const POLL_UNTIL_EXPIRED: &str = "const ask = () => fetch('/poll').then(reply => reply.ok
    ? setTimeout(ask, 200)
    : done({ status: reply.status, reload: reply.headers.get('x-reload'), redirected: reply.redirected }));
    ask();";

#[tokio::test(flavor = "multi_thread")]
async fn expiry_without_refresh_token_gives_401_then_a_silent_sign_in() {
    // The lifetime must exceed the time in which a second sign-in counts as a redirect loop, even on a busy machine.
    let lifetime = Duration::from_secs(12);
    let change = |realm: &mut Value| {
        realm["accessTokenLifespan"] = lifetime.as_secs().into();
        realm["clients"][0]["attributes"]["use.refresh.tokens"] = "false".into();
    };
    let setup = open_with(change, "").await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/work?a=b")).await;
    submit_login(&browser, "alice", "alice").await;
    let first = shown_request(&browser).await;

    let expired = browser.run_script(POLL_UNTIL_EXPIRED).await;
    browser.open(&setup.url("/work?a=b")).await;
    let second = shown_request(&browser).await;

    assert_eq!(expired, json!({ "status": 401, "reload": "reload", "redirected": false }));
    assert_eq!((second.target.as_str(), second.value("x-forwarded-user")), ("/work?a=b", "alice"));
    assert_ne!(first.value("x-forwarded-id-token"), second.value("x-forwarded-id-token"));
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 2);
}
