//! Denial of a signed-in user without permission

use http::StatusCode;

use crate::harness::{Proxy, Setup};

pub(crate) async fn user_without_the_required_group_gets_one_page_and_no_loop(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/secret")).await;
    browser.sign_in("bob").await;
    let page = browser.text("body").await;
    browser.take_screenshots("denied").await;
    browser.open(&setup.url("/secret")).await;

    assert!(page.contains("bob"), "the page does not name the signed-in user: {page}");
    assert_eq!(browser.url().await.as_str(), setup.url("/secret"));
    assert_eq!(
        setup.provider().observed().authorization,
        1,
        "the browser was redirected to the provider again"
    );
    assert_eq!(setup.all_requests().len(), 0);
}

pub(crate) async fn denial_is_403_for_navigations_and_programs(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("bob").await;

    let page = client.get("/", &[("Accept", "text/html")]).await;
    let program = client.get("/", &[("Accept", "application/json")]).await;

    assert_eq!((page.status, page.header("location")), (StatusCode::FORBIDDEN, None));
    assert_eq!((program.status, program.header("location")), (StatusCode::FORBIDDEN, None));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("x-forwarded-user"), None, "a denial sends an identity header to the client");
    assert_eq!(setup.all_requests().len(), 0);
}

pub(crate) async fn denied_user_can_sign_in_with_another_account(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/secret")).await;
    browser.sign_in("bob").await;

    browser.click("main .actions a").await;
    browser.sign_in("alice").await;
    browser.open(&setup.url("/secret")).await;

    browser.text("#echo").await;
    assert_eq!(setup.requests_to("/secret")[0].value("x-forwarded-user"), "alice");
}
