//! Detection of redirect loops
//!
//! A sign-in that cannot succeed ends on a page. One that succeeds never does.

use reqwest::Method;
use reqwest::header::{COOKIE, HeaderMap};

use crate::harness::{Browser, Gateway, provider};

async fn signed_in_browser(gateway: &Gateway) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&start(gateway, "/deep")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    browser
}

fn start(gateway: &Gateway, path: &str) -> String {
    gateway.url(&format!("/oauth2/start?rd={path}"))
}

#[tokio::test]
async fn lost_session_cookie_shows_a_page_with_the_cause() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for (value, words) in [(None, "did not keep"), (Some("garbage"), "cannot be read here")] {
        let mut browser = signed_in_browser(&gateway).await;
        browser.forget("foregate");
        if let Some(value) = value {
            browser.set_cookie("foregate", value);
        }
        let before = provider.observed().authorization;
        let page = browser.go(&start(&gateway, "/deep")).await;
        assert_eq!(page.status, 409);
        assert!(page.body.contains(words), "{}", page.body);
        assert_eq!(provider.observed().authorization, before, "the provider is not asked");
        let retry = page
            .body
            .split("class=\"button\" href=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .replace("&#38;", "&");
        let retried = browser.go(&retry).await;
        assert_eq!(retried.status, 302, "the link of the page begins a sign-in");
        assert!(retried.location().starts_with(provider.issuer()), "{}", retried.location());
    }
    assert!(gateway.ops("/metrics").await.body.contains("foregate_logins_total{outcome=\"stuck\"} 2\n"));
}

#[tokio::test]
async fn check_without_the_cookie_header_ends_on_a_page_with_the_cause() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let mut redirects = 0;
    let page = loop {
        // A proxy whose allow-list does not contain Cookie.
        let challenge = gateway.ask(gateway.question("/deep")).await;
        let page = browser.go(challenge.header("location").unwrap()).await;
        if page.status != 302 {
            break page;
        }
        assert_eq!(page.location(), gateway.url("/deep"));
        redirects += 1;
        assert!(redirects < 3, "this is a redirect loop");
    };
    assert_eq!((page.status, redirects), (409, 1));
    assert!(page.body.contains("Cookie header"), "{}", page.body);
}

#[tokio::test]
async fn sign_in_in_one_tab_sends_other_tabs_back_to_their_pages() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let before = provider.observed().authorization;
    for tab in 0..5 {
        let back = browser.go(&start(&gateway, &format!("/tab/{tab}"))).await;
        assert_eq!((back.status, back.location()), (302, &*gateway.url(&format!("/tab/{tab}"))));
    }
    assert_eq!(provider.observed().authorization, before);
    let another = browser.go(&gateway.url("/oauth2/start?account=another")).await;
    assert!(
        another.location().starts_with(provider.issuer()),
        "a user who wants another account can choose it"
    );
}

#[tokio::test]
async fn repeated_reloads_without_a_session_get_no_x_reload() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let ask = async |cookies: Option<&str>| {
        let mut headers = gateway.question("/api");
        headers.insert("sec-fetch-mode", "cors".parse().unwrap());
        headers.insert("sec-fetch-dest", "empty".parse().unwrap());
        headers.extend(cookies.map(|cookies| (COOKIE, cookies.parse().unwrap())));
        gateway.ask(headers).await
    };
    let first = ask(None).await;
    assert_eq!((first.status, first.header("x-reload")), (401, Some("reload")));
    let counted = first.header("set-cookie").unwrap();
    assert!(counted.starts_with("foregate-reloads=1.") && counted.contains("Max-Age=10"), "{counted}");
    let third = ask(Some("foregate-reloads=3.1")).await;
    assert_eq!((third.status, third.header("x-reload"), third.header("set-cookie")), (401, None, None));
    let second = ask(Some("foregate-reloads=2.1")).await;
    assert!(second.header("set-cookie").unwrap().starts_with("foregate-reloads=3."));
    for odd in ["foregate-reloads=x", "foregate-reloads=", "foregate-reloads=999.1"] {
        assert_eq!(ask(Some(odd)).await.header("x-reload"), Some("reload"), "{odd}");
    }
}

#[tokio::test]
async fn sign_in_directly_after_sign_out_is_no_redirect_loop() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let headers = HeaderMap::from_iter([("sec-fetch-site".parse().unwrap(), "same-origin".parse().unwrap())]);
    let page = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), headers, Some(&[])).await;
    assert_eq!(page.status, 303);
    assert_eq!(browser.cookie("foregate-landed"), None);
    let page = browser.go(&start(&gateway, "/")).await;
    assert!(page.location().starts_with(provider.issuer()));
}

#[tokio::test]
async fn retry_link_from_another_site_starts_no_sign_in() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let retry = gateway.url("/oauth2/start?retry=1&rd=/deep");
    for (site, reaches_the_provider) in
        [("cross-site", false), ("same-site", false), ("same-origin", true), ("none", true)]
    {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
        {
            headers.insert(name, value.parse().unwrap());
        }
        let before = provider.observed().authorization;
        let page = browser.request(Method::GET, &retry, headers, None).await;
        if page.status == 302 {
            browser.go(page.location()).await;
        }
        let signs_in = provider.observed().authorization > before;
        assert_eq!(signs_in, reaches_the_provider, "{site}: {}", page.status);
    }
}
