//! Demo application: a page with the header fields that it received from the gateway

use axum::Router;
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::access::own_page::OwnPage;
use crate::edge::portal::page::{Echo, Field, page};
use crate::edge::reply::Reply;
use crate::flow::ports::UnixTime;

const IDENTITY: [&str; 5] =
    ["x-forwarded-user", "x-forwarded-group", "x-forwarded-email", "x-forwarded-id-token", "authorization"];

/// Serves the page at every path until the process ends.
pub(super) async fn serve(listener: TcpListener) {
    let application = Router::new().fallback(async |headers: HeaderMap| echo_page(&headers));
    if let Err(error) = axum::serve(listener, application).await {
        tracing::error!(%error, "the demo application stopped");
    }
}

fn echo_page(headers: &HeaderMap) -> Reply {
    let mut fields: Vec<Field<'_>> = headers
        .iter()
        .map(|(name, value)| Field {
            name: name.as_str(),
            value: std::str::from_utf8(value.as_bytes()).unwrap_or("(not text)"),
            identity: IDENTITY.contains(&name.as_str()),
        })
        .collect();
    fields
        .sort_by_key(|field| IDENTITY.iter().position(|name| *name == field.name).unwrap_or(IDENTITY.len()));
    let token = headers.get("x-forwarded-id-token").and_then(|value| token_times(value.to_str().ok()?));
    let user = headers.get("x-forwarded-user").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let echo = Echo {
        headers: &fields,
        user,
        token_begins_at: token.as_ref().map(|times| UnixTime(times.iat)),
        token_ends_at: token.as_ref().map(|times| UnixTime(times.exp)),
        sign_out_url: OwnPage::SignOut.path(),
    };
    page(StatusCode::OK, &echo)
}

/// The times of an ID token (RFC 7519 §4.1). The token is not verified, because only the gateway can have sent it.
#[derive(Deserialize)]
struct TokenTimes {
    iat: u64,
    exp: u64,
}

fn token_times(token: &str) -> Option<TokenTimes> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(payload).ok()?).ok()
}
