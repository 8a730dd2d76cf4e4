//! Refreshes with oidc-provider and refresh token rotation

use super::{Load, ProviderEvents, assert_no_failures, run_polls};
use crate::harness::{Cookies, OidcProvider, Reserved, Setup};

const ALGORITHM: &str = "ES256";

async fn refresh_without_failures(cookies: Cookies) {
    let load = Load::from_environment();
    let reserved = Reserved::new();
    let provider =
        OidcProvider::start_rotating(&reserved.origin, ALGORITHM, load.token_lifetime, &reserved.scratch)
            .await;
    let registration = provider.registration(ALGORITHM);
    let setup = Setup::with_provider(reserved, provider, &registration, cookies).await;
    let results = run_polls(&setup, load, cookies).await;

    let provider = setup.provider();
    let refused = [provider.log_entries("refused"), provider.log_entries("revoked")].concat();
    let events = ProviderEvents {
        refreshes: provider.log_entries("granted refresh_token"),
        refused: refused.len(),
        codes: provider.log_entries("granted authorization_code").len(),
    };
    assert_no_failures(load, cookies, &results, &events, &format!("{refused:?}\n{}", setup.gateway.log()));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pollers_per_session_never_fail_and_no_token_is_sent_twice() {
    tokio::join!(refresh_without_failures(Cookies::Delivered), refresh_without_failures(Cookies::Dropped));
}
