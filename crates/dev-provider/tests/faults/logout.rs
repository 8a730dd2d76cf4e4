//! Is a logout token genuine unless asked otherwise, and does an ended session end for everybody?

use dev_provider::{LoggedOut, LogoutFault};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::claims::world;
use crate::harness::{World, part, text};
use crate::headers::{public_point, verifies};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Name, then what is different: a claim or, before a slash, a member of the header.
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

fn minted(world: &World, faults: &[LogoutFault]) -> String {
    let whom = LoggedOut::Both { sid: "s1", sub: "alice" };
    world.provider.logout_token("foregate", whom, faults).unwrap()
}

/// Claims, and members of the header under a slash; what is new each time apart.
fn members(token: &str) -> Map<String, Value> {
    let header = part(token, 0).into_iter().map(|(name, value)| (format!("/{name}"), value));
    let mut members: Map<String, Value> = part(token, 1).into_iter().chain(header).collect();
    if let Some(jti) = members.get_mut("jti") {
        *jti = json!("new");
    }
    members
}

#[tokio::test]
async fn a_healthy_logout_token_names_session_and_person_and_is_signed() {
    let world = world().await;
    let token = minted(&world, &[]);
    assert!(verifies(&public_point(&world).await, &token));
    assert_eq!(part(&token, 0)["typ"], "logout+jwt");
    let claims = part(&token, 1);
    let seconds = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!(seconds("exp"), seconds("iat") + 120);
    assert_eq!(
        (claims["iss"].as_str(), claims["aud"].as_str()),
        (Some(world.provider.issuer()), Some("foregate"))
    );
    assert_eq!((claims["sid"].as_str(), claims["sub"].as_str()), (Some("s1"), Some("alice")));
    assert_eq!(claims["events"][EVENT], json!({}));
    assert!(claims["jti"] != part(&minted(&world, &[]), 1)["jti"] && !claims.contains_key("nonce"));
    for (whom, missing) in [(LoggedOut::Session("s1"), "sub"), (LoggedOut::Person("alice"), "sid")] {
        let token = world.provider.logout_token("foregate", whom, &[]).unwrap();
        assert!(!part(&token, 1).contains_key(missing));
    }
}

#[tokio::test]
async fn each_fault_changes_what_it_says_and_nothing_else() {
    let world = world().await;
    let point = public_point(&world).await;
    let named: Vec<&str> = LogoutFault::all().iter().map(|fault| fault.name()).collect();
    assert_eq!(named, EXPECTED.map(|(name, _)| name));
    for (name, different) in EXPECTED {
        let (good, faulty) = (minted(&world, &[]), minted(&world, &[name.parse().unwrap()]));
        let (before, after) = (members(&good), members(&faulty));
        let all = before.keys().chain(after.keys());
        let mut found: Vec<&str> =
            all.filter(|name| before.get(*name) != after.get(*name)).map(String::as_str).collect();
        // The clock may have moved on between the two.
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

/// Takes one post, answers with a status, and gives the post.
async fn one_post(listener: TcpListener) -> String {
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
async fn an_administrator_ends_sessions_and_tells_the_clients() {
    let world = world().await;
    let tokens = world.tokens().await;
    let sid = part(text(&tokens, "id_token"), 1)["sid"].as_str().unwrap().to_owned();
    assert_eq!(world.provider.sids("testuser"), [sid.as_str()]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/oauth2/backchannel-logout", listener.local_addr().unwrap());
    world.provider.send_logouts_to("foregate", &Url::parse(&url).unwrap());
    world.provider.send_logouts_to("nobody", &Url::parse(&url).unwrap());
    let (post, answers) = tokio::join!(one_post(listener), world.provider.end_sessions("testuser"));
    assert_eq!(answers, [Some(204)]);
    assert!(post.starts_with("POST /oauth2/backchannel-logout HTTP/1.1\r\n"), "{post}");
    let token = post.split("logout_token=").nth(1).unwrap();
    assert_eq!(part(token, 1)["sid"].as_str(), Some(sid.as_str()));
    assert_eq!(world.refresh(text(&tokens, "refresh_token")).await.status, 400);
    assert_eq!(world.authorize(&[("prompt", "none")]).await.sent_back("error").unwrap(), "login_required");
    assert!(world.provider.sids("testuser").is_empty());
    assert!(world.provider.end_sessions("testuser").await.is_empty(), "nothing is left to end");
}

#[tokio::test]
async fn a_client_that_is_not_there_is_not_waited_for() {
    let world = world().await;
    world.tokens().await;
    world.provider.send_logouts_to("foregate", &Url::parse("http://127.0.0.1:1/").unwrap());
    assert_eq!(world.provider.end_sessions("testuser").await, [None]);
    world.tokens().await;
}
