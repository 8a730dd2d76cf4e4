//! Router of the endpoints

mod authorize;
mod client_assertion;
mod client_auth;
mod discovery;
mod faulty;
mod login;
mod logout;
mod page;
mod reply;
mod revocation;
mod sso;
mod streams;
mod token;
mod token_error;
mod userinfo;
mod validate;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use http::StatusCode;

use crate::params::MAX_FORM_BYTES;
use crate::shared::Shared;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::metadata))
        .route("/jwks", get(discovery::keys))
        .route("/authorize", get(authorize::authorize))
        .route("/login", post(login::login))
        .route("/token", post(token::token))
        .route("/revoke", post(revocation::revoke))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/logout", get(logout::by_query).post(logout::by_form))
        .route("/elsewhere", any(elsewhere))
        .route("/elsewhere/{*rest}", any(elsewhere))
        .layer(from_fn_with_state(Arc::clone(&shared), faulty::apply_faults))
        // The outermost layer, so that no handler can read more.
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(shared)
}

/// Counts a request that a careful client does not make. The response is 200, so that the client notices nothing.
async fn elsewhere(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.count(|observed| &mut observed.elsewhere);
    StatusCode::OK
}
