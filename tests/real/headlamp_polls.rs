//! Twenty scripts of one page poll both clusters of Headlamp, for several lifetimes of a token
//!
//! 1. Keycloak accepts each refresh token once, and ends the session if one arrives again.
//! 2. The scripts share one session, as those of a page do. No poll fails, and no password is typed.
//! 3. With `FOREGATE_REFRESH_LONG` (tests/refresh), they poll for ten lifetimes of a token of 20 seconds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::double::Headlamp;
use crate::harness::{Authority, Gateway, Proxy, Realm, Reserved, Scratch, TestClient, free_addresses};
use crate::headlamp::{SECTIONS, Scene, is_long};
use crate::refresh::configure_strict_tokens;

const POLLERS: usize = 20;
/// Each cluster, by each way in which Headlamp takes the token.
const POLLS: [(Method, &str); 8] = [
    (Method::GET, "/clusters/main/api/v1/pods"),
    (Method::GET, "/clusters/north/api/v1/pods"),
    (Method::POST, "/clusters/main/portforward"),
    (Method::POST, "/clusters/north/portforward"),
    (Method::GET, "/wsMultiplexer?main"),
    (Method::GET, "/wsMultiplexer?north"),
    (Method::GET, "/clusters/main/helm/releases/list"),
    (Method::GET, "/clusters/north/serviceproxy/default/web"),
];

/// Lifetime of a token, and duration of the polling.
fn times() -> (u64, Duration) {
    if is_long() { (20, Duration::from_secs(200)) } else { (10, Duration::from_secs(22)) }
}

async fn strict_realm(origin: &str) -> Realm {
    Realm::new(origin, |realm| configure_strict_tokens(realm, times().0)).await
}

/// Polls with all scripts, and asserts that nothing failed.
async fn poll(client: TestClient, realm: &Realm, origin: &str, name: &str) {
    let client = Arc::new(Mutex::new(client));
    let end = Instant::now() + times().1;
    let mut pollers = JoinSet::new();
    for number in 0..POLLERS {
        let (client, origin) = (Arc::clone(&client), origin.to_owned());
        pollers.spawn(async move {
            let mut polls = 0_usize;
            for (method, path) in POLLS.iter().cycle().skip(number) {
                let fields = [("Origin", &*origin), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")];
                let current = client.lock().unwrap().clone();
                let reply = current.send(method.clone(), path, &fields).await;
                client.lock().unwrap().store_cookies(&reply);
                assert_eq!(reply.status, StatusCode::OK, "{method} {path}: {}", reply.body);
                let seen: Value = serde_json::from_str(&reply.body).unwrap();
                assert_eq!(seen["user"], json!("alice"), "{method} {path}");
                polls += 1;
                if Instant::now() >= end {
                    break;
                }
                sleep(Duration::from_millis(500)).await;
            }
            polls
        });
    }
    let polls: usize = pollers.join_all().await.into_iter().sum();
    let refreshes = realm.count_events("REFRESH_TOKEN").await;
    println!("{name}: {polls} polls of {POLLERS} scripts, 0 failed; {refreshes} refreshes");
    let lifetimes = usize::try_from(times().1.as_secs() / times().0).unwrap();
    assert!(refreshes >= lifetimes, "{refreshes}");
    let events = ["REFRESH_TOKEN_ERROR", "LOGIN", "CODE_TO_TOKEN"];
    let mut counts = Vec::new();
    for event in events {
        counts.push(realm.count_events(event).await);
    }
    assert_eq!(counts, [0, 1, 1], "{events:?}");
}

async fn behind(proxy: Proxy, name: &str) {
    let reserved = Reserved::new();
    let realm = strict_realm(&reserved.origin).await;
    let scene = Scene::with(reserved, realm, proxy, "").await;
    let client = scene.setup.signed_in_client("alice").await;
    poll(client, scene.setup.provider(), scene.setup.origin(), name).await;
}

async fn standalone() {
    let (scratch, addresses) = (Scratch::new(), free_addresses());
    let origin = format!("http://{}", addresses[0]);
    let realm = strict_realm(&origin).await;
    let headlamp = Headlamp::start().await;
    let mut registration = realm.registration();
    registration.more = format!("{SECTIONS}[upstream]\nurl = \"{}\"\n", headlamp.url());
    let _gateway = Gateway::start_on(addresses, &origin, &registration, &scratch).await;
    let authority = Authority::new("app.localhost");
    let client = TestClient::new(&origin, addresses[0], &authority).signed_in("alice").await;
    poll(client, &realm, &origin, "standalone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_of_two_clusters_of_headlamp_never_fail() {
    tokio::join!(
        behind(Proxy::Traefik, "Traefik"),
        behind(Proxy::Envoy, "Envoy over HTTP"),
        behind(Proxy::EnvoyGrpc, "Envoy over gRPC"),
        standalone()
    );
}
