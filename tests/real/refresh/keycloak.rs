//! Refreshes with Keycloak and *Revoke Refresh Token*

use super::{Load, ProviderEvents, assert_no_failures, open, run_polls};
use crate::harness::{Cookies, ProxyOptions};

async fn refresh_without_failures(options: ProxyOptions) {
    let load = Load::from_environment();
    let setup = open(options, load.tabs, load.token_lifetime).await;
    let results = run_polls(&setup, load, options.cookies).await;

    let realm = setup.provider();
    let events = ProviderEvents {
        refreshes: realm.event_sessions("REFRESH_TOKEN").await,
        refused: realm.count_events("REFRESH_TOKEN_ERROR").await,
        codes: realm.count_events("CODE_TO_TOKEN").await,
    };
    assert_no_failures(load, options, &results, &events, &setup.gateway.log());
    assert_eq!(realm.count_events("LOGIN").await, load.tabs);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pollers_per_session_never_fail_and_no_token_is_sent_twice() {
    tokio::join!(
        refresh_without_failures(Cookies::Delivered.into()),
        refresh_without_failures(Cookies::Dropped.into())
    );
}
