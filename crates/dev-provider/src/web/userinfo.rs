//! Who is the user behind this access token (Core §5.3)?

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::reply;
use crate::jwt::{self, Kind};
use crate::settings::User;
use crate::shared::Shared;
use crate::{claims, clock};

pub(super) async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.count(|observed| &mut observed.userinfo);
    let Some(token) = bearer(&headers) else {
        return unauthorized(r#"Bearer realm="dev-provider""#);
    };
    match user(&shared, token, clock::now()) {
        Some(user) => reply::json(StatusCode::OK, &Value::Object(claims::userinfo(user))),
        None => unauthorized(r#"Bearer realm="dev-provider", error="invalid_token""#),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A token is good while it is ours, fresh, and its grant lives: a revoked family's tokens die at once.
fn user<'a>(shared: &'a Shared, token: &str, now: Duration) -> Option<&'a User> {
    let claims = jwt::read(&shared.keys().all(), Kind::Access, token)?;
    if now.as_secs() >= claims.get("exp")?.as_u64()? {
        return None;
    }
    let store = shared.store();
    let grant = store.grants.get(claims.get("grant_id")?.as_str()?).filter(|grant| !grant.revoked)?;
    shared.user(&grant.username)
}

fn unauthorized(challenge: &'static str) -> Response {
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response()
}
