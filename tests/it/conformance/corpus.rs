//! Acceptance of each ID token variant that the provider can issue (threat row 21)

use std::fs;
use std::path::Path;

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

/// Each variant of the groups, and what the application receives with the default settings.
const GROUPS: [(&str, &str); 19] = [
    ("groups-missing", ""),
    ("groups-text", "dev"),
    ("groups-text-comma", ""),
    ("groups-numbers", "1,dev"),
    ("groups-only-numbers", "7,8"),
    ("groups-comma", "ops"),
    ("groups-control", "ops"),
    ("groups-nul", "ops"),
    ("groups-paths", "/dev/backend,/ops"),
    ("groups-objects", "dev,ops"),
    ("groups-objects-two-texts", ""),
    ("groups-map-objects", "dev,ops"),
    ("groups-map-booleans", "dev,ops"),
    ("groups-overage", ""),
    ("groups-hasgroups", ""),
    ("realm-roles", "dev,ops"),
    ("client-roles", "dev,ops"),
    ("roles-zitadel", "dev,ops"),
    ("roles-namespaced", "dev,ops"),
];

/// In the last four rows of the table, the claim `groups` is as usual.
#[tokio::test]
async fn each_shape_of_groups_reaches_the_application_as_far_as_it_is_unambiguous() {
    let scene = Scene::new(&[]).await;
    for (name, groups) in GROUPS {
        let reply = scene.expect_acceptance(&[name]).await;
        assert_eq!(reply.header("x-forwarded-group"), Some(groups), "{name}");
    }
    let hundred: Vec<String> = (0..100).map(|number| format!("group-{number:03}")).collect();
    let reply = scene.expect_acceptance(&["groups-hundred"]).await;
    assert_eq!(reply.header("x-forwarded-group"), Some(&*hundred.join(",")));
    let by_claim = |name: &&str| name.starts_with("groups-") || name.contains("roles");
    assert_eq!(ACCEPTED.iter().filter(|name| by_claim(name)).count(), GROUPS.len() + 1, "a shape has no row");
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The variants of the ID token are all in the corpus above. The endpoints share the list of transport faults.
#[test]
fn each_other_fault_of_the_provider_is_named_by_a_test() {
    // Read at run time: a copied build would otherwise read the tree it was built from.
    #[expect(clippy::disallowed_methods, reason = "cargo says where the tree is")]
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let mut tests = String::new();
    sources(&Path::new(&root).join("tests/it"), &mut tests);
    let in_corpus = token_faults();
    for fault in Fault::all().into_iter().map(|fault| fault.name().into_owned()) {
        let transport = fault.split_once('-').map_or(&*fault, |(_, name)| name);
        let names = [&*fault, transport].map(|name| format!("\"{name}\""));
        assert!(in_corpus.contains(&fault) || names.iter().any(|name| tests.contains(name)), "{fault}");
    }
}
