//! Sign-in form: password check and session

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

use super::authorize::redirect_with_code;
use super::page::{self, SignIn};
use super::reply::Failure;
use super::sso;
use crate::params::Params;
use crate::random::opaque;
use crate::settings::User;
use crate::shared::Shared;
use crate::store::{AuthorizationRequest, Session};

/// The lifetime of a single sign-on session.
const SESSION_LIFETIME: Duration = Duration::from_hours(12);

pub(super) async fn login(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    shared.count(|observed| &mut observed.login);
    let params = Params::parse(&body);
    let now = shared.now();
    let id = params.single("request").unwrap_or_default();
    let Some(request) = pending(&shared, id, now) else {
        return Ok(invalid_form_notice());
    };
    let Some(user) = authenticate(&shared, &params) else {
        return Ok(form_with_error(id, &request, &params));
    };
    // Removed only now: a wrong password does not end the sign-in, and two submissions yield one code.
    if shared.store().pending.remove(id).is_none() {
        return Ok(invalid_form_notice());
    }
    let (cookie, session) = open_session(&shared, user, sso::cookie(&headers), now)?;
    let mut response = redirect_with_code(&shared, request, session, now)?;
    if let Some(header) = sso::set_cookie(&shared, &cookie) {
        response.headers_mut().insert(SET_COOKIE, header);
    }
    Ok(response)
}

fn pending(shared: &Shared, id: &str, now: Duration) -> Option<AuthorizationRequest> {
    let store = shared.store();
    store.pending.get(id).filter(|pending| now < pending.expires).map(|pending| pending.request.clone())
}

fn authenticate<'a>(shared: &'a Shared, params: &Params) -> Option<&'a User> {
    let user = shared.user(params.single("username")?)?;
    let given = params.single("password")?;
    verify_slices_are_equal(given.as_bytes(), user.password.as_bytes()).ok().map(|()| user)
}

/// Opens a session with a new cookie, which prevents session fixation. If the same user signs in again, the `sid`
/// stays the same.
fn open_session(
    shared: &Shared,
    user: &User,
    old_cookie: Option<&str>,
    now: Duration,
) -> Result<(String, Session), Failure> {
    let (cookie, new_sid) = (opaque()?, opaque()?);
    let mut store = shared.store();
    let old = old_cookie.and_then(|old| store.sessions.remove(old));
    let same_user = old.filter(|old| old.username == user.username && now < old.expires);
    let session = Session {
        sid: same_user.map_or(new_sid, |old| old.sid),
        username: user.username.clone(),
        auth_time: now.as_secs(),
        expires: now + SESSION_LIFETIME,
    };
    store.sessions.insert(cookie.clone(), session.clone());
    Ok((cookie, session))
}

fn form_with_error(id: &str, request: &AuthorizationRequest, params: &Params) -> Response {
    page::sign_in(&SignIn {
        pending: id,
        client: &request.client_id,
        redirect_uri: &request.redirect_uri,
        username: params.single("username").unwrap_or_default(),
        message: Some("The user name or password is not correct."),
    })
}

fn invalid_form_notice() -> Response {
    let message = "It was already used, or it has expired. Go back to the application and sign in again.";
    page::notice(StatusCode::BAD_REQUEST, "This sign-in page is no longer valid", message)
}
