//! Transport faults of each endpoint that a client requests

use dev_provider::{Endpoint, Fault, TransportFault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::claims::fixture;
use crate::harness::{BASIC, Fixture, encode, text};
use crate::http::{Reply, send};

const ENDPOINTS: [(Endpoint, &str); 4] = [
    (Endpoint::Discovery, "GET /.well-known/openid-configuration"),
    (Endpoint::Jwks, "GET /jwks"),
    (Endpoint::Userinfo, "GET /userinfo"),
    (Endpoint::Token, "POST /token"),
];

/// Sends a request whose response is JSON, even if it is an error.
async fn ask(fixture: &Fixture, start: &str) -> Reply {
    send(fixture.provider.address(), start, &[("authorization", BASIC)], "").await
}

#[tokio::test]
async fn status_fault_has_no_body_and_the_usual_retry_after() {
    let fixture = fixture().await;
    for (endpoint, start) in ENDPOINTS {
        for (fault, status, wait) in [
            (TransportFault::Status500, 500, None),
            (TransportFault::Status503, 503, Some("7")),
            (TransportFault::Status429, 429, Some("7")),
        ] {
            let healthy = ask(&fixture, start).await;
            fixture.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&fixture, start).await;
            assert_eq!(
                (faulty.status, faulty.header("retry-after"), faulty.body.as_str()),
                (status, wait, "")
            );
            assert_eq!(ask(&fixture, start).await.status, healthy.status);
        }
    }
}

#[tokio::test]
async fn replaced_body_or_type_has_status_200() {
    let fixture = fixture().await;
    for (endpoint, start) in ENDPOINTS {
        let healthy = ask(&fixture, start).await;
        for (fault, content_type, starts) in [
            (TransportFault::Html, "text/html", Some("<!doctype html>")),
            (TransportFault::TextPlain, "text/plain", None),
            (TransportFault::Garbage, "application/json", Some("\u{1}\u{2}garbage")),
            (TransportFault::EmptyBody, "application/json", Some("")),
        ] {
            fixture.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&fixture, start).await;
            assert_eq!(faulty.header("content-type"), Some(content_type));
            match starts {
                Some("") => assert_eq!(faulty.body, ""),
                Some(starts) => assert!(faulty.status == 200 && faulty.body.starts_with(starts)),
                None => assert_eq!(faulty.body, healthy.body),
            }
            assert_eq!(ask(&fixture, start).await.header("content-type"), healthy.header("content-type"));
        }
    }
}

#[tokio::test]
async fn half_body_announces_its_length_or_the_whole_length() {
    let fixture = fixture().await;
    for (endpoint, start) in [ENDPOINTS[0], ENDPOINTS[1], ENDPOINTS[3]] {
        let healthy = ask(&fixture, start).await.body;
        let half = healthy.split_at(healthy.len() / 2).0;
        for (fault, announced) in
            [(TransportFault::Truncated, half.len()), (TransportFault::HalfWay, healthy.len())]
        {
            fixture.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&fixture, start).await;
            assert_eq!(
                (faulty.body.as_str(), faulty.header("content-length")),
                (half, Some(announced.to_string().as_str()))
            );
            assert_eq!(ask(&fixture, start).await.body, healthy);
        }
    }
}

#[tokio::test]
async fn redirect_fault_counts_only_requests_to_the_other_host() {
    let fixture = fixture().await;
    let port = fixture.provider.address().port();
    for (endpoint, start) in ENDPOINTS {
        let path = start.split_once(' ').unwrap().1;
        let itself = format!("{}{path}", fixture.provider.issuer());
        let elsewhere = format!("http://localhost:{port}/elsewhere{path}");
        for (fault, status, location) in [
            (TransportFault::Redirect302Self, 302, &itself),
            (TransportFault::Redirect307Self, 307, &itself),
            (TransportFault::Redirect302Elsewhere, 302, &elsewhere),
            (TransportFault::Redirect307Elsewhere, 307, &elsewhere),
        ] {
            fixture.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&fixture, start).await;
            assert_eq!((faulty.status, faulty.header("location")), (status, Some(location.as_str())));
            assert_eq!(ask(&fixture, start).await.header("location"), None);
        }
    }
    assert_eq!(fixture.provider.observed().elsewhere, 0);
    ask(&fixture, "POST /elsewhere/token").await;
    assert_eq!(fixture.provider.observed().elsewhere, 1);
}

