//! Is an answer spoilt on the way as asked, at each endpoint a client asks?

use dev_provider::{Endpoint, Fault, TransportFault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::claims::world;
use crate::harness::{BASIC, World, encode, text};
use crate::http::{Reply, send};

const ENDPOINTS: [(Endpoint, &str); 4] = [
    (Endpoint::Discovery, "GET /.well-known/openid-configuration"),
    (Endpoint::Jwks, "GET /jwks"),
    (Endpoint::Userinfo, "GET /userinfo"),
    (Endpoint::Token, "POST /token"),
];

/// A request that is answered with JSON, if only with a refusal.
async fn ask(world: &World, start: &str) -> Reply {
    send(world.provider.address(), start, &[("authorization", BASIC)], "").await
}

#[tokio::test]
async fn a_status_comes_bare_with_a_time_to_wait_where_usual() {
    let world = world().await;
    for (endpoint, start) in ENDPOINTS {
        for (fault, status, wait) in [
            (TransportFault::Status500, 500, None),
            (TransportFault::Status503, 503, Some("7")),
            (TransportFault::Status429, 429, Some("7")),
        ] {
            let healthy = ask(&world, start).await;
            world.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&world, start).await;
            assert_eq!(
                (faulty.status, faulty.header("retry-after"), faulty.body.as_str()),
                (status, wait, "")
            );
            assert_eq!(ask(&world, start).await.status, healthy.status);
        }
    }
}

#[tokio::test]
async fn another_body_or_type_comes_with_200() {
    let world = world().await;
    for (endpoint, start) in ENDPOINTS {
        let healthy = ask(&world, start).await;
        for (fault, content_type, starts) in [
            (TransportFault::Html, "text/html", Some("<!doctype html>")),
            (TransportFault::TextPlain, "text/plain", None),
            (TransportFault::Garbage, "application/json", Some("\u{1}\u{2}garbage")),
            (TransportFault::EmptyBody, "application/json", Some("")),
        ] {
            world.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&world, start).await;
            assert_eq!(faulty.header("content-type"), Some(content_type));
            match starts {
                Some("") => assert_eq!(faulty.body, ""),
                Some(starts) => assert!(faulty.status == 200 && faulty.body.starts_with(starts)),
                None => assert_eq!(faulty.body, healthy.body),
            }
            assert_eq!(ask(&world, start).await.header("content-type"), healthy.header("content-type"));
        }
    }
}

#[tokio::test]
async fn half_a_body_comes_whole_or_broken() {
    let world = world().await;
    for (endpoint, start) in [ENDPOINTS[0], ENDPOINTS[1], ENDPOINTS[3]] {
        let healthy = ask(&world, start).await.body;
        let half = healthy.split_at(healthy.len() / 2).0;
        for (fault, announced) in
            [(TransportFault::Truncated, half.len()), (TransportFault::HalfWay, healthy.len())]
        {
            world.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&world, start).await;
            assert_eq!(
                (faulty.body.as_str(), faulty.header("content-length")),
                (half, Some(announced.to_string().as_str()))
            );
            assert_eq!(ask(&world, start).await.body, healthy);
        }
    }
}

#[tokio::test]
async fn a_redirect_leads_back_or_elsewhere_and_only_who_follows_is_counted() {
    let world = world().await;
    let port = world.provider.address().port();
    for (endpoint, start) in ENDPOINTS {
        let path = start.split_once(' ').unwrap().1;
        let itself = format!("{}{path}", world.provider.issuer());
        let elsewhere = format!("http://localhost:{port}/elsewhere{path}");
        for (fault, status, location) in [
            (TransportFault::Redirect302Self, 302, &itself),
            (TransportFault::Redirect307Self, 307, &itself),
            (TransportFault::Redirect302Elsewhere, 302, &elsewhere),
            (TransportFault::Redirect307Elsewhere, 307, &elsewhere),
        ] {
            world.provider.arm(Fault::Transport(endpoint, fault));
            let faulty = ask(&world, start).await;
            assert_eq!((faulty.status, faulty.header("location")), (status, Some(location.as_str())));
            assert_eq!(ask(&world, start).await.header("location"), None);
        }
    }
    assert_eq!(world.provider.observed().elsewhere, 0);
    ask(&world, "POST /elsewhere/token").await;
    assert_eq!(world.provider.observed().elsewhere, 1);
}

