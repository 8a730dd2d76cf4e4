//! Sign-in with oidc-provider, which is neither the development provider nor Keycloak

use base64_simd::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::harness::{Aliases, OidcProvider, Reserved, Setup};

async fn open(algorithm: &str) -> Setup<OidcProvider> {
    open_with_sections(algorithm, "").await
}

/// Starts the gateway with additional sections in its configuration file.
async fn open_with_sections(algorithm: &str, sections: &str) -> Setup<OidcProvider> {
    let reserved = Reserved::new();
    let provider = OidcProvider::start(&reserved.origin, algorithm, &reserved.scratch).await;
    let mut registration = provider.registration(algorithm);
    sections.clone_into(&mut registration.more);
    Setup::with_provider(reserved, provider, &registration, Aliases::Documented).await
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_reaches_the_application_with_each_signing_algorithm() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let setup = open(algorithm).await;
        let client = setup.signed_in_client("testuser").await;

        let reply = client.get("/whoami", &[]).await;

        assert_eq!(reply.status, StatusCode::OK);
        let arrived = setup.requests_to("/whoami");
        let [received] = arrived.as_slice() else { panic!("expected one request: {arrived:#?}") };
        assert_eq!(received.value("x-forwarded-user"), "testuser");
        assert_eq!(received.value("x-forwarded-group"), "dev,ops");
        assert_eq!(received.value("x-forwarded-email"), "testuser@example.test");
        let header = received.value("x-forwarded-id-token").split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(header).unwrap()).unwrap();
        assert_eq!(header["alg"], algorithm);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn id_token_with_unconfigured_algorithm_creates_no_session() {
    let reserved = Reserved::new();
    let provider = OidcProvider::start(&reserved.origin, "ES256", &reserved.scratch).await;
    let registration = provider.registration("RS256");
    let mut setup = Setup::with_provider(reserved, provider, &registration, Aliases::Documented).await;
    let mut client = setup.anonymous_client();

    let end = client.sign_in("alice", "alice").await;

    assert_eq!(end.status, StatusCode::FORBIDDEN, "{}", end.body);
    assert!(!client.has_session());
    setup.gateway.wait_for_log("its alg is ES256, but provider.signing_algorithms allows only RS256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_without_the_required_group_gets_403() {
    let setup = open("ES256").await;

    let end = setup.anonymous_client().sign_in("bob", "bob").await;

    assert_eq!(end.status, StatusCode::FORBIDDEN);
    assert_eq!(setup.all_requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn callback_with_another_state_creates_no_session() {
    let setup = open("ES256").await;
    let mut client = setup.anonymous_client();

    client.visit("/").await;
    let forged = format!("/oauth2/callback?state=another&code=a&iss={}", setup.provider().issuer());
    let (_, reply) = client.visit(&forged).await;

    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(!client.has_session());
}

#[tokio::test(flavor = "multi_thread")]
async fn visit_after_local_sign_out_signs_the_user_in_silently() {
    let setup = open_with_sections("ES256", "[sign_in]\nprovider_logout = false\n").await;
    let mut client = setup.signed_in_client("alice").await;

    let out = [("Origin", setup.origin()), ("Sec-Fetch-Site", "same-origin")];
    let reply = client.send(Method::POST, "/oauth2/sign_out", &out).await;
    client.store_cookies(&reply);
    assert!(!client.has_session(), "{reply:?}");
    let (end, reply) = client.visit("/again?a=b").await;

    assert_eq!((end.as_str(), reply.status), (&*setup.url("/again?a=b"), StatusCode::OK));
    assert_eq!(setup.requests_to("/again?a=b")[0].value("x-forwarded-user"), "alice");
}
