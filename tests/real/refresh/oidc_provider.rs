//! Refreshes with oidc-provider and refresh token rotation

use super::{Load, ProviderEvents, assert_no_failures, run_polls};
use crate::harness::{Cookies, OidcProvider, Proxy, ProxyOptions, Reserved, Setup};

const ALGORITHM: &str = "ES256";

async fn refresh_without_failures(options: ProxyOptions) {
    let load = Load::from_environment();
    let reserved = Reserved::new();
    let provider =
        OidcProvider::start_rotating(&reserved.origin, ALGORITHM, load.token_lifetime, &reserved.scratch)
            .await;
    let registration = provider.registration(ALGORITHM);
    let setup = Setup::with_provider(reserved, provider, &registration, options).await;
    let results = run_polls(&setup, load, options.cookies).await;

    let provider = setup.provider();
    let refused = [provider.log_entries("refused"), provider.log_entries("revoked")].concat();
    let events = ProviderEvents {
        refreshes: provider.log_entries("granted refresh_token"),
        refused: refused.len(),
        codes: provider.log_entries("granted authorization_code").len(),
    };
    assert_no_failures(load, options, &results, &events, &format!("{refused:?}\n{}", setup.gateway.log()));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pollers_per_session_never_fail_and_no_token_is_sent_twice() {
    tokio::join!(
        refresh_without_failures(Cookies::Delivered.into()),
        refresh_without_failures(Cookies::Dropped.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pollers_per_session_never_fail_behind_envoy() {
    let envoy = ProxyOptions::from(Proxy::Envoy);
    tokio::join!(
        refresh_without_failures(envoy),
        refresh_without_failures(ProxyOptions { cookies: Cookies::Dropped, ..envoy }),
        refresh_without_failures(Proxy::EnvoyGrpc.into())
    );
}
