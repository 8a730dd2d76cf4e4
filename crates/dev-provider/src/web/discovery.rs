//! What does the provider say about itself (Discovery §3, RFC 8414, RFC 9207)?

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::faulty::Active;
use super::reply;
use crate::fault::Fault;
use crate::shared::Shared;

/// The scopes that are granted when asked for; others are left out of the answer.
pub(super) const SCOPES: [&str; 5] = ["openid", "profile", "email", "groups", "offline_access"];

pub(super) async fn metadata(
    State(shared): State<Arc<Shared>>,
    Extension(Active(faults)): Extension<Active>,
) -> Response {
    shared.count(|observed| &mut observed.discovery);
    let mut document = document(&shared);
    for fault in faults {
        if let (Fault::Discovery(fault), Some(members)) = (fault, document.as_object_mut()) {
            fault.apply(members, &shared.elsewhere);
        }
    }
    reply::json(StatusCode::OK, &document)
}

pub(super) async fn keys(
    State(shared): State<Arc<Shared>>,
    Extension(Active(faults)): Extension<Active>,
) -> Response {
    shared.count(|observed| &mut observed.jwks);
    let mut keys = published_keys(&shared);
    for fault in faults {
        if let Fault::Jwks(fault) = fault {
            fault.apply(&mut keys);
        }
    }
    reply::json(StatusCode::OK, &json!({ "keys": keys }))
}

fn published_keys(shared: &Shared) -> Vec<Value> {
    shared.keys().published().iter().map(|key| Value::Object(key.jwk())).collect()
}

/// Those of the published keys, each once.
fn algorithms(shared: &Shared) -> Vec<&'static str> {
    let mut names: Vec<&str> = shared.keys().published().iter().map(|key| key.algorithm().name()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn document(shared: &Shared) -> Value {
    json!({
        "issuer": shared.issuer,
        "authorization_endpoint": shared.url("/authorize"),
        "token_endpoint": shared.url("/token"),
        "userinfo_endpoint": shared.url("/userinfo"),
        "jwks_uri": shared.url("/jwks"),
        "end_session_endpoint": shared.url("/logout"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms(shared),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "scopes_supported": SCOPES,
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "jti", "sid", "nonce", "at_hash",
            "preferred_username", "name", "email", "email_verified", "groups",
        ],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
