//! Claims from the userinfo endpoint
//!
//! 1. The access token is sent in the `Authorization` field, never in the URL (RFC 6750 §2.1).
//! 2. The response is JSON of at most 64 KiB. A signed response (`application/jwt`) is rejected with its own error.
//! 3. Its `sub` must be that of the ID token; otherwise the response is not used (OpenID Connect Core §5.3.2).
//! 4. It only adds claims that the ID token lacks. `email_verified` and `phone_number_verified` are only used for the
//!    address or number that they refer to.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use thiserror::Error;
use url::Url;

use super::http::{Http, HttpError, get_request};
use super::id_token::Verified;
use super::json_object::UniqueJsonObject;
use crate::access::claims::Claims;
use crate::access::quoted::quoted;
use crate::flow::ports::ExchangeError;
use crate::secret::Secret;

const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The reason why userinfo returned no claims.
#[derive(Debug, Error)]
enum UserinfoError {
    #[error("userinfo: {0}")]
    Call(#[from] HttpError),
    #[error("userinfo answered {0}")]
    Status(StatusCode),
    #[error("userinfo at {at} answered 404 Not Found; {remedy}")]
    NotFound { at: String, remedy: &'static str },
    #[error(
        "userinfo answered with a signed token (application/jwt), which is not supported; configure the provider to \
         answer this client with plain JSON, or set provider.userinfo = false"
    )]
    Signed,
    #[error("userinfo did not answer with application/json")]
    NotJson,
    #[error("userinfo's response is not a JSON object with each member once")]
    Unreadable,
    #[error("userinfo's sub is not that of the ID token")]
    WrongSubject,
    #[error("the access token contains characters that are not allowed in a header")]
    InvalidToken,
}

/// The endpoint of userinfo.
pub(super) struct UserinfoEndpoint<'a> {
    pub(super) url: &'a Url,
    /// Whether the settings name it. Otherwise the provider announces it.
    pub(super) is_configured: bool,
}

impl UserinfoEndpoint<'_> {
    /// Returns the error of an endpoint that does not exist. A query is left out, because it may be secret.
    fn not_found(&self) -> UserinfoError {
        let host = self.url.host_str().unwrap_or_default();
        let remedy = if self.is_configured {
            "check provider.endpoints.userinfo"
        } else {
            "the provider announces this address; if it is wrong, set provider.endpoints.userinfo"
        };
        UserinfoError::NotFound { at: quoted(&format!("{host}{}", self.url.path())), remedy }
    }
}

/// Requests userinfo and returns the ID token with the added claims (OpenID Connect Core §5.3).
pub(super) async fn fetch_and_merge(
    http: &Http,
    endpoint: &UserinfoEndpoint<'_>,
    access_token: &Secret,
    verified: Verified,
) -> Result<Verified, ExchangeError> {
    let more =
        fetch(http, endpoint, access_token, &verified.subject).await.map_err(|error| error.classify())?;
    Ok(Verified { claims: merge(verified.claims, more), ..verified })
}

async fn fetch(
    http: &Http,
    endpoint: &UserinfoEndpoint<'_>,
    access_token: &Secret,
    subject: &str,
) -> Result<Claims, UserinfoError> {
    let mut request = get_request(endpoint.url)?;
    let bearer = HeaderValue::try_from(format!("Bearer {}", access_token.expose()));
    let mut bearer = bearer.map_err(|_| UserinfoError::InvalidToken)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let response = http.send(request, MAX_RESPONSE_BYTES).await?;
    if response.status() == StatusCode::NOT_FOUND {
        return Err(endpoint.not_found());
    }
    if response.status() != StatusCode::OK {
        return Err(UserinfoError::Status(response.status()));
    }
    check_content_type(response.headers())?;
    let members = UniqueJsonObject::read(response.body()).ok_or(UserinfoError::Unreadable)?;
    if members.text("sub") != Some(subject) {
        return Err(UserinfoError::WrongSubject);
    }
    Ok(members.into_claims())
}

fn check_content_type(headers: &HeaderMap) -> Result<(), UserinfoError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(()),
        "application/jwt" => Err(UserinfoError::Signed),
        _ => Err(UserinfoError::NotJson),
    }
}

/// Claims and the claims that mark them as verified (OpenID Connect Core §5.1).
const VERIFIED_BY: [(&str, &str); 2] =
    [("email", "email_verified"), ("phone_number", "phone_number_verified")];

/// Adds the claims of userinfo that the ID token lacks. Only the source of a value can mark it as verified.
fn merge(mut claims: Claims, mut more: Claims) -> Claims {
    for (value, verified) in VERIFIED_BY {
        if claims.get(value) != more.get(value) {
            let from = if claims.contains_key(value) { &mut more } else { &mut claims };
            from.remove(verified);
        }
    }
    for (name, claim) in more {
        claims.entry(name).or_insert(claim);
    }
    claims
}

