//! Tests of token endpoint requests and of the errors of its responses

use std::time::Duration;

use serde_json::Value;

use super::super::client_assertion::ClientKey;
use super::super::testing::{NOW, Server, VERIFIER, http, reply, settings};
use super::answer::MAX_RESPONSE_BYTES;
use super::*;

const GOOD: &str = r#"{"access_token":"at","token_type":"bEARER","expires_in":30,"refresh_token":"rt","id_token":"a.b.c","x":{}}"#;

async fn send_exchange(server: &Server, settings: &ProviderSettings) -> Result<Tokens, ExchangeError> {
    let http = http(settings.timeout);
    let url = TokenUrl::new(format!("{}/token", server.origin)).unwrap();
    let (code, code_verifier, nonce) = (Secret::new("c0de&x"), Secret::new(VERIFIER), Secret::new("n"));
    let redirect_uri = "https://app.example/oauth2/callback";
    let request = CodeExchange { code: &code, redirect_uri, code_verifier: &code_verifier, nonce: &nonce };
    exchange(&http, settings, &url, NOW, &request).await
}

async fn exchange_with_response(status: u16, body: &'static str) -> Result<Tokens, ExchangeError> {
    let server = Server::start(move |_| reply(status, body)).await;
    let result = send_exchange(&server, &settings("https://kc.example")).await;
    assert_eq!(server.requests("").len(), 1, "a code is sent once");
    result
}

/// Returns a secret with characters that need encoding.
fn secret_to_encode() -> Secret {
    Secret::new("a:b%+ c/ü")
}

