//! ID token validation
//!
//! In addition to the rules of `jws` (OpenID Connect Core §3.1.3.7, unless another section is named):
//! 1. The claims are a JSON object without duplicate members.
//! 2. `iss` is exactly the configured issuer.
//! 3. `aud` contains the configured audience. Other values are only the client ID and trusted audiences.
//! 4. `azp`, if present, is the client ID: a trusted audience may receive a token, but must not have requested it.
//!    With several audiences `azp` is required.
//! 5. `exp` is a number in the future. `nbf`, if present, is not in the future (RFC 7519 §4.1.4, §4.1.5).
//! 6. `iat` is a number, not in the future and less than ten minutes in the past.
//! 7. `nonce` is that of this sign-in, compared in constant time. It is not checked after a refresh, which has no
//!    browser response to bind (§12.2).
//! 8. `at_hash`, if present, is that of the access token (§3.1.3.6).
//! 9. The token is not a logout token. If no `nonce` is required, nothing else distinguishes the two (Back-Channel
//!    Logout §4).
//! 10. `sub` is a string of 1 to 255 bytes (§2).
//!
//! Times are compared with the configured leeway. The functions are pure: keys, expectations and the time are
//! arguments.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::digest;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;
use thiserror::Error;

use super::algorithm::Algorithm;
use super::authentication::authentication;
use super::json_object::UniqueJsonObject;
use super::jws::{JwsError, Signed};
use super::logout_event::is_logout;
use super::numeric_date::time;
use crate::access::claims::Claims;
use crate::flow::ports::{Authentication, UnixTime};

/// The values of `typ` that an ID token may have, in lower case.
pub(super) const TYPES: &[&str] = &["jwt"];
const MAX_AGE: Duration = Duration::from_mins(10);
const MAX_SUBJECT_BYTES: usize = 255;

/// The values that the ID token of a sign-in or a refresh must match.
pub(super) struct Expectations<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) audience: &'a str,
    pub(super) trusted_audiences: &'a [String],
    pub(super) leeway: Duration,
    /// `None` for a refresh, which has no `nonce`.
    pub(super) nonce: Option<&'a str>,
    pub(super) access_token: &'a str,
}

/// The content of a valid ID token.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) subject: String,
    pub(super) issued_at: UnixTime,
    pub(super) expires_at: UnixTime,
    pub(super) authentication: Authentication,
    pub(super) claims: Claims,
}

/// The rule that an ID token violates. Of the token's text, it contains only `alg`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum IdTokenError {
    #[error("the ID token is rejected: {0}")]
    Jws(#[from] JwsError),
    #[error("the ID token's claims are not a JSON object with each member once")]
    BadClaims,
    #[error("the ID token's iss is not provider.issuer")]
    WrongIssuer,
    #[error(
        "the ID token's aud does not contain provider.audience (or provider.client_id, if provider.audience is not set)"
    )]
    WrongAudience,
    #[error("the ID token's aud contains an audience that is not in provider.trusted_audiences")]
    UntrustedAudience,
    #[error("the ID token's azp is not provider.client_id")]
    WrongAuthorizedParty,
    #[error("the ID token has several audiences and no azp")]
    NoAuthorizedParty,
    #[error("the ID token has no exp that is a number")]
    NoExpiry,
    #[error("the ID token is expired, or the clocks differ")]
    Expired,
    #[error("the ID token is not valid yet (nbf), or the clocks differ")]
    NotYetValid,
    #[error("the ID token has no iat that is a number")]
    NoIssueTime,
    #[error("the ID token was issued in the future (iat): the clocks differ")]
    IssuedInFuture,
    #[error("the ID token was issued more than ten minutes ago (iat): it is old, or the clocks differ")]
    TooOld,
    #[error("the ID token has no nonce")]
    NoNonce,
    #[error("the ID token's nonce belongs to another sign-in")]
    WrongNonce,
    #[error("the ID token's at_hash is not that of the access token")]
    WrongAccessTokenHash,
    #[error("the ID token has the event of a logout token")]
    LogoutToken,
    #[error("the ID token has no sub of 1 to 255 bytes")]
    BadSubject,
}

impl IdTokenError {
    /// Returns whether a clock difference is the most likely cause.
    pub(super) fn is_about_time(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYetValid | Self::IssuedInFuture | Self::TooOld)
    }

    /// Returns whether settings here or at the provider are the most likely cause.
    pub(super) fn is_about_settings(&self) -> bool {
        match self {
            Self::Jws(JwsError::AlgorithmNotAccepted(error)) => error.is_about_settings(),
            Self::Jws(JwsError::MetadataUnavailable(_)) => true,
            _ => false,
        }
    }

    /// Returns whether newer keys or metadata may make the token acceptable, and cannot be loaded now.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self, Self::Jws(error) if error.is_temporary())
    }
}

