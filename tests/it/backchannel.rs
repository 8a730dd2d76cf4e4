//! How is the provider answered that says who has signed out?

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

fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(CACHE_CONTROL) == Some(&HeaderValue::from_static("no-store"))
        && !headers.contains_key(SET_COOKIE)
}

/// The provider reaches us by a name inside the cluster, which is none of `public.urls`.
#[tokio::test]
async fn whatever_the_host_a_request_without_one_token_is_refused_as_such() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let public = gateway.public.to_string();
    for host in ["foregate.auth.svc:4180", &public] {
        for body in ["", "x=1", "logout_token=a&logout_token=b"] {
            let reply = send(&gateway, Method::POST, host, body.into()).await;
            assert_eq!(reply.status(), 400, "{host} {body}");
            assert!(is_bare(reply.headers()), "{host} {body}");
            assert_eq!(reply.headers()[CONTENT_TYPE], "application/json");
            assert_eq!(reply.text().await.unwrap(), r#"{"error":"invalid_request"}"#);
        }
    }
    let metrics = gateway.ops("/metrics").await.body;
    assert!(metrics.contains("foregate_backchannel_logouts_total{outcome=\"malformed\"} 6"), "{metrics}");
}

#[tokio::test]
async fn nobody_but_a_post_is_heard() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let reply = send(&gateway, method.clone(), "foregate.auth.svc", "logout_token=a".into()).await;
        assert_eq!((reply.status().as_u16(), is_bare(reply.headers())), (405, true), "{method}");
    }
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_refused_however_it_comes() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let most = 64 * 1024;
    let fits = format!("x={}", "a".repeat(most - 2));
    let reply = send(&gateway, Method::POST, "a.test", fits.clone().into()).await;
    assert_eq!(reply.status(), 400, "it is read, and holds no token");
    let reply = send(&gateway, Method::POST, "a.test", format!("{fits}a").into()).await;
    assert_eq!((reply.status().as_u16(), is_bare(reply.headers())), (413, true));

    let mut unannounced = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway.public.port())).await.unwrap();
    let head = format!(
        "POST /oauth2/backchannel-logout HTTP/1.1\r\nHost: a.test\r\nContent-Type: {FORM}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        most + 1
    );
    unannounced.write_all(format!("{head}{fits}a\r\n0\r\n\r\n").as_bytes()).await.unwrap();
    let mut line = [0; 12];
    unannounced.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 413");
}
