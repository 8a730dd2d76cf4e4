//! Tests of the comparison with a provider that answers

use serde_json::{Value, json};

use super::super::Algorithm;
use super::super::fixture::Responses;
use super::super::testing::{SetClock, metadata, reply, rsa, settings, with};
use super::*;

/// Compares changed settings with a provider whose document has changed members.
async fn findings(change: impl FnOnce(&mut ProviderSettings), members: &Value) -> Vec<String> {
    let responses = Responses::default();
    responses.publish(&[rsa().named("k")]);
    let server = responses.serve().await;
    let document = with(&metadata(&server.origin), members);
    responses.respond_at("openid-configuration", reply(200, &document.to_string()));
    let mut settings = settings(&server.origin);
    settings.signing_algorithms = None;
    change(&mut settings);
    let user = ClaimPath::parse("preferred_username").unwrap();
    let groups = [ClaimPath::parse("groups").unwrap()];
    let needs = Needs { user: &user, groups: &groups, logs_out_at_provider: true };
    let comparison = compare_online(&settings, &needs, SetClock::new()).await.unwrap();
    comparison.findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn provider_that_fits_has_no_finding() {
    let claims = json!({"claims_supported": ["sub", "preferred_username"]});
    assert_eq!(findings(|_| {}, &claims).await, Vec::<String>::new());
    assert_eq!(findings(|_| {}, &json!({})).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_difference_is_found_at_once() {
    let members = json!({
        "id_token_signing_alg_values_supported": ["HS256"], "scopes_supported": ["openid", "roles"],
        "claims_supported": ["sub"], "end_session_endpoint": null,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint": "https://elsewhere.example/token",
    });
    let found = findings(|_| {}, &members).await;
    let words = [
        "token_endpoint is at elsewhere.example",
        "only with HS256",
        "private_key_jwt",
        "has email",
        "claims.user",
    ];
    assert_eq!(found.len(), words.len(), "{found:?}");
    for (finding, word) in found.iter().zip(words) {
        assert!(finding.contains(word), "{word}: {finding}");
    }
}

#[tokio::test]
async fn difference_in_logout_or_claims_names_the_setting() {
    let [finding] = &*findings(|_| {}, &json!({"end_session_endpoint": null})).await else { panic!() };
    assert!(finding.contains("set sign_in.provider_logout = false"), "{finding}");
    let userinfo = json!({"claims_supported": ["sub", "email"], "userinfo_endpoint": null});
    let [finding] = &*findings(|_| {}, &userinfo).await else { panic!() };
    assert!(finding.contains("such as sub, or set provider.userinfo = true"), "{finding}");
}

#[tokio::test]
async fn scope_of_groups_is_a_finding_unless_the_claim_is_announced() {
    let scopes = json!(["openid", "profile", "email", "groups"]);
    let dex = json!({"scopes_supported": scopes, "claims_supported": ["sub", "preferred_username"]});
    for announced in [&dex, &json!({"scopes_supported": scopes})] {
        let [finding] = &*findings(|_| {}, announced).await else { panic!("{announced}") };
        assert!(
            finding.contains("the scope groups, and provider.scopes does not have it; add it"),
            "{finding}"
        );
        let requested = findings(|settings| settings.scopes.push("groups".to_owned()), announced).await;
        assert_eq!(requested, Vec::<String>::new());
    }
    let with_claim =
        json!({"scopes_supported": scopes, "claims_supported": ["preferred_username", "groups"]});
    assert_eq!(findings(|_| {}, &with_claim).await, Vec::<String>::new());
}

/// `LemonLDAP::NG` 2.16 announces these claims, and sends others from userinfo.
#[tokio::test]
async fn claims_of_the_protocol_say_nothing_about_userinfo() {
    let members = json!({"claims_supported": ["sub", "iss", "auth_time", "acr"]});

    let without_userinfo = findings(|_| {}, &members).await;
    let with_userinfo = findings(|settings| settings.userinfo = true, &members).await;

    let [finding] = without_userinfo.as_slice() else { panic!("{without_userinfo:?}") };
    assert!(finding.contains("announces the claims sub;"), "{finding}");
    assert!(!with_userinfo.iter().any(|finding| finding.contains("claims.user")), "{with_userinfo:?}");
}

#[tokio::test]
async fn document_of_another_issuer_is_the_only_finding() {
    let members = json!({"issuer": "https://other.example", "scopes_supported": []});
    let [finding] = &*findings(|_| {}, &members).await else { panic!() };
    assert!(finding.contains("they must be identical"), "{finding}");
}

#[tokio::test]
async fn provider_without_discovery_is_compared_with_its_keys() {
    let es256 = |settings: &mut ProviderSettings| {
        let endpoint = |path| url::Url::parse(&format!("{}/{path}", settings.issuer)).ok();
        settings.endpoints.authorization = endpoint("auth");
        settings.endpoints.token = endpoint("token");
        settings.endpoints.jwks = endpoint("certs");
        settings.endpoints.end_session = endpoint("logout");
        settings.discovery = false;
        settings.signing_algorithms = Some(vec![Algorithm::Es256]);
    };
    let [finding] = &*findings(es256, &json!({})).await else { panic!() };
    assert!(finding.contains("are ES256, but the provider's published keys are for RS256"), "{finding}");
}

#[tokio::test]
async fn provider_that_does_not_answer_is_a_finding() {
    let [finding] =
        &*findings(|settings| settings.issuer = "http://127.0.0.1:1".to_owned(), &json!({})).await
    else {
        panic!()
    };
    assert!(finding.contains("127.0.0.1:1 cannot be reached"), "{finding}");
}
