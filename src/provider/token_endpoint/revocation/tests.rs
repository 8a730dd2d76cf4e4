//! Tests of revocation requests and responses (RFC 7009)

use serde_json::json;

use super::*;
use crate::flow::audit::{CallOutcome, ProviderCall};
use crate::flow::ports::IdentityProvider;
use crate::provider::ClientKey;
use crate::provider::fixture::{Fixture, fixture, fixture_with, provider, until};
use crate::provider::testing::{metadata, reply, with};

async fn send_revocation(fixture: &Fixture) -> Result<bool, RefreshError> {
    fixture.provider.revoke(&Secret::new("rt&1")).await
}

/// Returns the sorted form of the only request and its `Authorization`.
fn request_to(fixture: &Fixture) -> (Vec<(String, String)>, Option<String>) {
    let request = fixture.server.requests("POST /revoke").remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    form.sort();
    let authorization = head.lines().find_map(|line| line.strip_prefix("authorization: "));
    (form, authorization.map(str::to_owned))
}

#[tokio::test]
async fn revocation_authenticates_the_client() {
    let base = ["token", "token_type_hint"].as_slice();
    let der = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
    let der = base64_simd::STANDARD.encode_to_string(der.as_ref());
    let pem = Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"));
    let key = ClientKey::read(&pem, None).unwrap();
    for (method, names, authorization) in [
        (
            ClientAuthentication::Basic(Secret::new("a:b%+ c/ü")),
            vec![],
            // foregate:a%3Ab%25%2B+c%2F%C3%BC
            Some("Basic Zm9yZWdhdGU6YSUzQWIlMjUlMkIrYyUyRiVDMyVCQw=="),
        ),
        (ClientAuthentication::Post(Secret::new("s")), vec!["client_id", "client_secret"], None),
        (ClientAuthentication::None, vec!["client_id"], None),
        (
            ClientAuthentication::PrivateKey { key, audience: None },
            vec!["client_assertion", "client_assertion_type", "client_id"],
            None,
        ),
    ] {
        let fixture = fixture_with(|settings| settings.client_authentication = method).await;
        fixture.responses.respond_at("revoke", reply(200, ""));
        assert!(send_revocation(&fixture).await.unwrap_or_else(|error| panic!("{error}")));
        let (form, sent) = request_to(&fixture);
        assert_eq!(sent.as_deref(), authorization);
        assert_eq!(form.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [&names, base].concat());
        assert!(form.contains(&("token".to_owned(), "rt&1".to_owned())));
        assert!(form.contains(&("token_type_hint".to_owned(), "refresh_token".to_owned())));
        assert_eq!(fixture.calls.count(ProviderCall::Revocation, CallOutcome::Answered), 1);
    }
}

#[tokio::test]
async fn revocation_response_determines_the_outcome() {
    let fixture = fixture().await;
    fixture.responses.respond_at("revoke", reply(200, r#"{"error":"invalid_token"}"#));
    assert!(
        send_revocation(&fixture).await.unwrap_or_else(|error| panic!("{error}")),
        "the token was already invalid"
    );
    for (status, body) in [(400, r#"{"error":"unsupported_token_type"}"#), (401, "")] {
        fixture.responses.respond_at("revoke", reply(status, body));
        assert!(matches!(send_revocation(&fixture).await, Err(RefreshError::ClientRefused(_))), "{status}");
    }
    fixture.responses.respond_at("revoke", reply(503, "").replace("content-type", "retry-after: 7\r\nx"));
    let Err(RefreshError::Unavailable { retry_after: Some(pause), .. }) = send_revocation(&fixture).await
    else {
        panic!("it can be tried again")
    };
    assert_eq!(pause.as_secs(), 7);
    fixture.responses.respond_at("revoke", String::new());
    assert!(matches!(send_revocation(&fixture).await, Err(RefreshError::OutcomeUnknown(_))));
}

#[tokio::test]
async fn invalid_revocation_endpoint_counts_as_absent() {
    let fixture = fixture().await;
    for announced in [json!(null), json!("https://evil.example/revoke"), json!("no URL")] {
        let document = with(&metadata(&fixture.server.origin), &json!({ "revocation_endpoint": announced }));
        fixture.responses.respond_at("openid-configuration", reply(200, &document.to_string()));
        let (other, ..) = provider(&fixture.server.origin);
        tokio::spawn(std::sync::Arc::clone(&other).keep_fresh());
        until("ready", || other.state() == crate::flow::ports::ProviderState::Ready).await;
        assert!(
            !other.revoke(&Secret::new("rt")).await.unwrap_or_else(|error| panic!("{error}")),
            "{announced}"
        );
    }
    assert_eq!(fixture.server.requests("POST").len(), 0);
    let (not_loaded, ..) = provider("http://127.0.0.1:1");
    assert!(matches!(not_loaded.revoke(&Secret::new("rt")).await, Err(RefreshError::Unavailable { .. })));
}
