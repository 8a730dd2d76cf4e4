//! Sessions while Keycloak accepts connections but sends no responses

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;

use super::configure_strict_realm;
use crate::harness::{
    Cookies, POLL_PATH, PollingTabs, Realm, Reply, Reserved, Setup, Tab, TestClient, user_name,
};

/// Lifetime of an access token, in seconds. Tokens are refreshed after 12 to 15 seconds.
const TOKEN_LIFETIME: u64 = 20;
/// Number of tabs that poll when Keycloak is paused. Their tokens have expired.
const POLLING_TABS: usize = 4;
/// Number of users. One more polls when the gateway no longer sends requests to Keycloak. Another has just signed in.
const USERS: usize = POLLING_TABS + 2;
/// Minimum duration of the long pause.
const MIN_PAUSE: Duration = Duration::from_secs(30);
/// Time limit of a wait for a status.
const STATUS_TIMEOUT: Duration = Duration::from_secs(60);

async fn sleep_seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Polls until the response has this status.
async fn poll_until(tab: &Tab, status: StatusCode) -> Reply {
    let polling = async {
        loop {
            let reply = tab.poll().await;
            if reply.status == status {
                return reply;
            }
            sleep_seconds(1).await;
        }
    };
    tokio::time::timeout(STATUS_TIMEOUT, polling)
        .await
        .unwrap_or_else(|_| panic!("no response had the status {status}"))
}

/// Asserts that the response is 503 with `Retry-After`. It has no header that would end the session.
fn assert_retry_later(reply: &Reply) {
    let status = (reply.status, reply.header("retry-after").is_some());
    assert_eq!(status, (StatusCode::SERVICE_UNAVAILABLE, true), "{reply:?}");
    assert_eq!((reply.header("x-reload"), reply.header("set-cookie")), (None, None), "{reply:?}");
}

/// Pauses Keycloak for two seconds while sessions are due for a refresh.
///
/// No request fails, because the current tokens are valid for longer.
async fn short_pause_fails_no_request(setup: &Setup<Realm>) -> Vec<Arc<Tab>> {
    let mut polling = PollingTabs::open(setup, POLLING_TABS + 1).await;
    polling.start(Duration::from_millis(500));
    sleep_seconds(TOKEN_LIFETIME / 2).await;
    setup.provider().pause();
    sleep_seconds(2).await;
    setup.provider().resume();
    sleep_seconds(TOKEN_LIFETIME / 2).await;
    let tabs = polling.tabs.clone();
    let results = polling.stop().await;
    assert!(results.failures.is_empty(), "{:#?}\n{}", results.failures, setup.gateway.log());
    tabs
}

/// Polls with expired tokens while Keycloak is paused.
async fn expired_sessions_get_503(tabs: &[Arc<Tab>]) {
    for reply in join_all(tabs.iter().map(|tab| tab.poll())).await {
        assert_retry_later(&reply);
    }
}

/// Polls with the valid tokens of a new session.
async fn valid_session_passes(client: &TestClient) {
    for _ in 0..5 {
        assert_eq!(client.get(POLL_PATH, &[]).await.status, StatusCode::OK);
        sleep_seconds(1).await;
    }
}

/// Pauses Keycloak for two seconds, then for thirty.
///
/// 1. Requests with valid tokens pass.
/// 2. Requests with expired tokens get 503 with `Retry-After` as long as it lasts, and their cookies stay.
/// 3. Afterwards, a session is refreshed as usual if its refresh token was not sent during the pause.
/// 4. If the token was sent, it may be spent. The session then resumes by one silent sign-in.
/// 5. No user types a password, and Keycloak receives no token twice.
#[tokio::test(flavor = "multi_thread")]
async fn paused_keycloak_fails_only_requests_with_expired_tokens() {
    let reserved = Reserved::new();
    let realm =
        Realm::on_own_server(&reserved.origin, |realm| configure_strict_realm(realm, USERS, TOKEN_LIFETIME))
            .await;
    let registration = realm.registration();
    let setup = Setup::with_provider(reserved, realm, &registration, Cookies::Delivered).await;
    let tabs = short_pause_fails_no_request(&setup).await;
    let (polling, late) = (&tabs[..POLLING_TABS], &tabs[POLLING_TABS]);
    sleep_seconds(TOKEN_LIFETIME + 1).await;
    let fresh = setup.signed_in_client(&user_name(POLLING_TABS + 1)).await;

    setup.provider().pause();
    let paused = Instant::now();
    tokio::join!(valid_session_passes(&fresh), expired_sessions_get_503(polling));
    let unknown = "foregate_refreshes_total{outcome=\"outcome_unknown\"}";
    let timed_out = async {
        while setup.gateway.count(unknown).await < POLLING_TABS {
            expired_sessions_get_503(polling).await;
            sleep_seconds(1).await;
        }
    };
    tokio::time::timeout(STATUS_TIMEOUT, timed_out).await.expect("the refreshes time out");
    assert_retry_later(&late.poll().await);
    let (end, page) = late.load("/page").await;
    assert_eq!(end.path(), "/oauth2/refresh");
    assert_retry_later(&page);
    while paused.elapsed() < MIN_PAUSE {
        expired_sessions_get_503(polling).await;
        sleep_seconds(1).await;
    }
    setup.provider().resume();

    poll_until(late, StatusCode::OK).await;
    for tab in polling {
        poll_until(tab, StatusCode::UNAUTHORIZED).await;
        let (end, page) = tab.load("/page").await;
        assert_eq!((end.path(), page.status), ("/page", StatusCode::OK), "{end}");
        assert_eq!(tab.poll().await.status, StatusCode::OK);
    }
    let realm = setup.provider();
    assert_eq!(realm.count_events("REFRESH_TOKEN_ERROR").await, 0);
    assert_eq!(realm.count_events("CODE_TO_TOKEN").await, USERS + POLLING_TABS);
    let mut sessions = realm.event_sessions("CODE_TO_TOKEN").await;
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), USERS, "a user signed in with a password again");
}
