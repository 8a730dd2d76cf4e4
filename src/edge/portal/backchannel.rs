//! `POST /oauth2/backchannel-logout`, the endpoint for logout tokens (OpenID Connect Back-Channel Logout 1.0)
//!
//! The provider may use any host name that reaches the gateway, and no browser sends this request. The endpoint
//! therefore answers on any host, and only the signature of the token protects it.

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

/// The maximum size of the body. A token of Keycloak has 1 KB.
const MAX_BODY_BYTES: usize = 64 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Returns the route. The caller must limit its time.
pub fn routes(portal: Arc<Portal>) -> Router {
    Router::new()
        .route(OwnPage::BackchannelLogout.path(), post(end_sessions))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(MAX_BODY_BYTES))
        .layer(map_response(forbid_storing))
        .with_state(portal)
}

async fn end_sessions(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return Reply::new(rejection.status()),
    };
    let ended = match read_logout_token(&headers, &body) {
        Ok(token) => portal.backchannel.end_sessions(&token).await,
        Err(what) => Err(BackchannelError::Malformed(what)),
    };
    record_logout(&portal, &ended);
    reply_to_provider(&ended)
}

/// Returns the `logout_token` of a form (§2.5). Other parameters are ignored.
fn read_logout_token(headers: &HeaderMap, body: &[u8]) -> Result<String, &'static str> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case(FORM) {
        return Err("it is not a form (Content-Type)");
    }
    let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if !token.is_empty() => Ok(token.into_owned()),
        (_, Some(_)) => Err("there is more than one logout_token"),
        _ => Err("there is no logout_token"),
    }
}

/// Returns the response to the provider (§2.8).
///
/// The reason for rejecting a token is only in the log, so that the author of a forged token learns nothing.
fn reply_to_provider(ended: &Result<ProviderLogout, BackchannelError>) -> Reply {
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

fn record_logout(portal: &Portal, ended: &Result<ProviderLogout, BackchannelError>) {
    let id = portal.ids.next();
    portal.audit.backchannel_logout(&BackchannelEvent {
        outcome: BackchannelOutcome::from(ended),
        detail: ended.as_ref().err().map(|error| error as &dyn std::fmt::Display),
        whom: ended.as_ref().ok().map(|logout| &logout.whom),
        request_id: &id,
    });
}

/// Adds `Cache-Control: no-store` (§2.8), also to the responses of the layers.
async fn forbid_storing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

#[cfg(test)]
mod tests;