/// Returns the `Authorization` and the body that an authentication method sends.
async fn request(method: ClientAuthentication) -> (Option<String>, Vec<(String, String)>) {
    let server = Server::start(|_| reply(200, GOOD)).await;
    let mut settings = settings("https://kc.example");
    settings.client_id = "fore gate".to_owned();
    settings.client_authentication = method;
    assert!(send_exchange(&server, &settings).await.is_ok());
    let request = server.requests("POST /token").remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let authorization = head.lines().find_map(|line| line.strip_prefix("authorization: "));
    let body = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    (authorization.map(str::to_owned), body)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn basic_authentication_encodes_id_and_secret_before_joining() {
    let (authorization, body) = request(ClientAuthentication::Basic(secret_to_encode())).await;
    let encoded = base64_simd::STANDARD.encode_to_string("fore+gate:a%3Ab%25%2B+c%2F%C3%BC");
    assert_eq!(authorization.unwrap(), format!("Basic {encoded}"));
    assert_eq!(
        body,
        [
            pair("grant_type", "authorization_code"),
            pair("code", "c0de&x"),
            pair("code_verifier", VERIFIER),
            pair("redirect_uri", "https://app.example/oauth2/callback"),
        ]
    );
}

#[tokio::test]
async fn post_authentication_sends_id_and_secret_in_the_body() {
    let (authorization, body) = request(ClientAuthentication::Post(secret_to_encode())).await;
    assert_eq!(authorization, None);
    assert!(
        body.contains(&pair("client_id", "fore gate")) && body.contains(&pair("client_secret", "a:b%+ c/ü"))
    );
}

#[tokio::test]
async fn public_client_sends_only_its_id() {
    let (authorization, body) = request(ClientAuthentication::None).await;
    assert_eq!(authorization, None);
    assert!(body.contains(&pair("client_id", "fore gate")));
    assert!(!body.iter().any(|(name, _)| name == "client_secret"));
}

fn client_key() -> ClientKey {
    let der = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
    let der = base64_simd::STANDARD.encode_to_string(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    ClientKey::read(&Secret::new(pem), None).unwrap()
}

#[tokio::test]
async fn a_key_signs_a_new_assertion_for_each_request() {
    let key = client_key();
    let mut seen = Vec::new();
    for (audience, expected) in
        [(None, "https://kc.example"), (Some("https://kc.example/token"), "https://kc.example/token")]
    {
        let audience = audience.map(str::to_owned);
        let (authorization, body) =
            request(ClientAuthentication::PrivateKey { key: key.clone(), audience }).await;
        assert_eq!(authorization, None);
        assert!(body.contains(&pair("client_id", "fore gate")));
        assert!(body.contains(&pair("client_assertion_type", ASSERTION_TYPE)));
        assert!(!body.iter().any(|(name, _)| name == "client_secret"));
        let (_, assertion) = body.into_iter().find(|(name, _)| name == "client_assertion").unwrap();
        let claims =
            base64_simd::URL_SAFE_NO_PAD.decode_to_vec(assertion.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((claims["aud"].as_str(), claims["sub"].as_str()), (Some(expected), Some("fore gate")));
        assert!(!seen.contains(&claims["jti"]));
        seen.push(claims["jti"].clone());
    }
}

#[tokio::test]
async fn code_exchange_returns_tokens_unchanged() {
    let tokens = exchange_with_response(200, GOOD).await.ok().unwrap();
    assert_eq!(tokens.id_token.unwrap().expose(), "a.b.c");
    assert_eq!(tokens.access_token.expose(), "at");
    assert_eq!(tokens.refresh_token.unwrap().expose(), "rt");
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(30)));
    let least =
        exchange_with_response(200, r#"{"access_token":"at","token_type":"Bearer","id_token":"a.b.c"}"#)
            .await
            .ok()
            .unwrap();
    assert!(least.refresh_token.is_none() && least.expires_in.is_none());
}

#[tokio::test]
async fn unreadable_or_negative_expires_in_counts_as_absent() {
    let seconds = |lifetime: &str| {
        let body = r#"{"access_token":"at","token_type":"Bearer","id_token":"a.b.c","expires_in":"#;
        let body: &'static str = format!("{body}{lifetime}}}").leak();
        async move {
            exchange_with_response(200, body).await.map(|tokens| tokens.expires_in.map(|time| time.as_secs()))
        }
    };
    assert_eq!(seconds("\"3599\"").await.unwrap(), Some(3599));
    assert_eq!(seconds("0").await.unwrap(), Some(0));
    let unreadable =
        ["null", "\"\"", "\"soon\"", "\"+5\"", "3.5", "1e300", "[]", "{}", "true", "18446744073709551616"];
    for none in unreadable.into_iter().chain(["-1", "\"-1\"", "-1e300", "-0.5"]) {
        assert_eq!(seconds(none).await.unwrap(), None, "{none}");
    }
}

#[tokio::test]
async fn member_that_is_not_used_may_have_any_type() {
    for odd in ["[\"openid\"]", "7", "null", "{\"a\":[1]}", "true", "\"\""] {
        let used = r#""access_token":"at","token_type":"Bearer","id_token":"a.b.c","refresh_token":"rt""#;
        let body = format!(
            r#"{{{used},"scope":{odd},"session_state":{odd},"refresh_expires_in":{odd},"not-before-policy":{odd},"x":{odd}}}"#
        );
        let tokens = exchange_with_response(200, body.leak()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(tokens.refresh_token.unwrap().expose(), "rt", "{odd}");
    }
}

#[tokio::test]
async fn member_that_fails_is_named_without_its_value() {
    let good = [("access_token", "\"at\""), ("token_type", "\"Bearer\""), ("id_token", "\"a.b.c\"")];
    for name in ["access_token", "token_type", "id_token", "refresh_token"] {
        for odd in ["4711", "[\"s3cret\"]", "{}", "true"] {
            let others = good.iter().filter(|(other, _)| *other != name);
            let members: Vec<_> = others.map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let body = format!("{{{},\"{name}\":{odd}}}", members.join(","));
            let error = exchange_with_response(200, body.leak()).await.err().unwrap().to_string();
            assert!(
                error.contains(&format!("{name} in the token endpoint's response is not text")),
                "{error}"
            );
            assert!(!error.contains("s3cret") && !error.contains("4711"), "{error}");
        }
    }
    let error = exchange_with_response(200, r#"{"token_type":"Bearer"}"#).await.err().unwrap().to_string();
    assert!(error.contains("has no access_token"), "{error}");
    for none in ["null", "\"\""] {
        let body = format!(r#"{{"access_token":"at","token_type":"Bearer","refresh_token":{none}}}"#);
        assert!(exchange_with_response(200, body.leak()).await.ok().unwrap().refresh_token.is_none());
    }
}

#[tokio::test]
async fn code_exchange_error_names_the_responsible_party() {
    let why = |error: ExchangeError| match error {
        ExchangeError::ProviderUnavailable(_) => "unavailable",
        ExchangeError::CodeRefused(_) => "code",
        ExchangeError::ClientRefused(_) => "client",
        ExchangeError::ProviderMisbehaved(_) => "misbehaved",
        ExchangeError::Misconfigured(_) => "misconfigured",
        ExchangeError::InsufficientAuthentication(_) => "insufficient",
        ExchangeError::ClocksDiffer(_) => "clocks",
    };
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_grant","error_description":"Code not valid"}"#, "code"),
        (
            200,
            r#"{"error":"invalid_grant","access_token":"a","token_type":"Bearer","id_token":"a.b.c"}"#,
            "code",
        ),
        (200, r#"{"error":7,"access_token":"a","token_type":"Bearer","id_token":"a.b.c"}"#, "misbehaved"),
        (401, r#"{"error":"invalid_client"}"#, "client"),
        (400, r#"{"error":"invalid_client"}"#, "client"),
        (
            401,
            r#"{"error":"unauthorized_client","error_description":"Invalid client credentials"}"#,
            "client",
        ),
        (401, "", "client"),
        (500, r#"{"error":"invalid_grant"}"#, "unavailable"),
        (503, "<html>", "unavailable"),
        (429, "", "unavailable"),
        (400, r#"{"error":"invalid_request"}"#, "client"),
        (400, r#"{"error":"invalid_scope"}"#, "client"),
        (400, r#"{"error":"unsupported_grant_type"}"#, "client"),
        (400, r#"{"error":"temporarily_unavailable"}"#, "unavailable"),
        (404, "", "misbehaved"),
        (302, "", "misbehaved"),
        (200, "", "misbehaved"),
        (200, "{}", "misbehaved"),
        (200, r#"{"access_token":"a","token_type":"mac","id_token":"a.b.c"}"#, "misbehaved"),
        (200, r#"{"access_token":"a","token_type":"Bearer","id_token":{}}"#, "misbehaved"),
        (200, r#"["access_token"]"#, "misbehaved"),
        (
            200,
            r#"{"scope":"a","scope":"b","access_token":"a","token_type":"Bearer","id_token":"a.b.c"}"#,
            "misbehaved",
        ),
        (
            200,
            r#"{"access_token":"a","token_type":"Bearer","id_token":"a.b.c","id_token":"d.e.f"}"#,
            "misbehaved",
        ),
    ] {
        assert_eq!(
            exchange_with_response(status, body).await.err().map(why),
            Some(expected),
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn refused_client_names_the_settings_of_its_method() {
    let key = ClientAuthentication::PrivateKey { key: client_key(), audience: None };
    let secret = || Secret::new("s3cret");
    for (method, code, words) in [
        (
            ClientAuthentication::Basic(secret()),
            "invalid_client",
            "authentication (client_secret_basic is set)",
        ),
        (
            ClientAuthentication::Post(secret()),
            "invalid_client",
            "the client secret is wrong, or the provider",
        ),
        (key, "invalid_client", "provider.client_key_id and provider.client_assertion_audience"),
        (
            ClientAuthentication::None,
            "invalid_client",
            "provider.client_id is wrong, or the provider expects",
        ),
        (ClientAuthentication::None, "invalid_scope", "; remove the scope from provider.scopes"),
        (ClientAuthentication::None, "unsupported_grant_type", "; allow the authorization code"),
        (ClientAuthentication::Post(secret()), "invalid_request", "invalid_request"),
    ] {
        let server = Server::start(move |_| reply(400, &format!(r#"{{"error":"{code}"}}"#))).await;
        let settings = ProviderSettings { client_authentication: method, ..settings("https://kc.example") };
        let error = send_exchange(&server, &settings).await.err().unwrap().to_string();
        assert!(error.starts_with("the provider refused this client: ") && error.contains(words), "{error}");
        assert_eq!(error.contains("client_id"), code == "invalid_client", "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn token_response_without_json_content_type_is_rejected() {
    for (kind, good) in
        [("application/json;charset=utf-8", true), ("text/html", false), ("application/jwt", false)]
    {
        let server = Server::start(move |_| reply(200, GOOD).replace("application/json", kind)).await;
        match send_exchange(&server, &settings("https://kc.example")).await {
            Ok(_) => assert!(good, "{kind}"),
            Err(error) => {
                assert!(!good && matches!(error, ExchangeError::ProviderMisbehaved(_)), "{kind} {error}");
            }
        }
    }
}

#[tokio::test]
async fn error_description_is_shortened_and_has_no_control_characters() {
    let error = exchange_with_response(
        400,
        r#"{"error":"invalid_grant","error_description":"no\r\nfake: line\u001b[2J"}"#,
    )
    .await;
    assert_eq!(
        error.err().unwrap().to_string(),
        "the provider refused the code: the token endpoint answered 400 Bad Request invalid_grant nofake: line[2J"
    );
    let long = format!(r#"{{"error":"invalid_grant","error_description":"{}"}}"#, "x".repeat(5000)).leak();
    assert!(exchange_with_response(400, long).await.err().unwrap().to_string().len() < 1200);
}

#[tokio::test]
async fn unreadable_token_response_is_not_part_of_the_error() {
    let error = exchange_with_response(
        200,
        r#"{"access_token":["s3cret"],"token_type":"Bearer","id_token":"a.b.c"}"#,
    )
    .await;
    assert!(!format!("{:?}", error.err().unwrap()).contains("s3cret"));
}

#[tokio::test]
async fn unreachable_or_disconnecting_provider_is_unavailable() {
    let mut gone = Server::start(|_| String::new()).await;
    let hung_up = send_exchange(&gone, &settings("https://kc.example")).await.err();
    assert!(matches!(hung_up, Some(ExchangeError::ProviderUnavailable(_))));
    "http://127.0.0.1:1".clone_into(&mut gone.origin);
    let refused = send_exchange(&gone, &settings("https://kc.example")).await.err();
    assert!(matches!(refused, Some(ExchangeError::ProviderUnavailable(_))));
}

#[tokio::test]
async fn oversized_token_response_is_misbehaviour() {
    let server = Server::start(|_| reply(200, &" ".repeat(MAX_RESPONSE_BYTES + 1))).await;
    let error = send_exchange(&server, &settings("https://kc.example")).await.err();
    assert!(matches!(error, Some(ExchangeError::ProviderMisbehaved(_))));
}
