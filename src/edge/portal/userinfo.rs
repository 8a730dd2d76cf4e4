//! `GET /oauth2/userinfo`: who am I, for a page's own scripts. Never a token.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Portal, Visit};
use crate::edge::reply;
use crate::flow::ports::Session;
use crate::flow::refresh::Resumed;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Response<Body> {
    let request = visit.session_request(&portal, &headers);
    match portal.refresh.resume_session(request, who).await {
        Resumed::Usable(user, pending_cookies) => {
            let mut response = told(StatusCode::OK, &user);
            reply::deliver_to(&mut response, pending_cookies.as_deref());
            response
        }
        Resumed::Gone => told(StatusCode::UNAUTHORIZED, &json!({"error": "no session"})),
        Resumed::NotNow => {
            told(StatusCode::SERVICE_UNAVAILABLE, &json!({"error": "the session cannot be told now"}))
        }
    }
}

/// Times are seconds since 1970, as in a token.
fn who(session: &Session<'_>) -> Value {
    let person = session.credential.person;
    json!({
        "subject": person.subject,
        "user": person.user,
        "email": (!person.email.is_empty()).then_some(person.email),
        "groups": person.each_group().collect::<Vec<_>>(),
        "signed_in_at": session.signed_in_at.0,
        "ends_at": session.ends_at.0,
    })
}

fn told(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = reply::bare(status);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, reply::SESSION_SCHEME);
    }
    *response.body_mut() = Body::from(value.to_string());
    response
}
