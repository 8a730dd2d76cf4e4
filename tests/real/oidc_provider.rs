//! Does it hold with a provider that is neither ours nor Keycloak?

use base64_simd::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::harness::{Aliases, OidcProvider, Place, Stage};

async fn open(algorithm: &str) -> Stage<OidcProvider> {
    told(algorithm, "").await
}

/// With more sections in the gateway's file.
async fn told(algorithm: &str, sections: &str) -> Stage<OidcProvider> {
    let place = Place::new();
    let provider = OidcProvider::start(&place.origin, algorithm, &place.scratch).await;
    let mut registration = provider.registration(algorithm);
    sections.clone_into(&mut registration.more);
    Stage::raise(place, provider, &registration, Aliases::Documented).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_signs_the_id_token_the_application_gets_the_identity() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let stage = open(algorithm).await;
        let caller = stage.caller("testuser").await;

        let reply = caller.get("/whoami", &[]).await;

        assert_eq!(reply.status, StatusCode::OK);
        let arrived = stage.arrived("/whoami");
        let [seen] = arrived.as_slice() else { panic!("one request was expected: {arrived:#?}") };
        assert_eq!(seen.one("x-forwarded-user"), "testuser");
        assert_eq!(seen.one("x-forwarded-group"), "dev,ops");
        assert_eq!(seen.one("x-forwarded-email"), "testuser@example.test");
        let header = seen.one("x-forwarded-id-token").split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(header).unwrap()).unwrap();
        assert_eq!(header["alg"], algorithm);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_by_an_algorithm_that_is_not_configured_makes_no_session() {
    let place = Place::new();
    let provider = OidcProvider::start(&place.origin, "ES256", &place.scratch).await;
    let registration = provider.registration("RS256");
    let mut stage = Stage::raise(place, provider, &registration, Aliases::Documented).await;
    let mut caller = stage.stranger();

    let end = caller.sign_in("alice", "alice").await;

    assert_eq!(end.status, StatusCode::FORBIDDEN, "{}", end.body);
    assert!(!caller.has_session());
    stage.gateway.log_with("its alg is not one of provider.signing_algorithms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_the_group_gets_403() {
    let stage = open("ES256").await;

    let end = stage.stranger().sign_in("bob", "bob").await;

    assert_eq!(end.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.all_arrived().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_another_state_makes_no_session() {
    let stage = open("ES256").await;
    let mut caller = stage.stranger();

    caller.visit("/").await;
    let forged = format!("/oauth2/callback?state=another&code=a&iss={}", stage.provider().issuer());
    let (_, reply) = caller.visit(&forged).await;

    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(!caller.has_session());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_local_sign_out_the_provider_lets_the_same_person_in_without_asking() {
    let stage = told("ES256", "[sign_in]\nprovider_logout = false\n").await;
    let mut caller = stage.caller("alice").await;

    let out = [("Origin", stage.origin()), ("Sec-Fetch-Site", "same-origin")];
    let reply = caller.send(Method::POST, "/oauth2/sign_out", &out).await;
    caller.keep_cookies(&reply);
    assert!(!caller.has_session(), "{reply:?}");
    let (end, reply) = caller.visit("/again?a=b").await;

    assert_eq!((end.as_str(), reply.status), (&*stage.url("/again?a=b"), StatusCode::OK));
    assert_eq!(stage.arrived("/again?a=b")[0].one("x-forwarded-user"), "alice");
}
