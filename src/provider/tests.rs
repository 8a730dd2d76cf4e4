//! Tests of the provider client: sign-in, recovery after an outage, unknown keys

mod announcements;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::calls::Calls;
use super::code_exchange::NO_ID_TOKEN;
use super::fixture::{Responses, fixture, provider, until};
use super::testing::{Log, NOW, Server, SetClock, Signer, VERIFIER, metadata, reply, rsa, settings, with};
use super::*;
use crate::flow::audit::CallOutcome;
use crate::flow::ports::{Authentication, UnixTime};

async fn exchange(provider: &Provider) -> Result<SignedIn, ExchangeError> {
    let (code, code_verifier, nonce) = (Secret::new("c"), Secret::new(VERIFIER), Secret::new("n"));
    let redirect_uri = "https://app.example/oauth2/callback";
    provider
        .exchange(CodeExchange { code: &code, redirect_uri, code_verifier: &code_verifier, nonce: &nonce })
        .await
}

/// Fetches new keys as for a token from the token endpoint.
async fn fetch_keys(provider: &Provider) {
    provider
        .fetch_new_documents(&provider.known.load_full().unwrap(), &provider.key_fetches.token_endpoint, true)
        .await;
}

fn answer(id_token: &str, expires_in: u64) -> Value {
    json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token, "expires_in": expires_in})
}

#[tokio::test]
async fn code_exchange_returns_user_and_the_earliest_expiry() {
    let fixture = fixture().await;
    let token = fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &json!({}));
    for (expires_in, end) in [(30, 30), (3000, 300), (u64::MAX, 300)] {
        fixture.responses.issue_tokens(&answer(&token, expires_in));
        let signed_in = exchange(&fixture.provider).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(signed_in.subject, "alice");
        assert_eq!(signed_in.tokens.id_token.expose(), token);
        assert_eq!(signed_in.tokens.expires_at, NOW.plus(Duration::from_secs(end)));
    }
    assert!(fixture.provider.end_session_endpoint().unwrap().path().ends_with("/logout"));
    assert_eq!(fixture.calls.count(ProviderCall::CodeExchange, CallOutcome::Answered), 3);
    assert_eq!(fixture.calls.count(ProviderCall::Keys, CallOutcome::Answered), 1);
}

#[tokio::test]
async fn id_token_says_when_and_how_the_user_authenticated() {
    let fixture = fixture().await;
    let claims = json!({"auth_time": NOW.0 - 9, "acr": "2"});
    let token = fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &claims);
    fixture.responses.issue_tokens(&answer(&token, 30));
    let tokens = exchange(&fixture.provider).await.unwrap_or_else(|error| panic!("{error}")).tokens;
    let auth_time = Some(UnixTime(NOW.0 - 9));
    assert_eq!(tokens.authentication, Authentication { auth_time, acr: Some("2".to_owned()) });
}

#[tokio::test]
async fn code_exchange_returns_the_expiry_of_the_refresh_token() {
    let fixture = fixture().await;
    let token = fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &json!({}));
    for (given, end) in [(json!(1800), Some(1800)), (json!(0), None), (json!(null), None)] {
        fixture.responses.issue_tokens(&with(&answer(&token, 30), &json!({"refresh_expires_in": given})));
        let tokens = exchange(&fixture.provider).await.unwrap_or_else(|error| panic!("{error}")).tokens;
        assert_eq!(tokens.refresh_expires_at, end.map(|end| NOW.plus(Duration::from_secs(end))), "{given}");
    }
}

#[tokio::test]
async fn invalid_id_token_fails_the_exchange_with_the_reason() {
    let fixture = fixture().await;
    let token = fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &json!({"nonce": "other"}));
    fixture.responses.issue_tokens(&answer(&token, 30));
    let Err(ExchangeError::ProviderMisbehaved(why)) = exchange(&fixture.provider).await else {
        panic!("it was accepted")
    };
    assert_eq!(why, IdTokenError::WrongNonce.to_string());
    fixture.responses.issue_tokens(&with(&answer("", 30), &json!({"id_token": null})));
    let Err(ExchangeError::ProviderMisbehaved(why)) = exchange(&fixture.provider).await else {
        panic!("accepted without an ID token")
    };
    assert_eq!(why, NO_ID_TOKEN);
    fixture.responses.issue_tokens(&json!({"error": "invalid_grant"}));
    assert!(matches!(exchange(&fixture.provider).await, Err(ExchangeError::CodeRefused(_))));
    assert_eq!(fixture.calls.count(ProviderCall::CodeExchange, CallOutcome::Refused), 1);
}

