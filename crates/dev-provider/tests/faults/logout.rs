//! Logout tokens with and without faults, and sessions that the provider ends

use dev_provider::{LoggedOut, LogoutFault};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::claims::fixture;
use crate::harness::{Fixture, part, text};
use crate::headers::{public_point, verifies};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Each fault by name, with the claims that differ. A name after a slash is a member of the header.
const EXPECTED: [(&str, &[&str]); 18] = [
    ("logout-alg-none", &["/alg"]),
    ("logout-events-missing", &["events"]),
    ("logout-nonce-present", &["nonce"]),
    ("logout-alg-other", &["/alg"]),
    ("logout-aud-changed", &["aud"]),
    ("logout-event-other", &["events"]),
    ("logout-iss-changed", &["iss"]),
    ("logout-iat-missing", &["iat"]),
    ("logout-jti-missing", &["jti"]),
    ("logout-nobody-named", &["sid", "sub"]),
    ("logout-iat-old", &["iat"]),
    ("logout-exp-past", &["exp"]),
    ("logout-exp-missing", &["exp"]),
    ("logout-typ-missing", &["/typ"]),
    ("logout-typ-other", &["/typ"]),
    ("logout-signature-corrupted", &[]),
    ("logout-kid-unknown", &["/kid"]),
    ("logout-encrypted", &[]),
];

fn mint(fixture: &Fixture, faults: &[LogoutFault]) -> String {
    let target = LoggedOut::Both { sid: "s1", sub: "alice" };
    fixture.provider.logout_token("foregate", target, faults).unwrap()
}

/// Returns the claims, and the members of the header after a slash. `jti` is replaced, because it is always new.
fn members(token: &str) -> Map<String, Value> {
    let header = part(token, 0).into_iter().map(|(name, value)| (format!("/{name}"), value));
    let mut members: Map<String, Value> = part(token, 1).into_iter().chain(header).collect();
    if let Some(jti) = members.get_mut("jti") {
        *jti = json!("new");
    }
    members
}

#[tokio::test]
async fn healthy_logout_token_is_signed_and_names_session_and_user() {
    let fixture = fixture().await;
    let token = mint(&fixture, &[]);
    assert!(verifies(&public_point(&fixture).await, &token));
    assert_eq!(part(&token, 0)["typ"], "logout+jwt");
    let claims = part(&token, 1);
    let seconds = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!(seconds("exp"), seconds("iat") + 120);
    assert_eq!(
        (claims["iss"].as_str(), claims["aud"].as_str()),
        (Some(fixture.provider.issuer()), Some("foregate"))
    );
    assert_eq!((claims["sid"].as_str(), claims["sub"].as_str()), (Some("s1"), Some("alice")));
    assert_eq!(claims["events"][EVENT], json!({}));
    assert!(claims["jti"] != part(&mint(&fixture, &[]), 1)["jti"] && !claims.contains_key("nonce"));
    for (target, missing) in [(LoggedOut::Session("s1"), "sub"), (LoggedOut::Person("alice"), "sid")] {
        let token = fixture.provider.logout_token("foregate", target, &[]).unwrap();
        assert!(!part(&token, 1).contains_key(missing));
    }
}

#[tokio::test]
async fn each_logout_fault_changes_its_members_and_no_other() {
    let fixture = fixture().await;
    let point = public_point(&fixture).await;
    let named: Vec<&str> = LogoutFault::all().iter().map(|fault| fault.name()).collect();
    assert_eq!(named, EXPECTED.map(|(name, _)| name));
    for (name, different) in EXPECTED {
        let (good, faulty) = (mint(&fixture, &[]), mint(&fixture, &[name.parse().unwrap()]));
        let (before, after) = (members(&good), members(&faulty));
        let all = before.keys().chain(after.keys());
        let mut found: Vec<&str> =
            all.filter(|name| before.get(*name) != after.get(*name)).map(String::as_str).collect();
        // The time can differ between the two tokens.
        found.retain(|name| !matches!(*name, "iat" | "exp") || different.contains(name));
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, different, "{name}");
        let unsigned = matches!(name, "logout-alg-none" | "logout-signature-corrupted");
        if name == "logout-encrypted" {
            assert_eq!(faulty.split('.').count(), 5);
        } else {
            assert_eq!(verifies(&point, &faulty), !unsigned, "{name}");
        }
    }
}

/// Accepts one POST request, responds with a status, and returns the request.
async fn accept_post(listener: TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut post = String::new();
    while !post.contains("logout_token=") {
        let mut chunk = [0; 8192];
        let read = stream.read(&mut chunk).await.unwrap();
        post.push_str(std::str::from_utf8(chunk.get(..read).unwrap()).unwrap());
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    post
}

#[tokio::test]
async fn ended_sessions_are_posted_to_the_clients() {
    let fixture = fixture().await;
    let tokens = fixture.tokens().await;
    let sid = part(text(&tokens, "id_token"), 1)["sid"].as_str().unwrap().to_owned();
    assert_eq!(fixture.provider.sids("testuser"), [sid.as_str()]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/oauth2/backchannel-logout", listener.local_addr().unwrap());
    fixture.provider.send_logouts_to("foregate", &Url::parse(&url).unwrap());
    fixture.provider.send_logouts_to("nobody", &Url::parse(&url).unwrap());
    let (post, answers) = tokio::join!(accept_post(listener), fixture.provider.end_sessions("testuser"));
    assert_eq!(answers, [Some(204)]);
    assert!(post.starts_with("POST /oauth2/backchannel-logout HTTP/1.1\r\n"), "{post}");
    let token = post.split("logout_token=").nth(1).unwrap();
    assert_eq!(part(token, 1)["sid"].as_str(), Some(sid.as_str()));
    assert_eq!(fixture.refresh(text(&tokens, "refresh_token")).await.status, 400);
    assert_eq!(fixture.authorize(&[("prompt", "none")]).await.sent_back("error").unwrap(), "login_required");
    assert!(fixture.provider.sids("testuser").is_empty());
    assert!(fixture.provider.end_sessions("testuser").await.is_empty(), "nothing is left to end");
}

#[tokio::test]
async fn unreachable_client_does_not_delay_the_end_of_sessions() {
    let fixture = fixture().await;
    fixture.tokens().await;
    fixture.provider.send_logouts_to("foregate", &Url::parse("http://127.0.0.1:1/").unwrap());
    assert_eq!(fixture.provider.end_sessions("testuser").await, [None]);
    fixture.tokens().await;
}
