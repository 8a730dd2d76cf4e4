//! `GET /oauth2/userinfo`: who am I, for a page's own scripts. Never a token.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Portal, Visit};
use crate::edge::reply;
use crate::flow::ports::{Opened, Session, Workspace};
use crate::flow::refresh::Back;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Response<Body> {
    let shown = visit.shown(&portal, &headers);
    let deliver = match portal.refresh.bring_back(shown).await {
        Back::Fresh(deliver) => deliver,
        Back::Gone => return told(StatusCode::UNAUTHORIZED, &json!({"error": "no session"})),
        Back::NotNow => {
            let error = json!({"error": "the session cannot be told now"});
            return told(StatusCode::SERVICE_UNAVAILABLE, &error);
        }
    };
    let mut workspace = Workspace::new();
    let Opened::Session(session) = portal.sessions.open(&mut workspace, shown).opened else {
        return told(StatusCode::UNAUTHORIZED, &json!({"error": "no session"}));
    };
    let mut response = told(StatusCode::OK, &who(&session));
    reply::deliver_to(&mut response, deliver.as_deref());
    response
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
