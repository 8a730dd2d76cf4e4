//! Two gateways with Redis, and a provider that is slow or stopped while a refresh is due

use std::time::Duration;

use dev_provider::{Endpoint, Fault, TransportFault};
use futures_util::future::join_all;
use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::gateway::{POLL_INTERVAL, registration, single, start_at};
use super::servers::Redis;
use crate::harness::{Gateway, Proxy, Realm, Reserved, Setup, user_name};
use crate::refresh::configure_strict_realm;

const WAITED: &str = "foregate_checks_waited_total{dialect=\"traefik\"}";
/// How long the slow provider takes.
const SLOW: Duration = Duration::from_secs(3);
/// How long the provider is stopped.
const STOPPED: Duration = Duration::from_secs(45);

/// Sends twenty checks at the same time, half of them to each gateway, and asserts that they pass.
async fn check_in_parallel<P>(setup: &Setup<P>, other: &Gateway, cookies: &str) {
    let asked = (0..20).map(async |number| {
        let gateway = if number % 2 == 0 { &setup.gateway } else { other };
        gateway.check(setup.origin(), cookies).await.status()
    });
    let statuses = join_all(asked).await;
    assert!(statuses.iter().all(|status| *status == StatusCode::OK), "{statuses:?}\n{}", setup.gateway.log());
}

async fn waited<P>(setup: &Setup<P>, other: &Gateway) -> [usize; 2] {
    [setup.gateway.count(WAITED).await, other.count(WAITED).await]
}

/// The tokens expire while the provider takes three seconds. So checks wait, also at the gateway that does not refresh.
#[tokio::test(flavor = "multi_thread")]
async fn refresh_of_three_seconds_fails_no_check_and_happens_once() {
    let reserved = Reserved::new();
    let redis = Redis::start("redis-own", &[], &reserved.scratch).await;
    let life = Duration::from_secs(6);
    let settings = dev_provider::Settings { access_token_life: life, ..dev_provider::Settings::default() };
    let setup = start_at(settings, reserved, "30s", &single(&redis)).await;
    let other = setup.gateway.replica(setup.scratch()).await;
    let cookies = setup.signed_in_client("alice").await.cookie_line();
    setup.provider().hold_at_refresh(Fault::Transport(Endpoint::Token, TransportFault::SlowFirstByte));
    while setup.provider().observed().refresh == 0 {
        check_in_parallel(&setup, &other, &cookies).await;
        sleep(POLL_INTERVAL).await;
    }
    let answered = async {
        sleep(SLOW).await;
        setup.provider().release_all();
    };
    let checked = async {
        while waited(&setup, &other).await.contains(&0) {
            check_in_parallel(&setup, &other, &cookies).await;
            sleep(POLL_INTERVAL).await;
        }
    };
    tokio::join!(answered, checked);
    check_in_parallel(&setup, &other, &cookies).await;
    let observed = setup.provider().observed();
    assert_eq!((observed.refresh, observed.token, observed.reuse_violations), (1, 2, 0));
}

/// The tokens live longer than the provider is stopped.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes four minutes; tests/refresh runs it"]
async fn stopped_provider_lets_no_check_wait_while_tokens_live_and_never_fail() {
    let reserved = Reserved::new();
    let redis = Redis::start("redis-own", &[], &reserved.scratch).await;
    // A refresh is due after 120 to 150 seconds.
    let realm = Realm::on_own_server(&reserved.origin, |realm| configure_strict_realm(realm, 1, 200)).await;
    let registration = registration(realm.registration(), "30s", &single(&redis));
    let setup = Setup::with_provider(reserved, realm, &registration, Proxy::Traefik).await;
    let other = setup.gateway.replica(setup.scratch()).await;
    let cookies = setup.signed_in_client(&user_name(0)).await.cookie_line();
    sleep(Duration::from_secs(150)).await;
    setup.provider().pause();
    let stopped = Instant::now();
    while stopped.elapsed() < STOPPED {
        check_in_parallel(&setup, &other, &cookies).await;
        sleep(POLL_INTERVAL).await;
    }
    setup.provider().resume();
    assert_eq!(waited(&setup, &other).await, [0, 0]);
    assert_eq!(setup.provider().count_events("REFRESH_TOKEN_ERROR").await, 0);
}
