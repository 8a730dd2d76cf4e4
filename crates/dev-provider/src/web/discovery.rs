//! Metadata and keys of the provider (Discovery §3, RFC 8414, RFC 9207)

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::client_assertion;
use super::faulty::Active;
use super::reply;
use crate::algorithm::SigningAlgorithm;
use crate::claims;
use crate::fault::Fault;
use crate::shared::Shared;

pub(super) async fn metadata(
    State(shared): State<Arc<Shared>>,
    Extension(Active(faults)): Extension<Active>,
) -> Response {
    shared.count(|observed| &mut observed.discovery);
    if !shared.settings.discovery {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut document = document(&shared);
    if let Some(members) = document.as_object_mut() {
        members.retain(|name, _| !shared.settings.shape.omits_metadata(name));
        for fault in faults {
            if let Fault::Discovery(fault) = fault {
                fault.apply(members, &shared.elsewhere);
            }
        }
    }
    reply::json(StatusCode::OK, &document)
}

/// Serves the published keys. A request without the configured query gets a list without keys.
pub(super) async fn keys(
    State(shared): State<Arc<Shared>>,
    Extension(Active(faults)): Extension<Active>,
    RawQuery(query): RawQuery,
) -> Response {
    shared.count(|observed| &mut observed.jwks);
    let query_matches = shared.settings.jwks_query.is_none() || shared.settings.jwks_query == query;
    let mut keys = if query_matches { published_keys(&shared) } else { Vec::new() };
    for fault in faults {
        if let Fault::Jwks(fault) = fault {
            fault.apply(&mut keys);
        }
    }
    reply::json(StatusCode::OK, &json!({ "keys": keys }))
}

fn jwks_uri(shared: &Shared) -> String {
    let query = shared.settings.jwks_query.as_ref().map(|query| format!("?{query}"));
    format!("{}{}", shared.url("/jwks"), query.unwrap_or_default())
}

fn published_keys(shared: &Shared) -> Vec<Value> {
    shared.keys().published().iter().map(|key| Value::Object(key.jwk())).collect()
}

/// Returns the algorithms of the published keys, without repeats.
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
        "jwks_uri": jwks_uri(shared),
        "end_session_endpoint": shared.url("/logout"),
        "revocation_endpoint": shared.url("/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms(shared),
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": client_assertion::ALGORITHMS.map(SigningAlgorithm::name),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "scopes_supported": shared.settings.shape.scopes,
        "claim_types_supported": ["normal"],
        "claims_supported": claims::announced(&shared.settings.users, &shared.settings.shape),
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
