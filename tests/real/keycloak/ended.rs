//! Session that an administrator ends at Keycloak

use super::{open, shown_request, submit_login};

/// Polls as a script of the page does. Returns the status and the header `X-Reload`.
const POLL: &str = "fetch('/api/pods').then(reply => done([reply.status, reply.headers.get('x-reload')]));";

#[tokio::test(flavor = "multi_thread")]
async fn ended_session_gets_401_and_the_next_page_asks_for_the_password() {
    let mut setup = open().await;
    let url = format!("http://{}/oauth2/backchannel-logout", setup.gateway.public());
    setup.provider().set_backchannel_logout_url(&url).await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/work")).await;
    submit_login(&browser, "alice", "alice").await;
    shown_request(&browser).await;
    assert_eq!(browser.run_script(POLL).await, serde_json::json!([200, null]));

    setup.provider().end_user_sessions("alice").await;

    assert_eq!(browser.run_script(POLL).await, serde_json::json!([401, "reload"]), "{}", setup.gateway.log());
    browser.open(&setup.url("/again")).await;
    submit_login(&browser, "alice", "alice").await;
    assert_eq!(shown_request(&browser).await.target, "/again");
    setup.gateway.wait_for_log("signed out by the provider").await;
}
