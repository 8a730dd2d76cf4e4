//! Acceptance of each ID token variant that the provider can issue (threat row 21)

use dev_provider::{Endpoint, Fault, Settings, SigningAlgorithm};

use super::{End, Scene};
use crate::harness::{Gateway, Provider};

/// Variants that break no rule: the deviation is allowed, is left out of the identity, or is never read.
const ACCEPTED: &[&str] = &[
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
    "groups-text-comma",
    "groups-only-numbers",
    "groups-objects",
    "groups-objects-two-texts",
    "groups-map-objects",
    "groups-map-booleans",
    "roles-zitadel",
    "roles-namespaced",
    "groups-hasgroups",
];

fn token_faults() -> Vec<String> {
    let all = Fault::all().into_iter().filter(|fault| fault.endpoint() == Endpoint::Token);
    let names = all.map(|fault| fault.name().into_owned());
    // The ID token with a long picture breaks no rule, but the session does not fit into cookies.
    let other = ["keys-rotated-before-signing", "picture-long"];
    names.filter(|name| !name.starts_with("token-") && !other.contains(&&**name)).collect()
}

async fn expect_only_accepted_variants(scene: &Scene) {
    for name in token_faults() {
        let End { browser, page } = scene.sign_in(&[&name]).await;
        let accepted = browser.cookie("foregate").is_some();
        assert_eq!(accepted, ACCEPTED.contains(&&*name), "{name}: {}", page.body);
        assert!(accepted || (400..500).contains(&page.status), "{name}: {}", page.status);
        let reply = scene.gateway.ask_as(&browser, "/").await;
        assert!(reply.headers.values().all(|value| !value.as_bytes().contains(&b'\n')), "{name}");
        assert_eq!(reply.header("x-injected"), None, "{name}");
        assert!(!reply.header("x-forwarded-group").unwrap_or_default().contains("admin"), "{name}");
    }
}

#[tokio::test]
async fn row_21_only_id_tokens_that_break_no_rule_are_accepted() {
    assert!(token_faults().len() >= 60, "{}", token_faults().len());
    expect_only_accepted_variants(&Scene::new(&[]).await).await;
}

#[tokio::test]
async fn row_21_es256_id_tokens_are_accepted_by_the_same_rules() {
    let settings = Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() };
    let provider = Provider::start(settings).await;
    let gateway = Gateway::with(&provider, &[("provider.signing_algorithms", "ES256")]).await;
    expect_only_accepted_variants(&Scene { provider, gateway }).await;
}
