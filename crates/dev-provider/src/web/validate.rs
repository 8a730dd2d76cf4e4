//! Validation of authorization requests (RFC 6749 §4.1.1, Core §3.1.2.2)

use std::time::Duration;

use crate::fault::{Endpoint, Fault};
use crate::params::Params;
use crate::pkce;
use crate::redirect::is_registered;
use crate::shape::{Shape, UnknownScopes};
use crate::shared::Shared;
use crate::store::AuthorizationRequest;

/// The maximum number of faults in one request. Useful combinations have fewer.
const MAX_FAULTS: usize = 8;

/// The checked redirect URI of the response, and the `state`.
pub(super) struct Destination<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) state: Option<&'a str>,
}

/// An OAuth error code and a description for the developer.
pub(super) type Refusal = (&'static str, &'static str);

/// Checks the client and its redirect URI. Without this check, no redirect is safe (RFC 6749 §4.1.2.1).
pub(super) fn destination<'a>(shared: &Shared, params: &'a Params) -> Result<Destination<'a>, &'static str> {
    let client = params.single("client_id").and_then(|id| shared.client(id));
    let client = client.ok_or("The application that sent you here is not registered.")?;
    let redirect_uri = params.single("redirect_uri").ok_or("The redirect URI is missing or repeated.")?;
    if !is_registered(&client.redirect_uris, redirect_uri) {
        return Err("The redirect URI is not registered for this application.");
    }
    Ok(Destination { redirect_uri, state: params.single("state") })
}

/// Returns the faults that this request asks for. Returns an error if a name is not a fault of the token endpoint.
pub(super) fn requested_faults(shared: &Shared, params: &Params) -> Result<Vec<Fault>, &'static str> {
    if !shared.settings.faults_by_request {
        return Ok(Vec::new());
    }
    let named = params.words("fault").into_iter().take(MAX_FAULTS).map(str::parse::<Fault>);
    let faults: Vec<Fault> = named.collect::<Result<_, _>>().map_err(|_| "No fault has this name.")?;
    if faults.iter().any(|fault| fault.endpoint() != Endpoint::Token) {
        return Err("A browser cannot request this fault.");
    }
    Ok(faults)
}

pub(super) fn validate(
    shape: &Shape,
    params: &Params,
    destination: &Destination<'_>,
    faults: Vec<Fault>,
) -> Result<AuthorizationRequest, Refusal> {
    check_shape(params)?;
    let asked = params.words("scope");
    if !asked.contains(&"openid") {
        return Err(("invalid_scope", "scope must contain openid"));
    }
    if shape.unknown_scopes == UnknownScopes::Refused && asks_for_unknown_scope(shape, params) {
        return Err(("invalid_scope", "the client may not request one of these scopes"));
    }
    let granted: Vec<&str> =
        shape.scopes.iter().map(String::as_str).filter(|scope| asked.contains(scope)).collect();
    Ok(AuthorizationRequest {
        client_id: params.single("client_id").unwrap_or_default().to_owned(),
        redirect_uri: destination.redirect_uri.to_owned(),
        scope: granted.join(" "),
        state: destination.state.map(str::to_owned),
        nonce: params.single("nonce").map(str::to_owned),
        challenge: challenge(params)?.to_owned(),
        access_type_offline: params.single("access_type") == Some("offline"),
        faults,
    })
}

/// Returns whether the request contains a scope that the provider does not grant.
pub(super) fn asks_for_unknown_scope(shape: &Shape, params: &Params) -> bool {
    params.words("scope").iter().any(|scope| !shape.knows_scope(scope))
}

/// Returns the minimum `auth_time` that `max_age` accepts. `max_age=0` always requires the password.
pub(super) fn oldest_sign_in(params: &Params, now: Duration) -> Result<u64, Refusal> {
    let Some(max_age) = params.single("max_age") else {
        return Ok(0);
    };
    match max_age.parse::<u64>() {
        Ok(0) => Ok(u64::MAX),
        Ok(seconds) => Ok(now.as_secs().saturating_sub(seconds)),
        Err(_) => Err(("invalid_request", "max_age is not a number of seconds")),
    }
}

fn check_shape(params: &Params) -> Result<(), Refusal> {
    if params.has_repeats() {
        return Err(("invalid_request", "a parameter is repeated"));
    }
    if params.single("request").is_some() {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    if params.single("request_uri").is_some() {
        return Err(("request_uri_not_supported", "request objects are not supported"));
    }
    if params.single("response_mode").is_some_and(|mode| mode != "query") {
        return Err(("invalid_request", "response_mode must be query"));
    }
    match params.single("response_type") {
        Some("code") => Ok(()),
        Some(_) => Err(("unsupported_response_type", "response_type must be code")),
        None => Err(("invalid_request", "response_type is missing")),
    }
}

fn challenge(params: &Params) -> Result<&str, Refusal> {
    // An absent method means `plain` (RFC 7636 §4.3).
    if params.single("code_challenge_method") != Some("S256") {
        return Err(("invalid_request", "code_challenge_method must be S256"));
    }
    let challenge = params.single("code_challenge").filter(|challenge| pkce::is_challenge(challenge));
    challenge.ok_or(("invalid_request", "code_challenge is missing or not an S256 challenge"))
}
