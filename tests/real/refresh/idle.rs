//! What does a person see who comes back to a page that nobody touched for a while?

use std::time::Duration;

use serde_json::json;

use super::open;
use crate::harness::{Cookies, Seen, person};

/// How the page came that is shown: browsers count the redirects of a page load where all were of its own origin.
const REDIRECTS: &str = "done(performance.getEntriesByType('navigation')[0].redirectCount);";

/// A page of Chromium's stands idle until its access token is over; then the person goes on.
///
/// Allowed: one redirect to `/oauth2/refresh` and back. No form, and Keycloak's sign-in is not even asked.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_tab_goes_on_by_one_redirect_and_without_a_form() {
    let life = 20;
    let stage = open(Cookies::Delivered, 1, life).await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/work")).await;
    browser.type_into("#username", &person(0)).await;
    browser.type_into("#password", &person(0)).await;
    browser.click("#kc-login").await;
    browser.text("#echo").await;
    tokio::time::sleep(Duration::from_secs(life + 1)).await;

    browser.open(&stage.url("/work?a=b&c=%2F")).await;
    let seen: Seen = serde_json::from_str(&browser.text("#echo").await).unwrap();

    assert_eq!((seen.target.as_str(), seen.one("x-forwarded-user")), ("/work?a=b&c=%2F", &*person(0)));
    assert_eq!(browser.ask(REDIRECTS).await, json!(2), "there and back");
    let realm = stage.provider();
    let asked = (realm.events("REFRESH_TOKEN").await, realm.events("REFRESH_TOKEN_ERROR").await);
    assert_eq!(asked, (1, 0));
    assert_eq!((realm.events("LOGIN").await, realm.events("CODE_TO_TOKEN").await), (1, 1));
}
