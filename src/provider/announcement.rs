//! What the provider says it supports (OpenID Connect Discovery §3)
//!
//! A list that is empty or of another type counts as absent, because it announces nothing.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The lists of the metadata. `None` means that the provider does not announce the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Announcement {
    #[serde(rename = "id_token_signing_alg_values_supported", deserialize_with = "texts")]
    pub(super) signing_algorithms: Option<Vec<String>>,
    #[serde(rename = "scopes_supported", deserialize_with = "texts")]
    pub(super) scopes: Option<Vec<String>>,
    #[serde(rename = "claims_supported", deserialize_with = "texts")]
    pub(super) claims: Option<Vec<String>>,
    #[serde(rename = "acr_values_supported", deserialize_with = "texts")]
    pub(super) acr_values: Option<Vec<String>>,
    #[serde(rename = "response_types_supported", deserialize_with = "texts")]
    pub(super) response_types: Option<Vec<String>>,
    #[serde(rename = "response_modes_supported", deserialize_with = "texts")]
    pub(super) response_modes: Option<Vec<String>>,
    #[serde(rename = "grant_types_supported", deserialize_with = "texts")]
    pub(super) grant_types: Option<Vec<String>>,
    #[serde(rename = "token_endpoint_auth_methods_supported", deserialize_with = "texts")]
    pub(super) authentication_methods: Option<Vec<String>>,
    /// See RFC 8414 §2.
    #[serde(rename = "code_challenge_methods_supported", deserialize_with = "texts")]
    pub(super) challenge_methods: Option<Vec<String>>,
}

impl Announcement {
    /// Returns whether the provider announces a scope.
    pub(super) fn has_scope(&self, name: &str) -> bool {
        self.scopes.as_ref().is_some_and(|scopes| scopes.iter().any(|scope| scope == name))
    }
}

/// The scope that requests a refresh token (OpenID Connect Core §11).
pub(super) const OFFLINE_ACCESS: &str = "offline_access";

/// Returns the texts of a list, or `None` if it has none.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let Value::Array(list) = Value::deserialize(deserializer)? else { return Ok(None) };
    let text = |value| if let Value::String(text) = value { Some(text) } else { None };
    let texts: Vec<_> = list.into_iter().filter_map(text).collect();
    Ok(Some(texts).filter(|texts| !texts.is_empty()))
}
