//! Does the log say what happened, in one line, whatever the client has sent?

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::harness::{KEY, Process, get_with, provider};

const SECRETS: [(&str, &str); 2] = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];

/// Traefik's question, with these fields set or replaced.
async fn ask(process: &Process, fields: &[(&str, &str)]) -> u16 {
    let host = format!("127.0.0.1:{}", process.public);
    let mut headers = HeaderMap::new();
    let usual = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", &host),
        ("x-forwarded-uri", "/"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    for (name, value) in usual.iter().chain(fields) {
        headers
            .insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    get_with(&format!("http://127.0.0.1:{}/check/traefik", process.check), headers).await.status
}

#[tokio::test]
async fn the_log_names_the_client_behind_the_trusted_proxies() {
    let provider = provider().await;
    let trusted = [("check.trusted_proxies", "127.0.0.1,10.0.0.0/8")];
    let process = Process::start(provider.issuer(), &[], &[&SECRETS[..], &trusted].concat()).await;
    let fields = [("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.1"), ("x_forwarded_user", "root")];
    assert_eq!(ask(&process, &fields).await, 400);
    let log = process.log();
    assert!(log.contains("client=203.0.113.7"), "{log}");
    assert!(!log.contains("6.6.6.6"), "{log}");
}
