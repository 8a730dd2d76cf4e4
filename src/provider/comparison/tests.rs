//! Tests of each difference between settings and documents

use serde_json::{Value, json};

use super::super::testing::settings;
use super::*;
use crate::secret::Secret;

const ISSUER: &str = "https://kc.example";

fn announcement(members: &Value) -> Announcement {
    serde_json::from_value(members.clone()).unwrap()
}

/// Returns the findings for settings without algorithms and with the default scopes.
fn findings(
    change: impl FnOnce(&mut ProviderSettings),
    members: &Value,
    with_keys: &[Algorithm],
) -> Vec<Finding> {
    let mut settings = settings(ISSUER);
    settings.signing_algorithms = None;
    settings.scopes = vec!["openid".to_owned()];
    change(&mut settings);
    let announced = announcement(members);
    let configured = settings.signing_algorithms.as_deref();
    let accepted = Accepted::new(configured, announced.signing_algorithms.as_deref());
    compare(&settings, &announced, &accepted, Some(with_keys))
}

#[track_caller]
fn only(findings: &[Finding], is_fatal: bool, words: &[&str]) {
    let [finding] = findings else { panic!("{findings:?}") };
    assert_eq!(finding.is_fatal(), is_fatal, "{finding}");
    for word in words {
        assert!(finding.to_string().contains(word), "{word}: {finding}");
    }
}

const RSA: &[Algorithm] = &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Ps256];

#[test]
fn documents_that_fit_the_settings_cause_no_finding() {
    let complete = json!({
        "id_token_signing_alg_values_supported": ["HS256", "RS256"],
        "scopes_supported": ["openid", "offline_access"],
        "response_types_supported": ["code", "id_token"],
        "response_modes_supported": ["form_post", "query"],
        "grant_types_supported": ["authorization_code"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["plain", "S256"],
    });
    for members in [complete, json!({})] {
        assert_eq!(findings(|_| {}, &members, RSA), [], "{members}");
    }
}

#[test]
fn setting_that_the_provider_does_not_announce_is_found() {
    let rs256 = |settings: &mut ProviderSettings| settings.signing_algorithms = Some(vec![Algorithm::Rs256]);
    let members = json!({"id_token_signing_alg_values_supported": ["ES256"]});
    let found = findings(rs256, &members, &[Algorithm::Es256]);
    only(&found, true, &["provider.signing_algorithms allows RS256", "announces ES256", "remove the key"]);
    assert_eq!(findings(|_| {}, &members, &[Algorithm::Es256]), []);
}

#[test]
fn provider_that_signs_only_with_the_client_secret_is_found() {
    let members = json!({"id_token_signing_alg_values_supported": ["HS256", "HS512"]});
    only(
        &findings(|_| {}, &members, RSA),
        true,
        &["only with HS256, HS512", "key pair, for example with RS256"],
    );
}

#[test]
fn keys_that_fit_no_accepted_algorithm_are_found() {
    let announced = json!({"id_token_signing_alg_values_supported": ["RS256"]});
    let found = findings(|_| {}, &announced, &[Algorithm::Es384]);
    only(&found, true, &["are RS256, but the provider's published keys are for ES384", "at the provider"]);
    let found = findings(|_| {}, &json!({}), &[Algorithm::Es384]);
    only(&found, true, &["set provider.signing_algorithms to the algorithm"]);
    let set = |settings: &mut ProviderSettings| settings.signing_algorithms = Some(vec![Algorithm::EdDsa]);
    only(&findings(set, &json!({}), RSA), true, &["are EdDSA", "remove provider.signing_algorithms"]);
}

#[test]
fn client_authentication_that_the_provider_does_not_announce_is_found() {
    let members = json!({"token_endpoint_auth_methods_supported": ["client_secret_post", "tls_client_auth"]});
    let words = ["is client_secret_basic", "announces client_secret_post, tls_client_auth"];
    only(&findings(|_| {}, &members, RSA), true, &words);
    let post = |settings: &mut ProviderSettings| {
        settings.client_authentication = ClientAuthentication::Post(Secret::new("s"));
    };
    assert_eq!(findings(post, &members, RSA), []);
    let public =
        |settings: &mut ProviderSettings| settings.client_authentication = ClientAuthentication::None;
    assert_eq!(findings(public, &members, RSA), []);
}

#[test]
fn provider_without_the_code_flow_is_found() {
    for (name, word) in [
        ("response_types_supported", "but not code"),
        ("response_modes_supported", "form_post is not supported"),
        ("grant_types_supported", "but not authorization_code"),
    ] {
        only(&findings(|_| {}, &json!({name: ["other"]}), RSA), true, &["other", word]);
    }
    let members = json!({"code_challenge_methods_supported": ["plain"]});
    only(&findings(|_| {}, &members, RSA), false, &["methods plain, but not S256"]);
}

#[test]
fn scope_that_the_provider_does_not_announce_is_doubtful() {
    let scopes = |settings: &mut ProviderSettings| settings.scopes.push("groups".to_owned());
    let found = findings(scopes, &json!({"scopes_supported": ["openid", "email"]}), RSA);
    only(&found, false, &["provider.scopes has groups", "announces openid, email"]);
    // Spring Authorization Server and Hydra announce these, and have the scopes that their clients are registered for.
    for of_protocol in [json!(["openid"]), json!(["offline_access", "offline", "openid"])] {
        assert_eq!(findings(scopes, &json!({ "scopes_supported": of_protocol }), RSA), []);
    }
}

#[test]
fn required_acr_that_the_provider_does_not_announce_is_doubtful() {
    let required = |settings: &mut ProviderSettings| settings.required_acr = vec!["2".to_owned()];
    let found = findings(required, &json!({"acr_values_supported": ["0", "1"]}), RSA);
    only(&found, false, &["provider.required_acr is 2", "announces 0, 1"]);
    assert_eq!(findings(required, &json!({"acr_values_supported": ["1", "2"]}), RSA), []);
    assert_eq!(findings(|_| {}, &json!({"acr_values_supported": ["0"]}), RSA), []);
}

#[test]
fn announcement_of_another_type_counts_as_absent() {
    for odd in [json!("ES256"), json!(7), json!(null), json!({"ES256": true}), json!([]), json!([7])] {
        let members = json!({
            "id_token_signing_alg_values_supported": odd,
            "scopes_supported": odd,
            "token_endpoint_auth_methods_supported": odd,
        });
        assert_eq!(findings(|_| {}, &members, RSA), [], "{odd}");
    }
    let members = json!({"scopes_supported": ["openid", 7, null]});
    assert_eq!(announcement(&members).scopes.unwrap(), ["openid"]);
}

#[test]
fn names_of_the_provider_are_one_short_line() {
    let members = json!({"token_endpoint_auth_methods_supported": ["a\nb", "c".repeat(5000)]});
    let found = findings(|_| {}, &members, RSA);
    only(&found, true, &["announces ab, ccc"]);
    assert!(found[0].to_string().len() < 500);
}