impl UserinfoError {
    fn classify(&self) -> ExchangeError {
        let text = self.to_string();
        match self {
            Self::Call(call) if !call.is_misbehaviour() => ExchangeError::ProviderUnavailable(text),
            Self::Status(status) if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS => {
                ExchangeError::ProviderUnavailable(text)
            }
            _ => ExchangeError::ProviderMisbehaved(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::testing::{NOW, Server, http, reply};
    use super::*;
    use crate::access::claims::Claim;
    use crate::flow::ports::Authentication;

    fn claims(object: &Value) -> Claims {
        UniqueJsonObject::read(object.to_string().as_bytes()).unwrap().into_claims()
    }

    async fn merge_response(answer: String) -> Result<Claims, ExchangeError> {
        merge_response_of(answer, false).await
    }

    async fn merge_response_of(answer: String, is_configured: bool) -> Result<Claims, ExchangeError> {
        let server = Server::start(move |_| answer.clone()).await;
        let id_token = json!({"sub": "1", "name": "Alice", "email": "alice@example.com"});
        let verified = Verified {
            subject: "1".to_owned(),
            issued_at: NOW,
            expires_at: NOW,
            authentication: Authentication::default(),
            claims: claims(&id_token),
        };
        let url = Url::parse(&format!("{}/userinfo?key=s3cret", server.origin)).unwrap();
        let endpoint = UserinfoEndpoint { url: &url, is_configured };
        let filled =
            fetch_and_merge(&http(Duration::from_secs(5)), &endpoint, &Secret::new("s3cret"), verified).await;
        let request = server.requests("GET /userinfo?key=s3cret HTTP").remove(0);
        assert!(request.contains("authorization: Bearer s3cret\r\n"), "{request}");
        filled.map(|verified| verified.claims)
    }

    fn text(claims: &Claims, name: &str) -> Option<String> {
        claims.get(name).map(|claim| match claim {
            Claim::Text(text) => text.clone(),
            other => format!("{other:?}"),
        })
    }

    #[tokio::test]
    async fn userinfo_adds_claims_but_does_not_replace_id_token_claims() {
        let more = json!({"sub": "1", "name": "Mallory", "upn": "alice", "_claim_names": null});
        let claims = merge_response(reply(200, &more.to_string())).await.unwrap();
        assert_eq!(text(&claims, "name").unwrap(), "Alice");
        assert_eq!(text(&claims, "upn").unwrap(), "alice");
    }

    #[test]
    fn userinfo_email_is_not_verified_by_the_id_token() {
        let token = claims(&json!({"sub": "1", "email_verified": true}));
        let more = claims(&json!({"sub": "1", "email": "ceo@example.com", "email_verified": false}));
        assert_eq!(merge(token.clone(), more).get("email_verified"), Some(&Claim::Flag(false)));
        let silent = claims(&json!({"sub": "1", "email": "ceo@example.com"}));
        assert_eq!(merge(token, silent).get("email_verified"), None);
    }

    #[tokio::test]
    async fn email_is_not_verified_by_userinfo_with_another_email() {
        for (email, comes_along) in
            [(json!("mallory@example.com"), false), (json!(null), false), (json!("alice@example.com"), true)]
        {
            let more = json!({"sub": "1", "email": email, "email_verified": true});
            let claims = merge_response(reply(200, &more.to_string())).await.unwrap();
            assert_eq!(text(&claims, "email").unwrap(), "alice@example.com");
            assert_eq!(claims.contains_key("email_verified"), comes_along, "{email}");
        }
    }

    #[test]
    fn phone_number_is_not_verified_by_source_of_another_number() {
        let token = claims(&json!({"sub": "1", "phone_number": "+1 555 0100"}));
        let other = json!({"sub": "1", "phone_number": "+1 555 0199", "phone_number_verified": true});
        assert_eq!(merge(token.clone(), claims(&other)).get("phone_number_verified"), None);
        let same = json!({"sub": "1", "phone_number": "+1 555 0100", "phone_number_verified": true});
        assert_eq!(merge(token, claims(&same)).get("phone_number_verified"), Some(&Claim::Flag(true)));
        let vouched = claims(&json!({"sub": "1", "phone_number_verified": true}));
        let number = claims(&json!({"sub": "1", "phone_number": "+1 555 0199"}));
        assert_eq!(merge(vouched, number).get("phone_number_verified"), None);
    }

    #[tokio::test]
    async fn userinfo_that_does_not_exist_is_named_without_its_query() {
        for (is_configured, remedy) in
            [(true, "check provider.endpoints.userinfo"), (false, "the provider announces this address")]
        {
            let error = merge_response_of(reply(404, ""), is_configured).await.err().unwrap().to_string();
            let named = format!("userinfo at 127.0.0.1/userinfo answered 404 Not Found; {remedy}");
            assert!(error.contains(&named) && !error.contains("s3cret"), "{error}");
        }
    }

    #[tokio::test]
    async fn invalid_userinfo_response_is_rejected() {
        let kind = |kind: &str| reply(200, r#"{"sub":"1"}"#).replace("application/json", kind);
        for (answer, words) in [
            (reply(200, r#"{"sub":"1invalid"}"#), "sub is not that"),
            (reply(200, "{}"), "sub is not that"),
            (reply(200, r#"{"sub":["1"]}"#), "sub is not that"),
            (reply(200, r#"{"sub":"1","sub":"1"}"#), "each member once"),
            (reply(200, "[]"), "each member once"),
            (kind("application/jwt"), "signed token"),
            (kind("text/html"), "application/json"),
            (reply(401, ""), "answered 401"),
            (reply(302, ""), "answered 302"),
            (reply(200, &" ".repeat(MAX_RESPONSE_BYTES + 1)), "more than 65536 bytes"),
        ] {
            let Err(ExchangeError::ProviderMisbehaved(why)) = merge_response(answer).await else {
                panic!("{words}")
            };
            assert!(why.contains(words) && !why.contains("s3cret"), "{why}");
        }
        assert!(merge_response(kind("Application/JSON; charset=utf-8")).await.is_ok());
        for status in [500, 429] {
            let error = merge_response(reply(status, "")).await;
            assert!(matches!(error, Err(ExchangeError::ProviderUnavailable(_))), "{status}");
        }
    }
}
