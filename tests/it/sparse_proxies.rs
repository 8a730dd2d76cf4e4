//! Proxies that forward too few header fields of clients

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Browser, Gateway, HttpReply, KEY, Process, provider, real_time_provider, send_bare};

/// The dialects of proxies, and the setting that each remedy names.
const DIALECTS: [(&str, &str); 4] = [
    ("traefik", "authRequestHeaders"),
    ("caddy", "header_up"),
    ("nginx", "proxy_pass_request_headers"),
    ("envoy", "allowed_headers"),
];

/// The field that Traefik and Caddy send if they do not forward the client's.
const GO_USER_AGENT: (&str, &str) = ("User-Agent", "Go-http-client/1.1");

/// Sends a check without any field of the client, except `more`.
async fn ask([check, public]: [u16; 2], dialect: &str, method: &str, more: &[(&str, &str)]) -> HttpReply {
    let host = format!("127.0.0.1:{public}");
    let url = format!("http://{host}/page");
    let path = format!("/check/{dialect}");
    // The fields of each dialect; the others ignore them.
    let fields = [
        ("Host", &*host),
        ("X-Forwarded-Method", method),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", &host),
        ("X-Forwarded-Uri", "/page"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Original-Method", method),
        ("X-Original-URL", &url),
    ];
    let (own_method, target) =
        if dialect == "envoy" { (method, format!("{path}/page")) } else { ("GET", path) };
    let uses_go =
        matches!(dialect, "traefik" | "caddy") && !more.iter().any(|(name, _)| *name == GO_USER_AGENT.0);
    let own: &[_] = if uses_go { &[GO_USER_AGENT] } else { &[] };
    send_bare(check, own_method, &target, &[&fields, own, more].concat()).await
}

fn ports(gateway: &Gateway) -> [u16; 2] {
    [gateway.check.port(), gateway.public.port()]
}

async fn ask_many(ports: [u16; 2], dialect: &str, checks: usize) {
    for _ in 0..checks {
        ask(ports, dialect, "GET", &[]).await;
    }
}

/// Returns the proxies that `/readyz` lists. Its status does not depend on them.
async fn listed(gateway: &Gateway) -> Value {
    let (status, body) = gateway.readyz().await;
    assert_eq!((status, &body["ready"]), (200, &json!(true)));
    body["proxies_with_too_few_headers"].clone()
}

#[tokio::test]
async fn fifty_checks_that_show_no_client_are_listed_until_one_shows_it() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let shown = ["Accept", "User-Agent", "Sec-Fetch-Site", "Sec-WebSocket-Key"];
    for ((dialect, setting), shown) in DIALECTS.into_iter().zip(shown) {
        ask_many(ports(&gateway), dialect, 49).await;
        assert_eq!(listed(&gateway).await, json!([]), "{dialect}");
        ask_many(ports(&gateway), dialect, 1).await;
        let proxies = listed(&gateway).await;
        assert_eq!(proxies.as_array().unwrap().len(), 1, "{proxies}");
        assert_eq!((&proxies[0]["peer"], &proxies[0]["dialect"]), (&json!("127.0.0.1"), &json!(dialect)));
        assert_eq!(proxies[0]["checks"], 50);
        assert!(proxies[0]["remedy"].as_str().unwrap().contains(setting), "{proxies}");
        ask(ports(&gateway), dialect, "GET", &[(shown, "x")]).await;
        assert_eq!(listed(&gateway).await, json!([]), "{dialect} {shown}");
    }
}

#[tokio::test]
async fn listed_proxy_is_forgotten_after_an_hour_without_checks() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    ask_many(ports(&gateway), "envoy", 50).await;
    provider.clock.advance(Duration::from_secs(3599));
    assert_eq!(listed(&gateway).await[0]["dialect"], "envoy");
    provider.clock.advance(Duration::from_secs(1));
    assert_eq!(listed(&gateway).await, json!([]));
}

#[tokio::test]
async fn peer_that_is_no_trusted_proxy_is_not_counted() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("check.trusted_proxies", "192.0.2.1")]).await;
    ask_many(ports(&gateway), "envoy", 50).await;
    assert_eq!(listed(&gateway).await, json!([]));
}

#[tokio::test]
async fn fifty_checks_that_show_no_client_are_logged_with_the_setting() {
    let provider = real_time_provider().await;
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    for (dialect, setting) in DIALECTS {
        let process = Process::start(provider.issuer(), &[], &secrets).await;
        ask_many([process.check, process.public], dialect, 52).await;
        let log = process.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("too few headers")).collect();
        // The other two checks follow within a minute.
        assert_eq!(lines.len(), 1, "{log}");
        for part in ["peer=127.0.0.1", &format!("dialect=\"{dialect}\""), "checks=50", setting] {
            assert!(lines[0].contains(part), "{part}: {}", lines[0]);
        }
    }
}

#[tokio::test]
async fn get_that_shows_no_client_is_redirected_if_only_listed_fields_arrive() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for method in ["GET", "HEAD"] {
        let reply = ask(ports(&gateway), "envoy", method, &[]).await;
        assert_eq!(reply.status, 302, "{method}");
        let location = reply.header("location").unwrap();
        assert!(location.contains("/oauth2/start?rd=") && location.ends_with("%2Fpage"), "{location}");
    }
    for method in ["POST", "PUT", "OPTIONS"] {
        assert_eq!(ask(ports(&gateway), "envoy", method, &[]).await.status, 401, "{method}");
    }
    for shown in [
        ("Accept", "*/*"),
        GO_USER_AGENT,
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-WebSocket-Key", "x"),
        ("Upgrade", "websocket"),
        ("X-Requested-With", "XMLHttpRequest"),
    ] {
        assert_eq!(ask(ports(&gateway), "envoy", "GET", &[shown]).await.status, 401, "{shown:?}");
    }
    for dialect in ["traefik", "caddy", "nginx", "nginx-refusal"] {
        let reply = ask(ports(&gateway), dialect, "GET", &[]).await;
        assert_eq!((reply.status, reply.header("x-sign-in")), (401, None), "{dialect}");
    }
}

#[tokio::test]
async fn denied_user_gets_a_page_if_the_client_is_not_shown() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("policies.default.allowed_groups", "ops")]).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "alice", "alice").await;
    let cookie = browser.cookie_header().unwrap();
    let cookie = ("Cookie", cookie.to_str().unwrap());
    for (dialect, media_type) in [("envoy", "text/html"), ("traefik", "application/problem+json")] {
        let reply = ask(ports(&gateway), dialect, "GET", &[cookie]).await;
        assert_eq!(reply.status, 403, "{dialect}");
        assert!(reply.header("content-type").unwrap().starts_with(media_type), "{:?}", reply.headers);
    }
}
