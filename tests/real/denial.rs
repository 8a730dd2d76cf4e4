//! What meets a person who is known and not permitted?

use http::StatusCode;

use crate::harness::{Proxy, Stage};

pub(crate) async fn a_user_without_the_group_gets_one_page_and_no_loop(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/secret")).await;
    browser.sign_in("bob").await;
    let page = browser.text("body").await;
    browser.picture("denied").await;
    browser.open(&stage.url("/secret")).await;

    assert!(page.contains("bob"), "the page does not say who is signed in: {page}");
    assert_eq!(browser.url().await.as_str(), stage.url("/secret"));
    assert_eq!(stage.provider().observed().authorization, 1, "it went back to the provider");
    assert_eq!(stage.all_arrived().len(), 0);
}

pub(crate) async fn a_denial_is_403_for_pages_and_programs_alike(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("bob").await;

    let page = caller.get("/", &[("Accept", "text/html")]).await;
    let program = caller.get("/", &[("Accept", "application/json")]).await;

    assert_eq!((page.status, page.header("location")), (StatusCode::FORBIDDEN, None));
    assert_eq!((program.status, program.header("location")), (StatusCode::FORBIDDEN, None));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(
        page.header("x-forwarded-user"),
        None,
        "a denial tells the client what an application would get"
    );
    assert_eq!(stage.all_arrived().len(), 0);
}

pub(crate) async fn a_denied_person_can_come_back_with_another_account(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/secret")).await;
    browser.sign_in("bob").await;

    browser.click("main .actions a").await;
    browser.sign_in("alice").await;
    browser.open(&stage.url("/secret")).await;

    browser.text("#echo").await;
    assert_eq!(stage.arrived("/secret")[0].one("x-forwarded-user"), "alice");
}
