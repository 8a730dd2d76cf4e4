//! Availability during excessive requests

use reqwest::header::{COOKIE, HeaderValue};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Browser, Gateway, KEY, Process, get, get_with, provider, real_time_provider};

#[tokio::test]
async fn thousand_cookies_neither_hide_a_session_nor_cause_an_error() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let own = browser.cookie_header().unwrap();
    let names = ["a", "foregate", "foregate_", "foregate-login", "__Host-foregate", "__Secure-foregate"];
    for name in names {
        let many: Vec<String> = (0..1000).map(|number| format!("{name}{number}=x")).collect();
        let many = many.join("; ");
        let mut question = gateway.question("/");
        question.insert(COOKIE, HeaderValue::from_str(&many).unwrap());
        assert_eq!(gateway.ask(question.clone()).await.status, 302, "{name}");
        let both = format!("{many}; {}", own.to_str().unwrap());
        question.insert(COOKIE, HeaderValue::from_str(&both).unwrap());
        assert_eq!(gateway.ask(question.clone()).await.status, 200, "{name}");
        for path in ["/oauth2/start", "/oauth2/callback?code=a&state=b", "/oauth2/sign_in"] {
            let mut jar = question.clone();
            jar.insert("host", HeaderValue::from_str(&gateway.public.to_string()).unwrap());
            let page = get_with(&gateway.url(path), jar).await;
            assert!(page.status < 500, "{name} {path}: {}", page.status);
        }
    }
    let mut question = gateway.question("/");
    question.insert(COOKIE, HeaderValue::from_str(&"a=b; ".repeat(7000)).unwrap());
    let reply = gateway.ask(question).await;
    assert_eq!(reply.status, 431);
    assert!(reply.body.contains("too many cookies"), "{}", reply.body);
    gateway.stop().await;
}

/// Needs 2,000 file descriptors. If the limit is lower, set `ulimit -n 4096`.
#[tokio::test]
async fn two_thousand_slow_connections_delay_no_request() {
    const SLOW: usize = 2000;
    let provider = real_time_provider().await;
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    let process = Process::limited(8192, provider.issuer(), &[], &secrets).await;
    let mut slow = Vec::new();
    for number in 0..SLOW {
        let port = if number % 2 == 0 { process.check } else { process.public };
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"GET /oauth2/sign_in HTTP/1.1\r\nHost:").await.unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        let check = get(&format!("http://127.0.0.1:{}/check/traefik", process.check)).await;
        assert_eq!(check.status, 400, "the malformed check is answered");
        let page = get(&format!("http://127.0.0.1:{}/oauth2/sign_in", process.public)).await;
        assert_eq!(page.status, 200);
    }
    drop(slow);
}
