//! Tests of token refresh and of its errors

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::access::claims::Claim;
use crate::flow::audit::CallOutcome;
use crate::flow::ports::{Authentication, IdentityProvider};
use crate::provider::fixture::{Fixture, fixture, fixture_with, provider};
use crate::provider::testing::{NOW, Signer, reply, rsa, with};
use crate::provider::{ClientAuthentication, Provider, client_assertion::ClientKey};

async fn send_refresh(provider: &Provider) -> Result<Refreshed, RefreshError> {
    let refresh_token = Secret::new("rt&1");
    provider.refresh(RefreshRequest { refresh_token: &refresh_token, subject: "alice" }).await
}

async fn refresh_with_response(fixture: &Fixture, answer: &Value) -> Result<Refreshed, RefreshError> {
    fixture.responses.issue_tokens(answer);
    send_refresh(&fixture.provider).await
}

/// Returns an ID token of a refresh, without a nonce, with changed claims.
fn id_token(fixture: &Fixture, change: &Value) -> String {
    let mut claims = json!({"nonce": null});
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &claims)
}

fn tokens(id_token: &str) -> Value {
    json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token, "refresh_token": "rt2"})
}

/// Returns the kind of an outcome in one word.
fn kind<T>(outcome: &Result<T, RefreshError>) -> &'static str {
    match outcome {
        Ok(_) => "good",
        Err(RefreshError::Unavailable { .. }) => "unavailable",
        Err(RefreshError::ClientRefused(_)) => "client",
        Err(RefreshError::OutcomeUnknown(_)) => "unknown",
        Err(RefreshError::GrantRefused(_)) => "grant",
        Err(RefreshError::ProviderMisbehaved(_)) => "misbehaved",
    }
}

fn after(seconds: u64) -> UnixTime {
    NOW.plus(Duration::from_secs(seconds))
}

#[tokio::test]
async fn refresh_returns_new_tokens_with_their_expiry() {
    let fixture = fixture().await;
    let token = id_token(&fixture, &json!({"groups": ["dev"], "auth_time": NOW.0 - 9, "acr": "2"}));
    let more = json!({"expires_in": 30, "refresh_expires_in": 1800});
    let new = refresh_with_response(&fixture, &with(&tokens(&token), &more))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(new.refresh_token.unwrap().expose(), "rt2");
    assert_eq!((new.access_expires_at, new.refresh_expires_at), (Some(after(30)), Some(after(1800))));
    let new = new.id_token.unwrap();
    assert_eq!((new.text.expose(), new.expires_at), (token.as_str(), after(300)));
    let auth_time = Some(UnixTime(NOW.0 - 9));
    assert_eq!(new.authentication, Authentication { auth_time, acr: Some("2".to_owned()) });
    assert_eq!(new.claims.get("groups"), Some(&Claim::List(vec![Claim::Text("dev".to_owned())])));
    assert_eq!(fixture.calls.count(ProviderCall::Refresh, CallOutcome::Answered), 1);
}

#[tokio::test]
async fn refresh_with_another_acr_than_the_required_ones_is_refused() {
    let fixture = fixture_with(|settings| settings.required_acr = vec!["gold".to_owned()]).await;
    for (acr, expected) in [(json!("gold"), "good"), (json!(null), "good"), (json!("iron"), "misbehaved")] {
        let token = id_token(&fixture, &json!({"acr": acr}));
        let outcome = refresh_with_response(&fixture, &tokens(&token)).await;
        assert_eq!(kind(&outcome), expected, "{acr}");
    }
}

#[tokio::test]
async fn refresh_token_expires_as_the_provider_states() {
    let fixture = fixture().await;
    for (given, end) in [
        (json!(1800), Some(1800)),
        (json!("1800"), Some(1800)),
        (json!(0), None),
        (json!("0"), None),
        (json!(null), None),
        (json!("soon"), None),
        (json!(-1), None),
        (json!([]), None),
    ] {
        let answer = with(&tokens(&id_token(&fixture, &json!({}))), &json!({"refresh_expires_in": given}));
        let new =
            refresh_with_response(&fixture, &answer).await.unwrap_or_else(|error| panic!("{given} {error}"));
        assert_eq!(new.refresh_expires_at, end.map(after), "{given}");
    }
}

