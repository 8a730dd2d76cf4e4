//! `POST /oauth2/backchannel-logout`: the provider says whose session is over (OpenID Connect Back-Channel Logout 1.0).
//!
//! It calls by whichever name it reaches us, and no browser does: so this is answered on any host, and guarded by the
//! token's signature alone.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::map_response;
use axum::routing::post;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;
use url::form_urlencoded;

use super::context::Portal;
use super::page::RETRY_AFTER;
use crate::access::own_page::OwnPage;
use crate::edge::reply::{NO_STORE, Reply};
use crate::flow::audit::{BackchannelEvent, BackchannelOutcome};
use crate::flow::backchannel::{BackchannelError, ProviderLogout};

/// Keycloak's token has 1 KB.
const MAX_BODY_BYTES: usize = 64 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The one route. Whoever serves it bounds its time.
pub fn routes(portal: Arc<Portal>) -> Router {
    Router::new()
        .route(OwnPage::BackchannelLogout.path(), post(end))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(MAX_BODY_BYTES))
        .layer(map_response(never_stored))
        .with_state(portal)
}

async fn end(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return Reply::new(rejection.status()),
    };
    let ended = match logout_token(&headers, &body) {
        Ok(token) => portal.backchannel.end_sessions(&token).await,
        Err(what) => Err(BackchannelError::Malformed(what)),
    };
    tell(&portal, &ended);
    answer(&ended)
}

/// The `logout_token` of a form (§2.5); whatever else it holds is ignored.
fn logout_token(headers: &HeaderMap, body: &[u8]) -> Result<String, &'static str> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case(FORM) {
        return Err("it is no form (Content-Type)");
    }
    let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if !token.is_empty() => Ok(token.into_owned()),
        (_, Some(_)) => Err("there is more than one logout_token"),
        _ => Err("there is no logout_token"),
    }
}

/// What the provider is told (§2.8). Why a token is refused is for the log: whoever forges one learns nothing.
fn answer(ended: &Result<ProviderLogout, BackchannelError>) -> Reply {
    let (status, error) = match ended {
        Ok(_) => return Reply::new(StatusCode::OK),
        Err(BackchannelError::Malformed(_) | BackchannelError::NotAcceptable(_)) => {
            (StatusCode::BAD_REQUEST, "invalid_request")
        }
        Err(BackchannelError::ProviderUnavailable(_) | BackchannelError::StoreUnavailable(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        }
    };
    let mut reply = Reply::new(status).with_body(JSON, json!({"error": error}).to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        reply.headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    reply
}

fn tell(portal: &Portal, ended: &Result<ProviderLogout, BackchannelError>) {
    let id = portal.ids.next();
    portal.audit.backchannel_logout(&BackchannelEvent {
        outcome: BackchannelOutcome::from(ended),
        detail: ended.as_ref().err().map(|error| error as &dyn std::fmt::Display),
        whom: ended.as_ref().ok().map(|logout| &logout.whom),
        request_id: &id,
    });
}

/// §2.8; a layer's own refusal knows nothing of this.
async fn never_stored(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

#[cfg(test)]
mod tests;
