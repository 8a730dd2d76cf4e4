//! Does a person get in, and does the application learn who it is?

use crate::harness::{Proxy, Seen, Stage};

pub(crate) async fn an_anonymous_deep_link_ends_on_the_deep_link_after_sign_in(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;
    let link = stage.url("/pods/web%20one?namespace=a%26b&tab=logs&tab=events");

    browser.open(&link).await;
    assert!(browser.url().await.as_str().starts_with(stage.provider().issuer()), "{}", browser.url().await);
    browser.picture("provider-sign-in").await;
    browser.sign_in("testuser").await;

    let seen: Seen = serde_json::from_str(&browser.text("#echo").await).unwrap();
    assert_eq!(browser.url().await.as_str(), link);
    assert_eq!(seen.target, "/pods/web%20one?namespace=a%26b&tab=logs&tab=events");
    assert_eq!(stage.provider().observed().authorization, 1);
}

pub(crate) async fn a_fragment_survives_where_the_browser_keeps_it_and_the_query_always_does(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/?rd=https://evil.test/&x=%2F..%2F#part")).await;
    browser.sign_in("testuser").await;

    browser.text("#echo").await;
    assert_eq!(browser.url().await.query(), Some("rd=https://evil.test/&x=%2F..%2F"));
}

pub(crate) async fn the_application_gets_one_line_of_each_identity_header_with_the_right_value(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/whoami")).await;
    browser.sign_in("testuser").await;
    let seen: Seen = serde_json::from_str(&browser.text("#echo").await).unwrap();

    assert_eq!(seen.one("x-forwarded-user"), "testuser");
    assert_eq!(seen.one("x-forwarded-email"), "testuser@example.com");
    assert_eq!(seen.one("x-forwarded-group"), "dev,ops");
    let token = seen.one("x-forwarded-id-token");
    assert_eq!(token.split('.').count(), 3, "not a JWT: {token}");
    assert_eq!(seen.one("authorization"), format!("Bearer {token}"));
}

pub(crate) async fn the_session_cookie_is_a_host_cookie_that_no_script_reads(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;

    let cookies = browser.cookies().await;
    let session = cookies.iter().find(|cookie| cookie.name() == "__Host-foregate").expect("a session cookie");
    assert_eq!(session.secure(), Some(true));
    assert_eq!(session.http_only(), Some(true));
    assert_eq!(session.path(), Some("/"));
    assert_eq!(session.same_site().map(|same_site| same_site.to_string()).as_deref(), Some("Lax"));
    let read = browser.ask("done(document.cookie)").await;
    assert!(!read.as_str().unwrap().contains("foregate"), "scripts can read {read}");
}

pub(crate) async fn the_session_cookie_never_arrives_at_the_application_and_a_foreign_cookie_does(
    proxy: Proxy,
) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/first")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;
    browser
        .ask("document.cookie = 'theme=dark; path=/'; document.cookie = 'lang=en; path=/'; done(null)")
        .await;
    browser.open(&stage.url("/second")).await;
    browser.text("#echo").await;

    let second = stage.arrived("/second");
    assert_eq!(second.len(), 1, "{second:#?}");
    assert_eq!(second[0].one("cookie"), "theme=dark; lang=en");
    let values: Vec<String> =
        browser.cookies().await.iter().map(|cookie| cookie.value().to_owned()).collect();
    let session = values.iter().filter(|value| value.len() > 40);
    for secret in session {
        for seen in stage.all_arrived() {
            let leaked = seen.headers.iter().find(|(_, value)| value.contains(secret.as_str()));
            assert!(leaked.is_none(), "the application got the session: {leaked:?}");
        }
    }
}
