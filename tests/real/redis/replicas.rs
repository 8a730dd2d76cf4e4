//! Gateways and Redis with replicas: what must be on a replica, and what all gateways must know

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dev_provider::LoggedOut;
use foregate::session::records::{EndedBy, Inserted, Kept, Records, Row, Scope, Swapped};
use http::{Method, StatusCode};

use super::contract::rules::{self, NOW};
use super::contract::store_at;
use super::gateway::{POLL_INTERVAL, sentinel_settings, single, start, start_at, wait_for};
use super::servers::{Redis, Watched};
use crate::harness::{Gateway, Reserved, Scratch, until};

#[tokio::test]
async fn write_that_no_replica_confirms_fails_until_one_has_it() {
    let scratch = Scratch::new();
    let watched = Watched::start(&scratch).await;
    let store = store_at(watched.servers.clone());
    assert_eq!(store.insert(&rules::row(1), NOW).await, Ok(Inserted::Stored));
    let revision = |revision| Row { revision, ..rules::row(1) };
    assert_eq!(store.compare_and_swap(1, &revision(2), Kept::Replicated).await, Ok(Swapped::Stored));

    watched.replica.freeze();
    assert_eq!(store.compare_and_swap(2, &revision(3), Kept::Once).await, Ok(Swapped::Stored));
    let unconfirmed = store.compare_and_swap(3, &revision(4), Kept::Replicated).await.unwrap_err();
    assert!(unconfirmed.0.contains("no replica confirmed"), "{unconfirmed}");
    assert_eq!(store.find(revision(4).id).await, Ok(Some(revision(4))), "the primary has it");
    assert!(store.remove(revision(4).id).await.is_err());
    assert_eq!(store.find(revision(4).id).await, Ok(None), "the primary has deleted it");
    assert!(store.remove(revision(4).id).await.is_err(), "the replica still has it");
    let without_sid = EndedBy { scope: Scope::WithoutSid, ..rules::ended(&[revision(4).subject], NOW) };
    for ended in [&rules::ended(&[revision(4).subject], NOW), &without_sid] {
        assert!(
            store.end_by(ended).await.is_err(),
            "there is no session, but an earlier call may have ended one"
        );
    }

    watched.replica.thaw();
    let is_confirmed = async || store.remove(revision(4).id).await == Ok(false);
    until("a replica has the removal", is_confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_token_is_not_sent_while_no_replica_has_the_lease() {
    let reserved = Reserved::new();
    let watched = Watched::start(&reserved.scratch).await;
    let life = Duration::from_secs(6);
    let settings = dev_provider::Settings { access_token_life: life, ..dev_provider::Settings::default() };
    let setup = start_at(settings, reserved, "30s", &sentinel_settings(&watched)).await;
    let client = setup.signed_in_client("alice").await;
    watched.replica.freeze();
    let (refused, before) = wait_for(&client, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(before.contains(&StatusCode::OK) && before.iter().all(|status| *status == StatusCode::OK));
    assert_eq!((refused.header("set-cookie"), setup.provider().observed().refresh), (None, 0));
    let origin = setup.origin().to_owned();
    let sign_out = client.send(Method::POST, "/oauth2/sign_out", &[("Origin", &origin)]).await;
    assert_eq!(sign_out.status, StatusCode::SERVICE_UNAVAILABLE, "the end of a session must be on a replica");

    watched.replica.thaw();
    let mut client = setup.anonymous_client();
    until("a user can sign in and out again", async || {
        let signed_in = client.sign_in("alice", "alice").await.status == StatusCode::OK;
        signed_in && client.get("/work", &[]).await.status == StatusCode::OK
    })
    .await;
    let refreshed = async || {
        let polled = client.get("/work", &[]).await.status == StatusCode::OK;
        tokio::time::sleep(POLL_INTERVAL).await;
        polled && setup.provider().observed().refresh > 0
    };
    until("a session is refreshed", refreshed).await;
    assert_eq!(setup.provider().observed().reuse_violations, 0);
    client.sign_out().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_token_that_comes_again_elsewhere_ends_no_later_session() {
    let reserved = Reserved::new();
    let redis = Redis::start("redis-own", &[], &reserved.scratch).await;
    let setup = start(reserved, "30s", &single(&redis)).await;
    let other = setup.gateway.replica(setup.scratch()).await;
    let first = setup.signed_in_client("alice").await;
    let sub = "00000000-0000-4000-8000-000000000002";
    let token = setup.provider().logout_token("foregate", LoggedOut::Person(sub), &[]).unwrap();
    assert_eq!(send(&setup.gateway, &token).await, StatusCode::OK);
    let refused =
        async || other.check(setup.origin(), &first.cookie_line()).await.status() == StatusCode::UNAUTHORIZED;
    until("the session has ended everywhere", refused).await;

    // An ID token of the same second is not newer than the logout token.
    let ended_at = seconds();
    until("it is a later second", async || seconds() > ended_at).await;
    let second = setup.signed_in_client("alice").await;
    for gateway in [&other, &setup.gateway] {
        assert_eq!(send(gateway, &token).await, StatusCode::OK, "the session that it named has ended");
        let checked = gateway.check(setup.origin(), &second.cookie_line()).await;
        assert_eq!(checked.status(), StatusCode::OK);
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn send(gateway: &Gateway, token: &str) -> StatusCode {
    let url = format!("http://{}/oauth2/backchannel-logout", gateway.public());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = format!("logout_token={token}");
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    request.send().await.unwrap().status()
}
