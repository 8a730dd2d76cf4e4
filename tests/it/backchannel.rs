//! Responses of the back-channel logout endpoint

use std::net::Ipv4Addr;

use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{Client, Method, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Gateway, provider};

const FORM: &str = "application/x-www-form-urlencoded";

async fn send(gateway: &Gateway, method: Method, host: &str, body: reqwest::Body) -> Response {
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}:{}/oauth2/backchannel-logout", Ipv4Addr::LOCALHOST, gateway.public.port());
    let request = client.request(method, url).header(CONTENT_TYPE, FORM).header("host", host);
    request.body(body).send().await.unwrap()
}

fn has_no_store_and_no_cookie(headers: &HeaderMap) -> bool {
    headers.get(CACHE_CONTROL) == Some(&HeaderValue::from_static("no-store"))
        && !headers.contains_key(SET_COOKIE)
}

/// The provider reaches the gateway by a host name inside the cluster, which `public.urls` does not list.
#[tokio::test]
async fn request_without_exactly_one_logout_token_is_400_on_any_host() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let public = gateway.public.to_string();
    for host in ["foregate.auth.svc:4180", &public] {
        for body in ["", "x=1", "logout_token=a&logout_token=b"] {
            let reply = send(&gateway, Method::POST, host, body.into()).await;
            assert_eq!(reply.status(), 400, "{host} {body}");
            assert!(has_no_store_and_no_cookie(reply.headers()), "{host} {body}");
            assert_eq!(reply.headers()[CONTENT_TYPE], "application/json");
            assert_eq!(reply.text().await.unwrap(), r#"{"error":"invalid_request"}"#);
        }
    }
    let metrics = gateway.ops("/metrics").await.body;
    assert!(metrics.contains("foregate_backchannel_logouts_total{outcome=\"malformed\"} 6"), "{metrics}");
}

#[tokio::test]
async fn other_methods_than_post_are_405() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let reply = send(&gateway, method.clone(), "foregate.auth.svc", "logout_token=a".into()).await;
        assert_eq!(
            (reply.status().as_u16(), has_no_store_and_no_cookie(reply.headers())),
            (405, true),
            "{method}"
        );
    }
}

#[tokio::test]
async fn body_over_64_kib_is_refused_with_or_without_content_length() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let limit = 64 * 1024;
    let fits = format!("x={}", "a".repeat(limit - 2));
    let reply = send(&gateway, Method::POST, "a.test", fits.clone().into()).await;
    assert_eq!(reply.status(), 400, "the body is read, and has no token");
    let reply = send(&gateway, Method::POST, "a.test", format!("{fits}a").into()).await;
    assert_eq!((reply.status().as_u16(), has_no_store_and_no_cookie(reply.headers())), (413, true));

    let mut chunked = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway.public.port())).await.unwrap();
    let head = format!(
        "POST /oauth2/backchannel-logout HTTP/1.1\r\nHost: a.test\r\nContent-Type: {FORM}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        limit + 1
    );
    chunked.write_all(format!("{head}{fits}a\r\n0\r\n\r\n").as_bytes()).await.unwrap();
    let mut line = [0; 12];
    chunked.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 413");
}
