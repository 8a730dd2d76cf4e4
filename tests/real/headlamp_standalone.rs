//! Headlamp's page behind the gateway's own proxy, with real Keycloak and Chromium
//!
//! The names in brackets are the rows of `headlamp`.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::double::Headlamp;
use crate::harness::{Chromium, Gateway, Realm, Scratch, free_addresses, until};
use crate::headlamp::{recover, sign_in, stay_while_frozen, until_denied, until_healthy};
use crate::refresh::configure_strict_tokens;

type Standalone = (Gateway, Headlamp, Realm, Chromium, Scratch, String);

/// Starts Headlamp behind the gateway itself, and opens it.
async fn open_standalone() -> Standalone {
    let addresses = free_addresses();
    let origin = format!("http://{}", addresses[0]);
    let realm = Realm::new(&origin, |realm| realm["accessTokenLifespan"] = 20.into()).await;
    open_standalone_with(addresses, realm, "").await
}

async fn open_standalone_with(addresses: [SocketAddr; 4], realm: Realm, provider: &str) -> Standalone {
    let scratch = Scratch::new();
    let origin = format!("http://{}", addresses[0]);
    let headlamp = Headlamp::start().await;
    let mut registration = realm.registration();
    registration.provider += provider;
    // headlamp.logout is on, because the gateway is the proxy.
    registration.more = format!("[headlamp]\nenabled = true\n[upstream]\nurl = \"{}\"\n", headlamp.url());
    let gateway = Gateway::start_on(addresses, &origin, &registration, &scratch).await;
    let browser = Chromium::start(None, &scratch).await;
    browser.open(&format!("{origin}/c/main/pods")).await;
    sign_in(&browser).await;
    (gateway, headlamp, realm, browser, scratch, origin)
}

/// The gateway restarts, then Keycloak ends the session, and then the user loses the group.
#[tokio::test(flavor = "multi_thread")]
async fn standalone_page_recovers_leaves_and_says_that_a_group_was_lost() {
    let (mut gateway, _headlamp, realm, browser, scratch, _origin) = open_standalone().await;
    gateway.restart(&scratch).await;
    until_healthy(&browser).await;
    assert!(realm.count_events("CODE_TO_TOKEN").await <= 2);
    let url = format!("http://{}/oauth2/backchannel-logout", gateway.public());
    realm.set_backchannel_logout_url(&url).await;

    realm.end_user_sessions("alice").await;

    until("Keycloak's form", async || browser.has("#kc-login").await).await;
    sign_in(&browser).await;
    assert_eq!(browser.url().await.path(), "/c/main/pods");

    realm.leave_group("alice", "dev").await;

    until_denied(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_page_stays_while_keycloak_is_frozen_and_recovers() {
    let addresses = free_addresses();
    let origin = format!("http://{}", addresses[0]);
    let realm = Realm::on_own_server(&origin, |realm| configure_strict_tokens(realm, 20)).await;
    let (_gateway, _headlamp, realm, browser, ..) =
        open_standalone_with(addresses, realm, "timeout = \"2s\"\n").await;
    stay_while_frozen(&browser, &realm).await;
    recover(&browser, &realm).await;
}

/// \[rows 2 and 6\]
#[tokio::test(flavor = "multi_thread")]
async fn standalone_log_out_ends_on_the_signed_out_page() {
    let (_gateway, _headlamp, realm, browser, _scratch, origin) = open_standalone().await;

    browser.click("#logout").await;

    until("the signed-out page", async || browser.url().await.path() == "/oauth2/signed_out").await;
    browser.text("#sign-in").await;
    assert_ne!(realm.count_events("LOGOUT").await, 0);
    browser.open(&format!("{origin}/c/main/nodes")).await;
    sign_in(&browser).await;
}

async fn open_terminal(browser: &Chromium) {
    let open =
        "window.terminal = new WebSocket(location.origin.replace('http', 'ws') + '/clusters/main/terminal');
                window.terminal.onclose = event => { window.code = event.code; };
                window.terminal.onmessage = event => done(event.data);
                window.terminal.onopen = () => window.terminal.send('ls');";
    assert_eq!(browser.run_script(open).await, json!("ls"));
}

async fn closed_code(browser: &Chromium) -> Value {
    let code = async || browser.run_script("done(window.code ?? null)").await;
    until("the terminal is closed", async || code().await != json!(null)).await;
    code().await
}

/// \[row 5\]
#[tokio::test(flavor = "multi_thread")]
async fn standalone_terminal_is_closed_when_keycloak_ends_the_session() {
    let (gateway, _headlamp, realm, browser, _scratch, origin) = open_standalone().await;
    browser.open(&format!("{origin}/c/main/pods?still")).await;
    let url = format!("http://{}/oauth2/backchannel-logout", gateway.public());
    realm.set_backchannel_logout_url(&url).await;
    open_terminal(&browser).await;

    realm.end_user_sessions("alice").await;

    assert_eq!(closed_code(&browser).await, json!(1008));
}

/// Another page of the user causes the refresh, by which the gateway learns of the groups.
#[tokio::test(flavor = "multi_thread")]
async fn standalone_terminal_is_closed_when_the_user_loses_a_group() {
    let (_gateway, _headlamp, realm, browser, _scratch, origin) = open_standalone().await;
    browser.open(&format!("{origin}/c/main/pods?still")).await;
    open_terminal(&browser).await;

    realm.leave_group("alice", "dev").await;

    let poll = "fetch('/clusters/main/version').then(reply => done(reply.status));";
    until("a refresh", async || browser.run_script(poll).await == json!(403)).await;
    assert_eq!(closed_code(&browser).await, json!(1008));
}
