//! `GET /oauth2/userinfo`, which returns the signed-in user to scripts of a page, never a token

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::context::Portal;
use super::visit::Visit;
use crate::edge::reply::{Reply, SESSION_SCHEME};
use crate::flow::ports::Session;
use crate::flow::refresh::Resumed;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Reply {
    let request = visit.session_request(&headers, portal.clock.now());
    match portal.refresh.resume_session(request, user_info).await {
        Resumed::Usable(user, pending_cookies) => {
            json_reply(StatusCode::OK, &user).with_cookies(pending_cookies.as_deref().unwrap_or_default())
        }
        Resumed::Gone => json_reply(StatusCode::UNAUTHORIZED, &json!({"error": "no session"})),
        Resumed::NotNow => json_reply(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"error": "the session cannot be checked now"}),
        ),
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Returns the user and the times of the session, in seconds since 1970 as in a token.
fn user_info(session: &Session<'_>) -> Value {
    let user = session.credential.user;
    json!({
        "subject": user.subject,
        "user": user.user,
        "email": (!user.email.is_empty()).then_some(user.email),
        "groups": user.each_group().collect::<Vec<_>>(),
        "signed_in_at": session.signed_in_at.0,
        "ends_at": session.ends_at.0,
    })
}

fn json_reply(status: StatusCode, value: &Value) -> Reply {
    let mut reply = Reply::new(status).with_body(JSON, value.to_string());
    if status == StatusCode::UNAUTHORIZED {
        reply.headers.insert(header::WWW_AUTHENTICATE, SESSION_SCHEME);
    }
    reply
}