#[tokio::test]
async fn expired_tokens_within_the_leeway_begin_no_session() {
    let fixture = fixture().await;
    let header = json!({"alg": "RS256", "kid": "k"});
    for (exp, expires_in, good) in [(0, 30, false), (-59, 30, false), (300, 0, false), (1, 1, true)] {
        let token = fixture.token(rsa(), &header, &json!({"exp": NOW.0.saturating_add_signed(exp)}));
        fixture.responses.issue_tokens(&answer(&token, expires_in));
        match exchange(&fixture.provider).await {
            Ok(_) => assert!(good, "{exp} {expires_in}"),
            Err(ExchangeError::ClocksDiffer(why)) => assert!(!good && why.contains("clocks"), "{why}"),
            Err(error) => panic!("{error}"),
        }
    }
    fixture.responses.issue_tokens(&answer(&fixture.token(rsa(), &header, &json!({"iat": NOW.0 + 61})), 30));
    assert!(matches!(exchange(&fixture.provider).await, Err(ExchangeError::ClocksDiffer(_))));
}

#[tokio::test]
async fn response_with_another_time_is_logged_as_a_warning() {
    let log = Log::default();
    let _guard = log.listen();
    let fixture = fixture().await;
    assert!(!log.text().contains("WARN"), "no Date, no warning: {}", log.text());
    let late = reply(500, "").replace("content-type", "date: Fri, 15 Jan 2027 09:00:00 GMT\r\ncontent-type");
    fixture.responses.respond_at("certs", late);
    fetch_keys(&fixture.provider).await;
    assert!(log.text().contains("2027-01-15T09:00:00Z"), "{}", log.text());
}

#[tokio::test]
async fn slow_exchanges_do_not_block_key_fetches() {
    let fixture = fixture().await;
    let permits: Vec<_> = (0..64).map(|_| fixture.provider.exchanges.acquire_permit()).collect();
    let held = join_all(permits).await;
    fetch_keys(&fixture.provider).await;
    assert_eq!(fixture.calls.count(ProviderCall::Keys, CallOutcome::Answered), 2);
    assert_eq!(held.len(), 64);
}

#[tokio::test]
async fn new_key_is_fetched_for_a_token_with_or_without_kid() {
    for header in [json!({"alg": "ES256", "kid": "new"}), json!({"alg": "ES256"})] {
        let fixture = fixture().await;
        fixture.responses.publish(&[Signer::p256().named("old")]);
        fetch_keys(&fixture.provider).await;
        fixture.clock.0.fetch_add(30, Ordering::SeqCst);
        let new = Signer::p256();
        fixture.responses.publish(&[new.named("new")]);
        fixture.responses.issue_tokens(&answer(&fixture.token(&new, &header, &json!({})), 30));
        let at_once = join_all((0..5).map(|_| exchange(&fixture.provider))).await;
        assert!(at_once.iter().all(Result::is_ok), "every waiting exchange uses the fetched keys: {header}");
        assert_eq!(fixture.fetches(), 3);
    }
}

#[tokio::test]
async fn sign_in_waits_for_the_first_load_and_for_no_later_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let (provider, _, _) = provider(&issuer);
    assert!(provider.first_answer().now_or_never().is_none(), "nothing is loaded yet");
    let waiting = tokio::spawn({
        let provider = Arc::clone(&provider);
        async move { provider.first_answer().await }
    });
    tokio::spawn(Arc::clone(&provider).keep_fresh());
    let (connection, _) = listener.accept().await.unwrap();
    assert!(!waiting.is_finished(), "the load has not ended");
    drop(connection);
    waiting.await.unwrap();
    assert!(matches!(provider.state(), ProviderState::Unavailable(_)), "the load failed");
    assert!(provider.first_answer().now_or_never().is_some());
}