#[tokio::test]
async fn huge_body_is_streamed_with_a_hundred_megabytes() {
    let fixture = fixture().await;
    fixture.provider.arm("jwks-huge".parse().unwrap());
    let mut stream = open(&fixture, "GET /jwks").await;
    let (mut read, mut buffer) = (0, vec![0; 256 * 1024]);
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            some => read += some,
        }
    }
    assert!(read > 100_000_000, "{read}");
    assert_eq!(ask(&fixture, "GET /jwks").await.status, 200);
}

#[tokio::test]
async fn dripping_body_lasts_until_released() {
    let fixture = fixture().await;
    for (endpoint, start) in ENDPOINTS {
        fixture.provider.arm(Fault::Transport(endpoint, TransportFault::Drip));
        let mut stream = open(&fixture, start).await;
        let mut seen = String::new();
        // Two chunks of one space each.
        while seen.matches("1\r\n \r\n").count() < 2 {
            let mut buffer = [0; 512];
            let read = stream.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0);
            seen.push_str(std::str::from_utf8(buffer.get(..read).unwrap()).unwrap());
        }
        fixture.provider.release_all();
        stream.read_to_string(&mut seen).await.unwrap();
        assert!(seen.ends_with("0\r\n\r\n"));
    }
}

#[tokio::test]
async fn stopped_provider_ends_a_dripping_body() {
    let fixture = fixture().await;
    fixture.provider.arm("jwks-drip".parse().unwrap());
    let mut stream = open(&fixture, "GET /jwks").await;
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    fixture.provider.stop().await;
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn slow_first_byte_is_delayed_until_released() {
    let fixture = fixture().await;
    for (endpoint, start) in ENDPOINTS {
        fixture.provider.hold(Fault::Transport(endpoint, TransportFault::SlowFirstByte));
        let mut slow = open(&fixture, start).await;
        // The response to another request shows that the delayed request is not merely queued.
        assert_eq!(ask(&fixture, "GET /elsewhere").await.status, 200);
        let mut first = [0; 1];
        assert!(slow.try_read(&mut first).is_err());
        fixture.provider.release_all();
        let mut answer = String::new();
        // If the request arrived only after the release, no fault is held and the response is healthy as well.
        slow.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 "));
    }
}

#[tokio::test]
async fn response_without_the_healthy_body_redeems_nothing() {
    let fixture = fixture().await;
    let code = fixture.code().await;
    fixture.provider.arm("token-status-503".parse().unwrap());
    assert_eq!(fixture.redeem(&code).await.status, 503);
    let tokens = fixture.redeem(&code).await.json();
    fixture.provider.arm("token-closed-half-way".parse().unwrap());
    let lost = fixture.refresh(text(&tokens, "refresh_token")).await;
    assert!(serde_json::from_str::<serde_json::Value>(&lost.body).is_err());
    assert_eq!(fixture.refresh(text(&tokens, "refresh_token")).await.status, 400);
    let observed = fixture.provider.observed();
    assert_eq!((observed.token, observed.reuse_violations), (4, 1));
}

#[tokio::test]
async fn date_header_is_skewed_by_the_configured_seconds() {
    let fixture = fixture().await;
    let date =
        async || httpdate::parse_http_date(ask(&fixture, "GET /jwks").await.header("date").unwrap()).unwrap();
    for (skew, ahead) in [(3600, true), (-3600, false)] {
        let right = date().await;
        fixture.provider.skew_date(skew);
        let wrong = date().await;
        fixture.provider.skew_date(0);
        let off = if ahead { wrong.duration_since(right) } else { right.duration_since(wrong) };
        assert!((3540..=3660).contains(&off.unwrap().as_secs()));
    }
}

async fn open(fixture: &Fixture, start: &str) -> TcpStream {
    let mut stream = TcpStream::connect(fixture.provider.address()).await.unwrap();
    let body = encode::<&str, &str>(&[]);
    let request =
        format!("{start} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}
