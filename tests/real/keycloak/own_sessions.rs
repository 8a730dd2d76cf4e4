//! The list of a user's sessions, in two browsers

use http::StatusCode;
use serde_json::json;

use super::{shown_request, submit_login};
use crate::harness::{Aliases, Chromium, Realm, Reserved, Scratch, Setup};

/// Polls as a script of the page does. Returns the status.
const POLL: &str = "fetch('/api/pods').then(reply => done(reply.status));";

/// Starts everything with sessions in a file, and additional sections of the configuration.
async fn open_with_file(sections: &str) -> Setup<Realm> {
    let reserved = Reserved::new();
    let realm = Realm::new(&reserved.origin, |_| {}).await;
    let mut registration = realm.registration();
    let file = reserved.scratch.path().join("sessions.redb");
    registration.session = format!("store = \"file\"\nfile = \"{}\"", file.display());
    sections.clone_into(&mut registration.more);
    Setup::with_provider(reserved, realm, &registration, Aliases::Documented).await
}

/// Signs in, and waits for the application's page.
async fn sign_in(setup: &Setup<Realm>, browser: &Chromium) {
    browser.open(&setup.url("/work")).await;
    browser.click("#sign-in").await;
    submit_login(browser, "alice", "alice").await;
    shown_request(browser).await;
}

/// A check keeps a record for two seconds. The end of a session must not wait for that.
#[tokio::test(flavor = "multi_thread")]
async fn browser_whose_session_another_one_ended_is_at_the_login_at_once() {
    // Otherwise, Keycloak would sign the other browser in again without a question.
    let mut setup = open_with_file("[sign_in]\npage = true\n").await;
    let own_scratch = Scratch::new();
    let (laptop, phone) =
        (setup.chromium().await, Chromium::start(Some(setup.authority().pin()), &own_scratch).await);
    sign_in(&setup, &laptop).await;
    sign_in(&setup, &phone).await;

    laptop.open(&setup.url("/oauth2/sessions")).await;
    assert!(laptop.text("#this-session").await.contains("Chrome on Linux"));
    laptop.take_screenshots("own-sessions").await;
    assert_eq!(phone.run_script(POLL).await, json!(StatusCode::OK.as_u16()));
    laptop.click(".end").await;
    laptop.text("#no-others").await;

    let ended = tokio::time::Instant::now();
    assert_eq!(phone.run_script(POLL).await, json!(StatusCode::UNAUTHORIZED.as_u16()));
    phone.open(&setup.url("/again")).await;
    assert_eq!(phone.url().await.path(), "/oauth2/sign_in");
    println!("at the login {:?} after the list had changed", ended.elapsed());

    laptop.open(&setup.url("/still")).await;
    assert_eq!(shown_request(&laptop).await.target, "/still");
    setup.gateway.wait_for_log("other sessions ended by their user").await;
    phone.click("#sign-in").await;
    assert_eq!(shown_request(&phone).await.target, "/again");
}

/// Keycloak still knows the user, whose authentication is recent. So the sign-in returns without a question.
#[tokio::test(flavor = "multi_thread")]
async fn sign_in_from_the_list_returns_to_it() {
    let setup = open_with_file("").await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/oauth2/sessions")).await;
    submit_login(&browser, "alice", "alice").await;
    browser.text("#no-others").await;
    browser
        .open(&setup.url("/oauth2/start?authenticated=recently&rd=/oauth2/sessions?signed_in=again"))
        .await;
    browser.text("#no-others").await;
    assert_eq!(browser.url().await.query(), Some("signed_in=again"));
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 2);
}