#[tokio::test]
async fn ten_thousand_unknown_keys_cause_at_most_two_fetches() {
    let fixture = fixture().await;
    let expected = Expectations {
        issuer: "i",
        client_id: "c",
        audience: "c",
        trusted_audiences: &[],
        leeway: Duration::ZERO,
        nonce: Some("n"),
        access_token: "a",
    };
    let token = |kid: usize| {
        let header = json!({"alg": "RS256", "kid": kid.to_string()}).to_string();
        format!("{}.e30.AA", testing::base64(header))
    };
    let known = fixture.provider.known.load_full().unwrap();
    for round in 0..10 {
        let tokens: Vec<String> = (0..1000).map(|kid| token(round * 1000 + kid)).collect();
        let results =
            join_all(tokens.iter().map(|token| fixture.provider.verify_id_token(&known, token, &expected)))
                .await;
        assert!(results.iter().all(Result::is_err));
        // Also if the caller has the newest keys.
        let newest = fixture.provider.known.load_full().unwrap();
        assert!(fixture.provider.verify_id_token(&newest, &token(round), &expected).await.is_err());
    }
    assert_eq!(fixture.fetches(), 2);
    let newest = fixture.provider.known.load_full().unwrap();
    fixture.clock.0.fetch_add(30, Ordering::SeqCst);
    assert!(fixture.provider.verify_id_token(&known, &token(0), &expected).await.is_err());
    assert_eq!(fixture.fetches(), 2, "a caller with old keys uses the loaded ones");
    assert!(fixture.provider.verify_id_token(&newest, &token(0), &expected).await.is_err());
    assert_eq!(fixture.fetches(), 3, "after 30 seconds another fetch is allowed");
}

#[tokio::test]
async fn keys_that_cannot_be_loaded_again_stay_in_use() {
    let fixture = fixture().await;
    fixture.responses.break_keys();
    let unknown = fixture.token(rsa(), &json!({"alg": "RS256", "kid": "new"}), &json!({}));
    fixture.responses.issue_tokens(&answer(&unknown, 30));
    assert!(exchange(&fixture.provider).await.is_err());
    assert_eq!(fixture.calls.count(ProviderCall::Keys, CallOutcome::Failed), 1);
    fixture
        .responses
        .issue_tokens(&answer(&fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &json!({})), 30));
    assert!(exchange(&fixture.provider).await.is_ok());
    assert_eq!(fixture.provider.state(), ProviderState::Ready);
}

#[tokio::test]
async fn provider_down_at_start_is_used_on_recovery_and_logged_once() {
    let log = Log::default();
    let _guard = log.listen();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let issuer = format!("http://{address}");
    let (provider, _, calls) = provider(&issuer);
    tokio::spawn(Arc::clone(&provider).keep_fresh());
    until("two tries", || calls.count(ProviderCall::Discovery, CallOutcome::Failed) >= 2).await;
    let ProviderState::Unavailable(why) = provider.state() else { panic!("the provider is down") };
    assert!(why.contains(&format!("{address} cannot be reached")), "{why}");
    assert!(matches!(exchange(&provider).await, Err(ExchangeError::ProviderUnavailable(_))));
    let responses = Responses::default();
    responses.publish(&[rsa().named("k")]);
    responses.respond_at("openid-configuration", reply(200, &metadata(&issuer).to_string()));
    let _server =
        Server::on(TcpListener::bind(address).await.unwrap(), move |request| responses.answer(request));
    until("recovery", || provider.state() == ProviderState::Ready).await;
    let log = log.text();
    let ours: Vec<&str> = log.lines().filter(|line| line.contains("foregate::provider")).collect();
    let levels: Vec<&str> = ours.iter().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(levels, ["WARN", "INFO"], "{log}");
}

