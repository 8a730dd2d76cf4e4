//! Userinfo endpoint (Core §5.3)

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::faulty::Active;
use super::reply::{self, Failure};
use crate::claims;
use crate::fault::Fault;
use crate::fault::userinfo::Act;
use crate::jwt::{self, Kind};
use crate::settings::User;
use crate::shared::Shared;
use crate::store::Grant;

const INVALID_TOKEN: &str = r#"Bearer realm="dev-provider", error="invalid_token""#;

pub(super) async fn userinfo(
    State(shared): State<Arc<Shared>>,
    Extension(Active(faults)): Extension<Active>,
    headers: HeaderMap,
) -> Response {
    shared.count(|observed| &mut observed.userinfo);
    let Some(token) = bearer(&headers) else {
        return unauthorized(r#"Bearer realm="dev-provider""#);
    };
    match user(&shared, token, shared.now()) {
        Some((user, grant)) => {
            let claims = claims::userinfo(user, &grant.scope, &shared.settings.shape);
            respond(&shared, claims, &grant.client_id, &faults)
        }
        None => unauthorized(INVALID_TOKEN),
    }
}

fn respond(shared: &Shared, mut claims: Map<String, Value>, client_id: &str, faults: &[Fault]) -> Response {
    let mut signed = false;
    for fault in faults {
        if let Fault::Userinfo(fault) = fault {
            match fault.act() {
                Act::Claims(change) => change(&mut claims),
                Act::Signed => signed = true,
                Act::Refused => return unauthorized(INVALID_TOKEN),
            }
        }
    }
    if signed {
        return as_jwt(shared, claims, client_id).unwrap_or_else(|_| Failure.into_response());
    }
    reply::json(StatusCode::OK, &Value::Object(claims))
}

/// Returns the claims as a signed JWT (Core §5.3.2), with `iss` and `aud` and no further claims of the protocol.
fn as_jwt(shared: &Shared, mut claims: Map<String, Value>, client_id: &str) -> Result<Response, Unspecified> {
    claims.insert("iss".to_owned(), json!(shared.issuer));
    claims.insert("aud".to_owned(), json!(client_id));
    let token = jwt::sign(&*shared.signing_key()?, Kind::Userinfo, claims)?;
    Ok(([(CONTENT_TYPE, "application/jwt")], token).into_response())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Returns the user and the grant of an access token. The token must be genuine and unexpired, and its grant must
/// not be revoked. Revocation takes effect immediately.
fn user<'a>(shared: &'a Shared, token: &str, now: Duration) -> Option<(&'a User, Grant)> {
    let claims = jwt::read(&shared.keys().all(), Kind::Access, token)?;
    if now.as_secs() >= claims.get("exp")?.as_u64()? {
        return None;
    }
    let store = shared.store();
    let grant = store.grants.get(claims.get("grant_id")?.as_str()?).filter(|grant| !grant.revoked)?;
    Some((shared.user(&grant.username)?, grant.clone()))
}

fn unauthorized(challenge: &'static str) -> Response {
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response()
}
