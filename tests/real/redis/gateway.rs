//! The gateway with `session.store = "redis"`

use std::time::{Duration, Instant};

use base64_simd::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use redis::cmd;

use super::servers::{DURABLE, Redis, SERVICE, Watched};
use crate::harness::{Proxy, Registration, Reserved, Setup, TestClient, free_addresses, until};

/// Time limit of a change that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Starts the gateway behind Traefik with these settings of its store.
pub(super) async fn start(reserved: Reserved, stale_if_error: &str, redis: &str) -> Setup {
    start_at(dev_provider::Settings::default(), reserved, stale_if_error, redis).await
}

pub(super) async fn start_at(
    provider: dev_provider::Settings,
    reserved: Reserved,
    stale_if_error: &str,
    redis: &str,
) -> Setup {
    let provider = dev_provider::start(provider).await.unwrap();
    let registration = registration(Registration::at(provider.issuer(), "dev"), stale_if_error, redis);
    Setup::with_provider(reserved, provider, &registration, Proxy::Traefik).await
}

/// Adds the settings of the store.
pub(super) fn registration(at: Registration, stale_if_error: &str, redis: &str) -> Registration {
    let session = format!("store = \"redis\"\nstale_if_error = \"{stale_if_error}\"");
    Registration { session, more: format!("[session.redis]\n{redis}\n"), ..at }
}

pub(super) fn single(redis: &Redis) -> String {
    format!("urls = [\"redis://127.0.0.1:{}\"]", redis.port())
}

pub(super) fn sentinel_settings(watched: &Watched) -> String {
    let sentinel = watched.servers.addresses[0].1;
    format!("topology = \"sentinel\"\nservice = \"{SERVICE}\"\nurls = [\"redis://127.0.0.1:{sentinel}\"]")
}