#[tokio::test]
async fn refresh_response_may_omit_id_token_and_refresh_token() {
    let fixture = fixture().await;
    let least = json!({"access_token": "at", "token_type": "Bearer"});
    let new = refresh_with_response(&fixture, &least).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(new.id_token.is_none() && new.refresh_token.is_none());
    let five_minutes = after(300);
    assert_eq!((new.access_expires_at, new.refresh_expires_at), (Some(five_minutes), None));
}

#[tokio::test]
async fn id_token_of_a_refresh_is_validated_except_for_its_nonce() {
    let fixture = fixture().await;
    for (change, outcome) in [
        (json!({}), "good"),
        (json!({"nonce": "whatever"}), "good"),
        (json!({"at_hash": "0"}), "misbehaved"),
        (json!({"sub": "bob"}), "misbehaved"),
        (json!({"sub": null}), "misbehaved"),
        (json!({"iss": "https://other.example"}), "misbehaved"),
        (json!({"aud": "other"}), "misbehaved"),
        (json!({"iat": NOW.0 + 61}), "misbehaved"),
        (json!({"iat": NOW.0 - 661}), "misbehaved"),
        (json!({"exp": NOW.0 - 60}), "misbehaved"),
    ] {
        let outcome_now = refresh_with_response(&fixture, &tokens(&id_token(&fixture, &change))).await;
        assert_eq!(kind(&outcome_now), outcome, "{change}");
    }
}