/// Verifies a signed payload as the ID token of a sign-in or a refresh.
pub(super) fn verify(
    signed: &Signed,
    expected: &Expectations<'_>,
    now: UnixTime,
) -> Result<Verified, IdTokenError> {
    let claims = UniqueJsonObject::read(&signed.payload).ok_or(IdTokenError::BadClaims)?;
    if claims.text("iss") != Some(expected.issuer) {
        return Err(IdTokenError::WrongIssuer);
    }
    check_audience(&claims, expected)?;
    let (issued_at, expires_at) = check_times(&claims, expected.leeway, now)?;
    if let Some(expected) = expected.nonce {
        check_nonce(&claims, expected)?;
    }
    check_access_token_hash(&claims, signed.algorithm, expected.access_token)?;
    if is_logout(&claims) {
        return Err(IdTokenError::LogoutToken);
    }
    let subject = claims.text("sub").filter(|sub| (1..=MAX_SUBJECT_BYTES).contains(&sub.len()));
    let subject = subject.ok_or(IdTokenError::BadSubject)?.to_owned();
    let authentication = authentication(&claims, expected.leeway, now);
    Ok(Verified { subject, issued_at, expires_at, authentication, claims: claims.into_claims() })
}

fn check_audience(claims: &UniqueJsonObject, expected: &Expectations<'_>) -> Result<(), IdTokenError> {
    let audiences = audiences(claims);
    if !audiences.iter().any(|audience| audience.as_str() == Some(expected.audience)) {
        return Err(IdTokenError::WrongAudience);
    }
    if !audiences.iter().all(|audience| is_known_audience(audience, expected)) {
        return Err(IdTokenError::UntrustedAudience);
    }
    match claims.get("azp") {
        Some(azp) if azp.as_str() != Some(expected.client_id) => Err(IdTokenError::WrongAuthorizedParty),
        None if audiences.len() > 1 => Err(IdTokenError::NoAuthorizedParty),
        _ => Ok(()),
    }
}

/// Returns the values of `aud`, which may be one value or a list (RFC 7519 §4.1.3).
pub(super) fn audiences(claims: &UniqueJsonObject) -> Vec<&Value> {
    match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().collect(),
        single => single.into_iter().collect(),
    }
}

/// Returns whether an audience may receive a token for this client: the client itself or a trusted audience.
pub(super) fn is_known_audience(audience: &Value, expected: &Expectations<'_>) -> bool {
    audience.as_str().is_some_and(|name| {
        name == expected.audience
            || name == expected.client_id
            || expected.trusted_audiences.iter().any(|trusted| trusted == name)
    })
}

/// Checks the times and returns `iat` and `exp`.
fn check_times(
    claims: &UniqueJsonObject,
    leeway: Duration,
    now: UnixTime,
) -> Result<(UnixTime, UnixTime), IdTokenError> {
    let expires_at = claims.get("exp").and_then(time).ok_or(IdTokenError::NoExpiry)?;
    if now >= expires_at.plus(leeway) {
        return Err(IdTokenError::Expired);
    }
    let latest = now.plus(leeway);
    if claims.get("nbf").is_some_and(|not_before| time(not_before).is_none_or(|time| time > latest)) {
        return Err(IdTokenError::NotYetValid);
    }
    let issued_at = claims.get("iat").and_then(time).ok_or(IdTokenError::NoIssueTime)?;
    if issued_at > latest {
        return Err(IdTokenError::IssuedInFuture);
    }
    if issued_at.plus(MAX_AGE).plus(leeway) < now {
        return Err(IdTokenError::TooOld);
    }
    Ok((issued_at, expires_at))
}

fn check_nonce(claims: &UniqueJsonObject, expected: &str) -> Result<(), IdTokenError> {
    let nonce = claims.text("nonce").ok_or(IdTokenError::NoNonce)?;
    verify_slices_are_equal(nonce.as_bytes(), expected.as_bytes()).map_err(|_| IdTokenError::WrongNonce)
}

fn check_access_token_hash(
    claims: &UniqueJsonObject,
    algorithm: Algorithm,
    token: &str,
) -> Result<(), IdTokenError> {
    let Some(claimed) = claims.get("at_hash") else { return Ok(()) };
    let digest = digest(algorithm.hash(), token.as_bytes());
    let (half, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    if claimed.as_str() == Some(&URL_SAFE_NO_PAD.encode_to_string(half)) {
        Ok(())
    } else {
        Err(IdTokenError::WrongAccessTokenHash)
    }
}

#[cfg(test)]
mod tests;
