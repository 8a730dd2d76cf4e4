//! Sessions that the hosts of a domain share

use reqwest::header::{COOKIE, HeaderMap};

use crate::harness::{Browser, Gateway, HttpReply, provider};

/// Users sign in on one host. The proxy asks checks for the other host.
const SHARED: [(&str, &str); 3] = [
    ("public.urls", "http://app.localhost:PORT"),
    ("cookie.domain", "localhost"),
    ("public.return_hosts", "grafana.localhost:PORT"),
];

async fn ask(gateway: &Gateway, host: &str, browser: &Browser) -> HttpReply {
    let mut headers = gateway.question("/dashboards?x=1");
    headers.insert("x-forwarded-host", format!("{host}:{}", gateway.public.port()).parse().unwrap());
    headers.extend(browser.cookie_header_of(host).map(|cookies| (COOKIE, cookies)));
    gateway.ask(headers).await
}

#[tokio::test]
async fn sign_in_on_one_host_is_valid_on_the_others_and_returns_there() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &SHARED).await;
    let mut browser = Browser::new();
    let challenge = ask(&gateway, "grafana.localhost", &browser).await;
    let port = gateway.public.port();
    let location = challenge.header("location").unwrap();
    assert!(location.starts_with(&format!("http://app.localhost:{port}/oauth2/start?rd=")), "{location}");
    let form = browser.open(location).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let back = browser.visited.last().unwrap();
    assert_eq!(back.as_str(), format!("http://grafana.localhost:{port}/dashboards?x=1"));
    for host in ["grafana.localhost", "app.localhost"] {
        let reply = ask(&gateway, host, &browser).await;
        assert_eq!((reply.status, reply.header("x-forwarded-user")), (200, Some("testuser")), "{host}");
    }
    assert_eq!(ask(&gateway, "else.localhost", &browser).await.status, 403, "a host that is not listed");
}

#[tokio::test]
async fn own_pages_are_on_one_host_and_other_hosts_redirect_there() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &SHARED).await;
    let port = gateway.public.port();
    let mut browser = Browser::new();
    let page = browser.go(&format!("http://grafana.localhost:{port}/oauth2/sign_out?x=1")).await;
    assert_eq!(
        (page.status, page.location()),
        (302, &*format!("http://app.localhost:{port}/oauth2/sign_out?x=1"))
    );
    let sent = browser
        .request(
            reqwest::Method::POST,
            &format!("http://grafana.localhost:{port}/oauth2/sign_out"),
            HeaderMap::new(),
            None,
        )
        .await;
    assert_eq!(sent.status, 404);
}

#[tokio::test]
async fn session_cookie_planted_by_a_sibling_host_is_refused() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &SHARED).await;
    let mut browser = Browser::new();
    let form =
        browser.open(ask(&gateway, "grafana.localhost", &browser).await.header("location").unwrap()).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let ours = browser.cookie("foregate").unwrap().to_owned();
    // A sibling host sets the cookie of an attacker in addition to the user's own.
    for cookies in
        [format!("foregate=planted; foregate={ours}"), format!("foregate={ours}; foregate=planted")]
    {
        let mut headers = gateway.question("/");
        headers.insert(
            "x-forwarded-host",
            format!("grafana.localhost:{}", gateway.public.port()).parse().unwrap(),
        );
        headers.insert(COOKIE, cookies.parse().unwrap());
        assert_eq!(gateway.ask(headers).await.status, 302, "two cookies with one name are no session");
    }
}

#[tokio::test]
async fn session_of_a_domain_is_invalid_for_a_gateway_of_one_host() {
    let provider = provider().await;
    let shared = Gateway::with(&provider, &SHARED).await;
    let mut browser = Browser::new();
    let form =
        browser.open(ask(&shared, "grafana.localhost", &browser).await.header("location").unwrap()).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let alone = Gateway::with(&provider, &[("public.urls", "http://app.localhost:PORT")]).await;
    assert_eq!(ask(&alone, "app.localhost", &browser).await.status, 302);
}
