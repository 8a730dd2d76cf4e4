//! What more does the provider say about a person whom an ID token vouches for?
//!
//! 1. The access token goes in the `Authorization` field, never in the URL (RFC 6750 §2.1).
//! 2. The answer is JSON of at most 64 KiB; a signed one (`application/jwt`) is refused by name.
//! 3. Its `sub` is the ID token's, or nothing of it is used (OpenID Connect Core §5.3.2).
//! 4. It fills gaps: what the ID token says stays. `email_verified` and `phone_number_verified` come along only with the
//!    address or number that they are about.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use thiserror::Error;
use url::Url;

use super::http::{Http, HttpError, get_request};
use super::id_token::Verified;
use super::json_object::UniqueJsonObject;
use crate::access::claims::Claims;
use crate::flow::ports::ExchangeError;
use crate::secret::Secret;

const MAX_BYTES: usize = 64 * 1024;

/// Why nothing more is known.
#[derive(Debug, Error)]
enum UserinfoError {
    #[error("userinfo: {0}")]
    Call(#[from] HttpError),
    #[error("userinfo answered {0}")]
    Status(StatusCode),
    #[error(
        "userinfo answered with a signed token (application/jwt), which is not read; let the provider answer this client \
         with plain JSON, or set provider.userinfo = false"
    )]
    Signed,
    #[error("userinfo did not answer with application/json")]
    NotJson,
    #[error("userinfo's answer is not a JSON object with each member once")]
    Unreadable,
    #[error("userinfo's sub is not that of the ID token")]
    SomebodyElse,
    #[error("the access token cannot be carried in a header")]
    UnfitToken,
}

/// Asks, and gives the ID token's claims with the gaps filled (OpenID Connect Core §5.3).
pub(super) async fn fill(
    http: &Http,
    url: &Url,
    access_token: &Secret,
    verified: Verified,
) -> Result<Verified, ExchangeError> {
    let more = ask(http, url, access_token, &verified.subject).await.map_err(|error| error.classify())?;
    Ok(Verified { claims: filled(verified.claims, more), ..verified })
}

async fn ask(http: &Http, url: &Url, access_token: &Secret, subject: &str) -> Result<Claims, UserinfoError> {
    let mut request = get_request(url)?;
    let bearer = HeaderValue::try_from(format!("Bearer {}", access_token.expose()));
    let mut bearer = bearer.map_err(|_| UserinfoError::UnfitToken)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let response = http.send(request, MAX_BYTES).await?;
    if response.status() != StatusCode::OK {
        return Err(UserinfoError::Status(response.status()));
    }
    is_json(response.headers())?;
    let members = UniqueJsonObject::read(response.body()).ok_or(UserinfoError::Unreadable)?;
    if members.text("sub") != Some(subject) {
        return Err(UserinfoError::SomebodyElse);
    }
    Ok(members.into_claims())
}

fn is_json(headers: &HeaderMap) -> Result<(), UserinfoError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(()),
        "application/jwt" => Err(UserinfoError::Signed),
        _ => Err(UserinfoError::NotJson),
    }
}

/// Claims that another claim verifies (OpenID Connect Core §5.1).
const VERIFIED_BY: [(&str, &str); 2] =
    [("email", "email_verified"), ("phone_number", "phone_number_verified")];

/// What userinfo says fills what the ID token lacks; a value is verified only by the source that it comes from.
fn filled(mut claims: Claims, mut more: Claims) -> Claims {
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

    async fn filled_by(answer: String) -> Result<Claims, ExchangeError> {
        let server = Server::start(move |_| answer.clone()).await;
        let id_token = json!({"sub": "1", "name": "Alice", "email": "alice@example.com"});
        let verified = Verified {
            subject: "1".to_owned(),
            issued_at: NOW,
            expires_at: NOW,
            authentication: Authentication::default(),
            claims: claims(&id_token),
        };
        let url = Url::parse(&format!("{}/userinfo", server.origin)).unwrap();
        let filled = fill(&http(Duration::from_secs(5)), &url, &Secret::new("s3cret"), verified).await;
        let request = server.requests("GET /userinfo HTTP").remove(0);
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
    async fn gaps_are_filled_and_the_id_token_stands() {
        let more = json!({"sub": "1", "name": "Mallory", "upn": "alice", "_claim_names": null});
        let claims = filled_by(reply(200, &more.to_string())).await.unwrap();
        assert_eq!(text(&claims, "name").unwrap(), "Alice");
        assert_eq!(text(&claims, "upn").unwrap(), "alice");
    }

    #[test]
    fn an_address_of_userinfo_is_not_verified_by_the_id_token() {
        let token = claims(&json!({"sub": "1", "email_verified": true}));
        let more = claims(&json!({"sub": "1", "email": "ceo@example.com", "email_verified": false}));
        assert_eq!(filled(token.clone(), more).get("email_verified"), Some(&Claim::Flag(false)));
        let silent = claims(&json!({"sub": "1", "email": "ceo@example.com"}));
        assert_eq!(filled(token, silent).get("email_verified"), None);
    }

    #[tokio::test]
    async fn an_address_is_not_verified_by_what_is_said_of_another() {
        for (email, comes_along) in
            [(json!("mallory@example.com"), false), (json!(null), false), (json!("alice@example.com"), true)]
        {
            let more = json!({"sub": "1", "email": email, "email_verified": true});
            let claims = filled_by(reply(200, &more.to_string())).await.unwrap();
            assert_eq!(text(&claims, "email").unwrap(), "alice@example.com");
            assert_eq!(claims.contains_key("email_verified"), comes_along, "{email}");
        }
    }

    #[test]
    fn phone_number_is_not_verified_by_what_is_said_of_another() {
        let token = claims(&json!({"sub": "1", "phone_number": "+1 555 0100"}));
        let other = json!({"sub": "1", "phone_number": "+1 555 0199", "phone_number_verified": true});
        assert_eq!(filled(token.clone(), claims(&other)).get("phone_number_verified"), None);
        let same = json!({"sub": "1", "phone_number": "+1 555 0100", "phone_number_verified": true});
        assert_eq!(filled(token, claims(&same)).get("phone_number_verified"), Some(&Claim::Flag(true)));
        let vouched = claims(&json!({"sub": "1", "phone_number_verified": true}));
        let number = claims(&json!({"sub": "1", "phone_number": "+1 555 0199"}));
        assert_eq!(filled(vouched, number).get("phone_number_verified"), None);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_a_rule_is_not_used() {
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
            (reply(200, &" ".repeat(MAX_BYTES + 1)), "more than 65536 bytes"),
        ] {
            let Err(ExchangeError::ProviderMisbehaved(why)) = filled_by(answer).await else {
                panic!("{words}")
            };
            assert!(why.contains(words) && !why.contains("s3cret"), "{why}");
        }
        assert!(filled_by(kind("Application/JSON; charset=utf-8")).await.is_ok());
        for status in [500, 429] {
            let error = filled_by(reply(status, "")).await;
            assert!(matches!(error, Err(ExchangeError::ProviderUnavailable(_))), "{status}");
        }
    }
}