#[tokio::test]
async fn without_discovery_only_configured_endpoints_are_called() {
    let fixture = fixture().await;
    let at = |path: &str| {
        Some(Url::parse(&format!("{}/protocol/openid-connect/{path}", fixture.server.origin)).unwrap())
    };
    let endpoints = Endpoints {
        authorization: Url::parse("https://login.example/authorize").ok(),
        token: at("token"),
        jwks: at("certs"),
        ..Endpoints::default()
    };
    let before = fixture.server.requests("").len();
    let settings = ProviderSettings { discovery: false, endpoints, ..settings(&fixture.server.origin) };
    let calls = Arc::new(Calls::default());
    let provider = Provider::new(settings, Arc::clone(&calls) as _, SetClock::new()).unwrap();
    tokio::spawn(Arc::clone(&provider).keep_fresh());
    until("ready", || provider.state() == ProviderState::Ready).await;
    fixture
        .responses
        .issue_tokens(&answer(&fixture.token(rsa(), &json!({"alg": "RS256", "kid": "k"}), &json!({})), 30));
    assert!(exchange(&provider).await.is_ok());
    assert_eq!(fixture.server.requests("openid-configuration").len(), 1, "the request of the other client");
    assert_eq!(fixture.server.requests("").len(), before + 2);
    assert_eq!(calls.count(ProviderCall::Discovery, CallOutcome::Answered), 0);
}

#[tokio::test]
async fn provider_with_another_issuer_is_unavailable_and_both_are_named() {
    let server = Server::start(|_| reply(200, &metadata("https://other.example").to_string())).await;
    let (provider, _, calls) = provider(&server.origin);
    tokio::spawn(Arc::clone(&provider).keep_fresh());
    until("a try", || calls.count(ProviderCall::Discovery, CallOutcome::Failed) >= 1).await;
    let ProviderState::Unavailable(why) = provider.state() else { panic!("the issuer was accepted") };
    assert!(why.contains(&server.origin) && why.contains("https://other.example"), "{why}");
    let nonce = Secret::new("n");
    let request = AuthenticationRequest {
        account: crate::flow::ports::Account::Known,
        redirect_uri: "https://app.example/oauth2/callback",
        state: "s",
        nonce: &nonce,
        code_verifier: &Secret::new(VERIFIER),
    };
    assert_eq!(
        provider.authentication_url(&request).unwrap_err(),
        ProviderUnavailable { why, is_about_settings: true }
    );
}

#[tokio::test]
async fn response_issuer_is_compared_and_required_if_announced() {
    let fixture = fixture().await;
    let issuer = fixture.server.origin.clone();
    assert_eq!(fixture.provider.check_response_issuer(Some(&issuer)), Ok(()));
    let got = |iss| fixture.provider.check_response_issuer(iss).unwrap_err().got;
    assert_eq!(got(None), "nothing");
    assert_eq!(got(Some("https://evil.example/\n")), "https://evil.example/");
    let (silent, _, _) = provider(&issuer);
    assert_eq!(silent.check_response_issuer(None), Ok(()));
    assert!(silent.check_response_issuer(Some("https://evil.example")).is_err());
    let more = with(&metadata(&issuer), &json!({"authorization_response_iss_parameter_supported": null}));
    fixture.responses.respond_at("openid-configuration", reply(200, &more.to_string()));
    tokio::spawn(Arc::clone(&silent).keep_fresh());
    until("ready", || silent.state() == ProviderState::Ready).await;
    assert_eq!(silent.check_response_issuer(None), Ok(()));
}

#[test]
fn unusable_ca_certificate_is_rejected_at_construction() {
    let refused = |settings| {
        let error = Provider::new(settings, Arc::new(Calls::default()), SetClock::new()).err();
        error.map(|error| error.to_string())
    };
    let good = "https://kc.example";
    let with_ca = ProviderSettings { ca_pem: Some(b"not PEM".to_vec()), ..settings(good) };
    assert!(refused(with_ca).unwrap().contains("certificate"));
    assert_eq!(refused(settings(good)), None);
}

#[test]
fn algorithm_names_parse_to_the_same_name() {
    for name in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        assert_eq!(Algorithm::parse(name).unwrap().as_str(), name);
    }
    assert!(Algorithm::parse("none").is_none() && Algorithm::parse("rs256").is_none());
}