#[tokio::test]
async fn a_hundred_megabytes_come_in_pieces() {
    let world = world().await;
    world.provider.arm("jwks-huge".parse().unwrap());
    let mut stream = open(&world, "GET /jwks").await;
    let (mut read, mut buffer) = (0, vec![0; 256 * 1024]);
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            some => read += some,
        }
    }
    assert!(read > 100_000_000, "{read}");
    assert_eq!(ask(&world, "GET /jwks").await.status, 200);
}

#[tokio::test]
async fn drops_come_until_released() {
    let world = world().await;
    for (endpoint, start) in ENDPOINTS {
        world.provider.arm(Fault::Transport(endpoint, TransportFault::Drip));
        let mut stream = open(&world, start).await;
        let mut seen = String::new();
        // Two chunks of one space each.
        while seen.matches("1\r\n \r\n").count() < 2 {
            let mut buffer = [0; 512];
            let read = stream.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0);
            seen.push_str(std::str::from_utf8(buffer.get(..read).unwrap()).unwrap());
        }
        world.provider.release_all();
        stream.read_to_string(&mut seen).await.unwrap();
        assert!(seen.ends_with("0\r\n\r\n"));
    }
}

#[tokio::test]
async fn a_stopped_provider_drips_no_more() {
    let world = world().await;
    world.provider.arm("jwks-drip".parse().unwrap());
    let mut stream = open(&world, "GET /jwks").await;
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    world.provider.stop().await;
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn the_first_byte_waits_until_released() {
    let world = world().await;
    for (endpoint, start) in ENDPOINTS {
        world.provider.hold(Fault::Transport(endpoint, TransportFault::SlowFirstByte));
        let mut slow = open(&world, start).await;
        // Another request that is answered in the meantime shows that this one is not merely queued.
        assert_eq!(ask(&world, "GET /elsewhere").await.status, 200);
        let mut first = [0; 1];
        assert!(slow.try_read(&mut first).is_err());
        world.provider.release_all();
        let mut answer = String::new();
        // A request that came only after the release finds nothing armed and is answered all the same.
        slow.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 "));
    }
}

#[tokio::test]
async fn an_answer_that_never_was_made_redeems_nothing() {
    let world = world().await;
    let code = world.code().await;
    world.provider.arm("token-status-503".parse().unwrap());
    assert_eq!(world.redeem(&code).await.status, 503);
    let tokens = world.redeem(&code).await.json();
    world.provider.arm("token-closed-half-way".parse().unwrap());
    let lost = world.refresh(text(&tokens, "refresh_token")).await;
    assert!(serde_json::from_str::<serde_json::Value>(&lost.body).is_err());
    assert_eq!(world.refresh(text(&tokens, "refresh_token")).await.status, 400);
    let observed = world.provider.observed();
    assert_eq!((observed.token, observed.reuse_violations), (4, 1));
}

#[tokio::test]
async fn the_date_is_ahead_or_behind_by_what_was_asked() {
    let world = world().await;
    let date =
        async || httpdate::parse_http_date(ask(&world, "GET /jwks").await.header("date").unwrap()).unwrap();
    for (skew, ahead) in [(3600, true), (-3600, false)] {
        let right = date().await;
        world.provider.skew_date(skew);
        let wrong = date().await;
        world.provider.skew_date(0);
        let off = if ahead { wrong.duration_since(right) } else { right.duration_since(wrong) };
        assert!((3540..=3660).contains(&off.unwrap().as_secs()));
    }
}

async fn open(world: &World, start: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.provider.address()).await.unwrap();
    let body = encode::<&str, &str>(&[]);
    let request =
        format!("{start} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}