/// Polls until the response has a status. Returns it, and the statuses before it.
pub(super) async fn wait_for(
    client: &TestClient,
    status: StatusCode,
) -> (crate::harness::Reply, Vec<StatusCode>) {
    let began = Instant::now();
    let mut before = Vec::new();
    loop {
        let reply = client.get("/work", &[("Accept", "application/json")]).await;
        if reply.status == status {
            return (reply, before);
        }
        before.push(reply.status);
        assert!(began.elapsed() < LIMIT, "{status} never came: {before:?}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_of_redis_ends_no_session_and_needs_no_restart() {
    let reserved = Reserved::new();
    let mut redis = Redis::start("redis-own", &DURABLE, &reserved.scratch).await;
    let mut setup = start(reserved, "3s", &single(&redis)).await;
    let mut client = setup.signed_in_client("alice").await;
    setup.restart_gateway().await;
    assert_eq!(client.get("/work", &[]).await.status, StatusCode::OK, "the record survives the process");

    redis.kill();
    let killed = Instant::now();
    let (refused, before) = wait_for(&client, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(before.iter().all(|status| *status == StatusCode::OK), "{before:?}");
    assert!(killed.elapsed() > Duration::from_secs(1), "the session went on for stale_if_error");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.header("set-cookie"), None);
    let page = client.get("/work", &[("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")]).await;
    assert_eq!((page.status, page.header("set-cookie")), (StatusCode::SERVICE_UNAVAILABLE, None));
    let origin = setup.origin().to_owned();
    let sign_out = client.send(Method::POST, "/oauth2/sign_out", &[("Origin", &origin)]).await;
    assert_eq!((sign_out.status, sign_out.header("set-cookie")), (StatusCode::SERVICE_UNAVAILABLE, None));
    assert!(sign_out.body.contains("sign out again"), "{}", sign_out.body);
    let mut new = setup.anonymous_client();
    let failed = new.sign_in("alice", "alice").await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(failed.body.contains("complete your sign-in"), "{}", failed.body);

    redis.start_again(setup.scratch()).await;
    let (_, before) = wait_for(&client, StatusCode::OK).await;
    assert!(before.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{before:?}");
    client.sign_out().await;
    setup.gateway.wait_for_log("sessions can be read again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_starts_without_redis_and_uses_it_later() {
    let reserved = Reserved::new();
    let [address] = free_addresses();
    let urls = format!("urls = [\"redis://{address}\"]");
    let mut setup = start(reserved, "30s", &urls).await;
    setup.gateway.wait_for_log("the session store cannot be used; no user can sign in").await;
    let _redis = Redis::start_at(address.port(), "redis-own", &[], setup.scratch()).await;
    setup.gateway.wait_for_log("the session store can be used again").await;
    let client = setup.signed_in_client("alice").await;
    assert_eq!(client.get("/work", &[]).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_share_sessions_and_their_end() {
    let reserved = Reserved::new();
    let redis = Redis::start("redis-own", &[], &reserved.scratch).await;
    let setup = start(reserved, "30s", &single(&redis)).await;
    let other = setup.gateway.replica(setup.scratch()).await;
    let mut messages = 0;
    for _ in 0..10 {
        let mut client = setup.signed_in_client("alice").await;
        let cookies = client.cookie_line();
        let page = client.visit("/oauth2/sign_out").await;
        let read = Instant::now();
        // From now on, the other gateway has the record in memory, for more than a second.
        assert_eq!(other.check(setup.origin(), &cookies).await.status(), StatusCode::OK);
        client.submit_form(&page, &[]).await;
        let refused =
            async || other.check(setup.origin(), &cookies).await.status() == StatusCode::UNAUTHORIZED;
        until("the other gateway learned that the session has ended", refused).await;
        // Only a message can do that within a second. A loaded machine needs more rounds.
        messages += usize::from(read.elapsed() < Duration::from_secs(1));
        if messages > 0 {
            return;
        }
    }
    panic!("the other gateway got no message");
}

/// The provider ends a session whose refresh token comes twice.
#[tokio::test(flavor = "multi_thread")]
async fn no_refresh_token_is_sent_twice_by_two_gateways() {
    let reserved = Reserved::new();
    let redis = Redis::start("redis-own", &["--maxmemory-policy", "allkeys-lru"], &reserved.scratch).await;
    let life = Duration::from_secs(6);
    let settings = dev_provider::Settings { access_token_life: life, ..dev_provider::Settings::default() };
    let mut setup = start_at(settings, reserved, "30s", &single(&redis)).await;
    let other = setup.gateway.replica(setup.scratch()).await;
    let client = setup.signed_in_client("alice").await;
    let cookies = client.cookie_line();
    let began = Instant::now();
    while setup.provider().observed().refresh < 3 {
        assert!(began.elapsed() < LIMIT, "{} refreshes", setup.provider().observed().refresh);
        let asked = (0..20).map(|number| {
            let gateway = if number % 2 == 0 { &setup.gateway } else { &other };
            gateway.check(setup.origin(), &cookies)
        });
        for reply in join_all(asked).await {
            assert_eq!(reply.status(), StatusCode::OK, "{}", setup.gateway.log());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    assert_eq!(setup.provider().observed().reuse_violations, 0);
    assert!(began.elapsed() > life, "the tokens were renewed before they were due");
    setup.gateway.wait_for_log("set maxmemory-policy to noeviction").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_after_a_failover_of_the_primary() {
    let reserved = Reserved::new();
    let mut watched = Watched::start(&reserved.scratch).await;
    let setup = start(reserved, "2s", &sentinel_settings(&watched)).await;
    let mut client = setup.signed_in_client("alice").await;
    // The primary replies before the replica has the write.
    watched.primary.wait_for_replica().await;
    watched.primary.kill();
    until("the replica is the primary", async || watched.replica.is_primary()).await;
    // The record from before the failover is no longer used.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (_, before) = wait_for(&client, StatusCode::OK).await;
    assert!(before.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{before:?}");
    client.sign_out().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dump_contains_no_token_and_no_name_and_every_key_expires() {
    let reserved = Reserved::new();
    // Otherwise DUMP compresses what it returns.
    let plain = ["--rdbcompression", "no"];
    let redis = Redis::start("redis-own", &plain, &reserved.scratch).await;
    let setup = start(reserved, "30s", &single(&redis)).await;
    let client = setup.signed_in_client("alice").await;
    assert_eq!(client.get("/token", &[]).await.status, StatusCode::OK);
    let request = &setup.requests_to("/token")[0];
    let token = request.value("x-forwarded-id-token").to_owned();
    let (user, email) =
        (request.value("x-forwarded-user").to_owned(), request.value("x-forwarded-email").to_owned());
    let ticket = client.session_values()[0].to_owned();

    let mut connection = redis.connection();
    let keys = dump_keys(&mut connection);
    assert!(keys.len() >= 3, "a record, and the indexes of the user and of the sid: {keys:?}");
    for key in &keys {
        assert!(key.starts_with("foregate:{"), "{key}");
        let ttl: i64 = cmd("TTL").arg(key).query(&mut connection).unwrap();
        // An index outlives every session, because session.lifetime may be changed.
        let hours = if key.contains("}r:") { 11 } else { 31 * 24 };
        assert!(ttl > 0 && ttl <= hours * 3600, "{key} expires in {ttl} s");
    }
    let claims = token.split('.').nth(1).unwrap().to_owned();
    let raw_ticket = URL_SAFE_NO_PAD.decode_to_vec(&ticket).unwrap();
    let texts = [token, claims, user, email, ticket, "alice".to_owned()].map(String::into_bytes);
    for secret in texts.iter().chain([&raw_ticket]) {
        let text = String::from_utf8_lossy(secret);
        assert!(secret.len() > 3 && !dump_contains(&mut connection, secret), "{text}");
        cmd("SET").arg("plain").arg(&secret[..]).exec(&mut connection).unwrap();
        assert!(dump_contains(&mut connection, secret), "the search itself finds {text}");
        cmd("DEL").arg("plain").exec(&mut connection).unwrap();
    }
}

fn dump_keys(connection: &mut redis::Connection) -> Vec<String> {
    cmd("KEYS").arg("*").query(connection).unwrap()
}

/// Returns whether a key or its dumped value contains some bytes.
fn dump_contains(connection: &mut redis::Connection, bytes: &[u8]) -> bool {
    dump_keys(connection).iter().any(|key| {
        let value: Vec<u8> = cmd("DUMP").arg(key).query(connection).unwrap();
        [key.as_bytes(), &value].concat().windows(bytes.len()).any(|window| window == bytes)
    })
}
