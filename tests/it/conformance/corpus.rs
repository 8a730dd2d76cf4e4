//! Row 21 of the threat table: of all the odd ID tokens that the provider can make, only those that break no rule are
//! believed.

use dev_provider::{Endpoint, Fault, Settings, SigningAlgorithm};

use super::{End, Scene};
use crate::harness::{Gateway, Provider};

/// These break no rule of ours: what is odd about them is allowed, is left out of the identity, or is never read.
const GOOD: &[&str] = &[
    "aud-list",
    "azp-missing",
    "exp-fraction",
    "exp-huge",
    "at-hash-missing",
    "acr-unexpected",
    "acr-number",
    "auth-time-missing",
    "auth-time-text",
    "auth-time-old",
    "auth-time-future",
    "sid-missing",
    "sid-number",
    "sub-changed",
    "kid-missing",
    "typ-missing",
    "zip",
    "email-missing",
    "email-unverified",
    "email-verified-text",
    "email-verified-missing",
    "email-control",
    "groups-missing",
    "groups-text",
    "groups-numbers",
    "groups-hundred",
    "groups-comma",
    "groups-control",
    "groups-nul",
    "groups-paths",
    "groups-overage",
    "claims-aggregated",
    "claims-distributed",
    "realm-roles",
    "client-roles",
];

fn corpus() -> Vec<String> {
    let all = Fault::all().into_iter().filter(|fault| fault.endpoint() == Endpoint::Token);
    let names = all.map(|fault| fault.name().into_owned());
    names.filter(|name| !name.starts_with("token-") && name != "keys-rotated-before-signing").collect()
}

async fn holds(scene: &Scene) {
    for name in corpus() {
        let End { browser, page } = scene.sign_in(&[&name]).await;
        let believed = browser.cookie("foregate").is_some();
        assert_eq!(believed, GOOD.contains(&&*name), "{name}: {}", page.body);
        assert!(believed || (400..500).contains(&page.status), "{name}: {}", page.status);
        let asked = scene.gateway.ask_as(&browser, "/").await;
        assert!(asked.headers.values().all(|value| !value.as_bytes().contains(&b'\n')), "{name}");
        assert_eq!(asked.header("x-injected"), None, "{name}");
        assert!(!asked.header("x-forwarded-group").unwrap_or_default().contains("admin"), "{name}");
    }
}

#[tokio::test]
async fn row_21_of_all_odd_tokens_only_those_that_break_no_rule_are_believed() {
    assert!(corpus().len() >= 60, "{}", corpus().len());
    holds(&Scene::new(&[]).await).await;
}

#[tokio::test]
async fn row_21_the_same_where_elliptic_curves_sign() {
    let settings = Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() };
    let provider = Provider::start(settings).await;
    let gateway = Gateway::with(&provider, &[("provider.signing_algorithms", "ES256")]).await;
    holds(&Scene { provider, gateway }).await;
}
