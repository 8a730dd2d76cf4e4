//! What becomes of a person whose session an administrator ends?

use super::{open, shown, type_in};

/// As the page's own scripts ask: status, and what they are told to do.
const POLL: &str = "fetch('/api/pods').then(reply => done([reply.status, reply.headers.get('x-reload')]));";

#[tokio::test(flavor = "multi_thread")]
async fn the_next_poll_says_reload_and_the_next_page_asks_for_the_password() {
    let mut stage = open().await;
    let url = format!("http://{}/oauth2/backchannel-logout", stage.gateway.public());
    stage.provider().send_logouts_to(&url).await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/work")).await;
    type_in(&browser, "alice", "alice").await;
    shown(&browser).await;
    assert_eq!(browser.ask(POLL).await, serde_json::json!([200, null]));

    stage.provider().log_out("alice").await;

    assert_eq!(browser.ask(POLL).await, serde_json::json!([401, "reload"]), "{}", stage.gateway.log());
    browser.open(&stage.url("/again")).await;
    type_in(&browser, "alice", "alice").await;
    assert_eq!(shown(&browser).await.target, "/again");
    stage.gateway.log_with("signed out by the provider").await;
}
