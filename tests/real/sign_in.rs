//! Sign-in, and the identity that the application receives

use crate::harness::{Proxy, ReceivedRequest, Setup};

pub(crate) async fn anonymous_sign_in_returns_to_the_deep_link(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;
    let link = setup.url("/pods/web%20one?namespace=a%26b&tab=logs&tab=events");

    browser.open(&link).await;
    assert!(browser.url().await.as_str().starts_with(setup.provider().issuer()), "{}", browser.url().await);
    browser.take_screenshots("provider-sign-in").await;
    browser.sign_in("testuser").await;

    let received: ReceivedRequest = serde_json::from_str(&browser.text("#echo").await).unwrap();
    assert_eq!(browser.url().await.as_str(), link);
    assert_eq!(received.target, "/pods/web%20one?namespace=a%26b&tab=logs&tab=events");
    assert_eq!(setup.provider().observed().authorization, 1);
}

pub(crate) async fn query_of_a_url_with_a_fragment_survives_sign_in(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/?rd=https://evil.test/&x=%2F..%2F#part")).await;
    browser.sign_in("testuser").await;

    browser.text("#echo").await;
    assert_eq!(browser.url().await.query(), Some("rd=https://evil.test/&x=%2F..%2F"));
}

pub(crate) async fn application_gets_one_correct_line_of_each_identity_header(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/whoami")).await;
    browser.sign_in("testuser").await;
    let received: ReceivedRequest = serde_json::from_str(&browser.text("#echo").await).unwrap();

    assert_eq!(received.value("x-forwarded-user"), "testuser");
    assert_eq!(received.value("x-forwarded-email"), "testuser@example.com");
    assert_eq!(received.value("x-forwarded-group"), "dev,ops");
    let token = received.value("x-forwarded-id-token");
    assert_eq!(token.split('.').count(), 3, "not a JWT: {token}");
    assert_eq!(received.value("authorization"), format!("Bearer {token}"));
}

pub(crate) async fn session_cookie_is_a_host_cookie_hidden_from_scripts(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;

    let cookies = browser.cookies().await;
    let session = cookies.iter().find(|cookie| cookie.name() == "__Host-foregate").expect("a session cookie");
    assert_eq!(session.secure(), Some(true));
    assert_eq!(session.http_only(), Some(true));
    assert_eq!(session.path(), Some("/"));
    assert_eq!(session.same_site().map(|same_site| same_site.to_string()).as_deref(), Some("Lax"));
    let read = browser.run_script("done(document.cookie)").await;
    assert!(!read.as_str().unwrap().contains("foregate"), "a script can read the session cookie: {read}");
}

pub(crate) async fn session_cookie_is_removed_and_other_cookies_arrive(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/first")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;
    browser
        .run_script("document.cookie = 'theme=dark; path=/'; document.cookie = 'lang=en; path=/'; done(null)")
        .await;
    browser.open(&setup.url("/second")).await;
    browser.text("#echo").await;

    let second = setup.requests_to("/second");
    assert_eq!(second.len(), 1, "{second:#?}");
    assert_eq!(second[0].value("cookie"), "theme=dark; lang=en");
    let values: Vec<String> =
        browser.cookies().await.iter().map(|cookie| cookie.value().to_owned()).collect();
    let session = values.iter().filter(|value| value.len() > 40);
    for secret in session {
        for received in setup.all_requests() {
            let leaked = received.headers.iter().find(|(_, value)| value.contains(secret.as_str()));
            assert!(leaked.is_none(), "the application received the session cookie: {leaked:?}");
        }
    }
}