#[tokio::test]
async fn refresh_with_unavailable_keys_keeps_only_the_new_refresh_token() {
    let fixture = fixture().await;
    let header = json!({"alg": "ES256", "kid": "new"});
    let answer = tokens(&fixture.token(&Signer::p256(), &header, &json!({})));
    let answer = with(&answer, &json!({"expires_in": 30, "refresh_expires_in": 1800}));
    fixture.responses.break_keys();
    for when in ["the key fetch fails", "another fetch is not allowed yet"] {
        let new =
            refresh_with_response(&fixture, &answer).await.unwrap_or_else(|error| panic!("{when}: {error}"));
        assert_eq!(new.refresh_token.unwrap().expose(), "rt2", "{when}");
        assert!(new.id_token.is_none() && new.access_expires_at.is_none(), "{when}");
        assert_eq!(new.refresh_expires_at, Some(after(1800)), "{when}");
    }
    fixture.responses.publish(&[rsa().named("k")]);
    fixture.clock.0.fetch_add(30, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(kind(&refresh_with_response(&fixture, &answer).await), "misbehaved");
}

#[tokio::test]
async fn refresh_response_determines_whether_the_token_may_be_sent_again() {
    let fixture = fixture().await;
    for (status, body, outcome) in [
        (400, r#"{"error":"invalid_grant"}"#, "grant"),
        (200, r#"{"error":"invalid_grant"}"#, "grant"),
        (401, r#"{"error":"invalid_grant"}"#, "grant"),
        (400, r#"{"error":"interaction_required"}"#, "grant"),
        (403, r#"{"error":"access_denied"}"#, "grant"),
        (401, r#"{"error":"access_denied"}"#, "client"),
        (401, r#"{"error":"invalid_client"}"#, "client"),
        (400, r#"{"error":"unauthorized_client"}"#, "client"),
        (400, r#"{"error":"invalid_scope"}"#, "client"),
        (401, "", "client"),
        (400, r#"{"error":"temporarily_unavailable"}"#, "unavailable"),
        (400, r#"{"error":"of its own"}"#, "unknown"),
        (403, "<h1>Forbidden</h1>", "unknown"),
        (302, "", "unknown"),
        (500, r#"{"error":"invalid_grant"}"#, "unavailable"),
        (503, "", "unavailable"),
        (429, "", "unavailable"),
        (502, "", "unknown"),
        (504, "", "unknown"),
        (524, "", "unknown"),
        (200, "", "unknown"),
        (200, r#"{"token_type":"Bearer"}"#, "unknown"),
        (200, r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#, "unknown"),
        (200, r#"{"access_token":"a","token_type":"mac"}"#, "misbehaved"),
        (200, r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#, "good"),
    ] {
        fixture.responses.respond_at("token", reply(status, body));
        assert_eq!(kind(&send_refresh(&fixture.provider).await), outcome, "{status} {body}");
    }
    fixture.responses.respond_at("token", reply(200, &" ".repeat(64 * 1024 + 1)));
    assert_eq!(kind(&send_refresh(&fixture.provider).await), "unknown");
    assert_eq!(fixture.server.requests("POST").len(), 26, "each was sent once");
    assert_eq!(fixture.calls.count(ProviderCall::Refresh, CallOutcome::Refused), 10);
}

#[tokio::test]
async fn retry_after_of_the_provider_is_limited_to_one_hour() {
    let fixture = fixture().await;
    for (field, seconds) in [
        ("7", Some(7)),
        ("99999", Some(3600)),
        // 20 seconds after NOW, and a day after it.
        ("Fri, 15 Jan 2027 08:00:20 GMT", Some(20)),
        ("Sat, 16 Jan 2027 08:00:00 GMT", Some(3600)),
        ("Fri, 15 Jan 2027 07:00:00 GMT", Some(0)),
        ("soon", None),
        ("-1", None),
    ] {
        for status in [429, 503] {
            let answer = reply(status, "").replace("content-type", &format!("retry-after: {field}\r\nx"));
            fixture.responses.respond_at("token", answer);
            let Err(RefreshError::Unavailable { retry_after, .. }) = send_refresh(&fixture.provider).await
            else {
                panic!("{field}")
            };
            assert_eq!(retry_after, seconds.map(Duration::from_secs), "{field}");
        }
    }
}

#[tokio::test]
async fn refresh_token_may_be_sent_again_only_if_it_was_never_sent() {
    let hung_up = fixture().await;
    hung_up.responses.respond_at("token", String::new());
    assert_eq!(kind(&send_refresh(&hung_up.provider).await), "unknown");

    let (not_loaded, ..) = provider("http://127.0.0.1:1");
    assert_eq!(kind(&send_refresh(&not_loaded).await), "unavailable", "no metadata");

    // Nothing listens on port 1.
    let gone = "http://127.0.0.1:1/token".parse().ok();
    let refused = fixture_with(|settings| settings.endpoints.token = gone).await;
    assert_eq!(kind(&send_refresh(&refused.provider).await), "unavailable");
}

#[tokio::test]
async fn refresh_timeout_returns_unknown_outcome_once_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", silent.local_addr().unwrap()).parse().ok();
    let fixture = fixture_with(|settings| {
        settings.endpoints.token = url;
        settings.timeout = Duration::from_millis(500);
    })
    .await;
    assert_eq!(kind(&send_refresh(&fixture.provider).await), "unknown");
    let permits: Vec<_> = (0..64).map(|_| fixture.provider.refreshes.acquire_permit()).collect();
    let held = join_all(permits).await;
    assert_eq!(kind(&send_refresh(&fixture.provider).await), "unavailable", "it did not get a permit");
    drop(held);
}

#[tokio::test]
async fn hanging_refreshes_do_not_block_sign_ins() {
    let fixture = fixture().await;
    let held = join_all((0..64).map(|_| fixture.provider.refreshes.acquire_permit())).await;
    let exchange = fixture.provider.exchanges.acquire_permit();
    assert!(tokio::time::timeout(Duration::from_secs(5), exchange).await.is_ok());
    assert_eq!(held.len(), 64);
}

#[tokio::test]
async fn refresh_without_userinfo_keeps_only_the_new_refresh_token() {
    let fixture = fixture_with(|settings| settings.userinfo = true).await;
    let answer = with(&tokens(&id_token(&fixture, &json!({}))), &json!({"expires_in": 30}));
    fixture.responses.respond_at("userinfo", reply(200, r#"{"sub":"alice","groups":["dev"]}"#));
    let new = refresh_with_response(&fixture, &answer).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(new.id_token.unwrap().claims.contains_key("groups"));
    assert_eq!(new.access_expires_at, Some(after(30)));

    for gone in [reply(503, ""), String::new()] {
        fixture.responses.respond_at("userinfo", gone);
        let new = refresh_with_response(&fixture, &answer).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(new.refresh_token.unwrap().expose(), "rt2");
        assert!(new.id_token.is_none() && new.access_expires_at.is_none());
    }
    fixture.responses.respond_at("userinfo", reply(200, r#"{"sub":"bob"}"#));
    assert_eq!(kind(&refresh_with_response(&fixture, &answer).await), "misbehaved");
}

#[tokio::test]
async fn refresh_request_has_the_grant_and_authenticates_the_client() {
    let der = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
    let der = base64_simd::STANDARD.encode_to_string(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    let key = ClientKey::read(&Secret::new(pem), None).unwrap();
    for (method, shown, names) in [
        (ClientAuthentication::Basic(Secret::new("s")), true, vec![]),
        (ClientAuthentication::Post(Secret::new("s")), false, vec!["client_id", "client_secret"]),
        (ClientAuthentication::None, false, vec!["client_id"]),
        (
            ClientAuthentication::PrivateKey { key, audience: None },
            false,
            vec!["client_assertion", "client_assertion_type", "client_id"],
        ),
    ] {
        let fixture = fixture_with(|settings| settings.client_authentication = method).await;
        let good = tokens(&id_token(&fixture, &json!({})));
        assert_eq!(kind(&refresh_with_response(&fixture, &good).await), "good");
        let request = fixture.server.requests("POST").remove(0);
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(head.contains("authorization: Basic "), shown, "{names:?}");
        let mut body: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        body.sort();
        let (grant, proof): (Vec<_>, Vec<_>) =
            body.iter().partition(|(name, _)| name == "grant_type" || name == "refresh_token");
        let [(_, grant_type), (_, token)] = grant.as_slice() else { panic!("{grant:?}") };
        assert_eq!((grant_type.as_str(), token.as_str()), ("refresh_token", "rt&1"));
        assert_eq!(proof.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    }
}

#[tokio::test]
async fn refresh_error_names_the_member_that_failed() {
    let fixture = fixture().await;
    for (member, value, problem) in [
        ("access_token", json!(null), "response has no access_token"),
        ("access_token", json!(7), "access_token in the token endpoint's response is not text"),
        ("token_type", json!(null), "response has no token_type"),
        ("token_type", json!([]), "token_type in the token endpoint's response is not text"),
        ("id_token", json!({}), "id_token in the token endpoint's response is not text"),
        ("refresh_token", json!(7), "refresh_token in the token endpoint's response is not text"),
    ] {
        let answer = with(&tokens(&id_token(&fixture, &json!({}))), &json!({member: value}));
        let outcome = refresh_with_response(&fixture, &answer).await;
        assert_eq!(kind(&outcome), "unknown", "{member} {value}");
        let text = outcome.err().unwrap().to_string();
        assert!(text.contains(problem), "{member} {value}: {text}");
    }
}

#[tokio::test]
async fn refresh_error_contains_no_token() {
    let fixture = fixture().await;
    for answer in [
        r#"{"error":"invalid_grant"}"#,
        r#"{"access_token":["s3cret"],"token_type":"Bearer"}"#,
        r#"{"access_token":"s3cret","token_type":"Bearer","id_token":"s3cret"}"#,
        "s3cret",
    ] {
        fixture.responses.respond_at("token", reply(200, answer));
        let debug_text = format!("{:?}", send_refresh(&fixture.provider).await.err().unwrap());
        assert!(!debug_text.contains("s3cret") && !debug_text.contains("rt&1"), "{debug_text}");
    }
}
