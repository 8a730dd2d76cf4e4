//! Navigation from a browser tab that was idle until its token expired

use std::time::Duration;

use serde_json::json;

use super::open;
use crate::harness::{Cookies, ReceivedRequest, user_name};

/// Returns the number of redirects of the page load. Browsers count them if all of them were of the page's origin.
const COUNT_REDIRECTS: &str = "done(performance.getEntriesByType('navigation')[0].redirectCount);";

/// A tab of Chromium is idle until its access token expires. Then the user opens the next page.
///
/// The navigation has one redirect to `/oauth2/refresh` and back. The user sees no form, and
/// Keycloak's sign-in is not requested.
#[tokio::test(flavor = "multi_thread")]
async fn idle_tab_resumes_by_one_refresh_redirect_without_a_form() {
    let lifetime = 20;
    let setup = open(Cookies::Delivered, 1, lifetime).await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/work")).await;
    browser.type_into("#username", &user_name(0)).await;
    browser.type_into("#password", &user_name(0)).await;
    browser.click("#kc-login").await;
    browser.text("#echo").await;
    tokio::time::sleep(Duration::from_secs(lifetime + 1)).await;

    browser.open(&setup.url("/work?a=b&c=%2F")).await;
    let received: ReceivedRequest = serde_json::from_str(&browser.text("#echo").await).unwrap();

    assert_eq!(
        (received.target.as_str(), received.value("x-forwarded-user")),
        ("/work?a=b&c=%2F", &*user_name(0))
    );
    assert_eq!(
        browser.run_script(COUNT_REDIRECTS).await,
        json!(2),
        "one redirect to /oauth2/refresh and one back"
    );
    let realm = setup.provider();
    let refreshes =
        (realm.count_events("REFRESH_TOKEN").await, realm.count_events("REFRESH_TOKEN_ERROR").await);
    assert_eq!(refreshes, (1, 0));
    assert_eq!((realm.count_events("LOGIN").await, realm.count_events("CODE_TO_TOKEN").await), (1, 1));
}
