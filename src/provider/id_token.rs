//! Whom does an ID token vouch for, and is it meant for us, now, for this sign-in?
//!
//! Beside the rules of `jws` (OpenID Connect Core §3.1.3.7 unless another place is named):
//! 1. The claims are a JSON object, each member once.
//! 2. `iss` is the configured issuer, to the last character.
//! 3. `aud` holds the configured audience, and beside it nothing but our client id and trusted audiences.
//! 4. `azp`, where present, is our client id: trusted audiences may read a token with us, and none may have asked for
//!    it. With several audiences it must be present.
//! 5. `exp` is a number and lies ahead; `nbf`, where present, does not (RFC 7519 §4.1.4, §4.1.5).
//! 6. `iat` is a number, does not lie ahead and is younger than ten minutes.
//! 7. `nonce` is the one of this sign-in, compared in constant time; of a refresh it is not asked, since no answer of a
//!    browser is bound by it there (§12.2).
//! 8. `at_hash`, where present, is that of the access token (§3.1.3.6).
//! 9. It is no logout token, which where no `nonce` is asked would differ in nothing else (Back-Channel Logout §4).
//! 10. `sub` is a string of 1 to 255 bytes (§2).
//!
//! Times may miss by the configured leeway. Pure: keys, expectations and the time are arguments.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::digest;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;
use thiserror::Error;

use super::algorithm::Algorithm;
use super::authentication::authentication;
use super::json_object::UniqueJsonObject;
use super::jws::{JwsError, Kind, Signed};
use super::logout_event::is_logout;
use super::numeric_date::time;
use crate::access::claims::Claims;
use crate::flow::ports::{Authentication, UnixTime};

const OLDEST: Duration = Duration::from_mins(10);
const MAX_SUBJECT_BYTES: usize = 255;

/// What the token of a sign-in or a refresh must match.
pub(super) struct Expectations<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) audience: &'a str,
    pub(super) trusted_audiences: &'a [String],
    pub(super) algorithms: &'a [Algorithm],
    pub(super) leeway: Duration,
    /// None: a refresh, which has no `nonce` of its own.
    pub(super) nonce: Option<&'a str>,
    pub(super) access_token: &'a str,
}

/// What a good token says.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) subject: String,
    pub(super) issued_at: UnixTime,
    pub(super) expires_at: UnixTime,
    pub(super) authentication: Authentication,
    pub(super) claims: Claims,
}

/// Which rule an ID token breaks. It holds no text of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum IdTokenError {
    #[error("the ID token is refused: {0}")]
    Jws(#[from] JwsError),
    #[error("the ID token's claims are not a JSON object with each member once")]
    BadClaims,
    #[error("the ID token's iss is not provider.issuer")]
    WrongIssuer,
    #[error("the ID token's aud does not hold provider.audience (without it, provider.client_id)")]
    NotForUs,
    #[error("the ID token's aud holds somebody who is not in provider.trusted_audiences")]
    ForOthersToo,
    #[error("the ID token's azp is not provider.client_id")]
    WrongAuthorizedParty,
    #[error("the ID token has several audiences and no azp")]
    NoAuthorizedParty,
    #[error("the ID token has no exp that is a number")]
    NoExpiry,
    #[error("the ID token is expired; if it is not, the clocks differ")]
    Expired,
    #[error("the ID token is not valid yet (nbf); if it is, the clocks differ")]
    NotYetValid,
    #[error("the ID token has no iat that is a number")]
    NoIssueTime,
    #[error("the ID token was issued in the future (iat): the clocks differ")]
    IssuedAhead,
    #[error("the ID token was issued more than ten minutes ago (iat): it is old, or the clocks differ")]
    TooOld,
    #[error("the ID token has no nonce")]
    NoNonce,
    #[error("the ID token's nonce is that of another sign-in")]
    WrongNonce,
    #[error("the ID token's at_hash is not that of the access token")]
    WrongAccessTokenHash,
    #[error("the ID token's events say that it is a logout token")]
    LogoutToken,
    #[error("the ID token has no sub of 1 to 255 bytes")]
    BadSubject,
}

impl IdTokenError {
    /// Whether clocks that agree would most likely mend it.
    pub(super) fn is_about_time(self) -> bool {
        matches!(self, Self::Expired | Self::NotYetValid | Self::IssuedAhead | Self::TooOld)
    }
}

/// How an ID token is signed.
pub(super) fn kind<'a>(expected: &Expectations<'a>) -> Kind<'a> {
    Kind { algorithms: expected.algorithms, types: &["jwt"] }
}

/// Verifies what was signed as the ID token of a sign-in or a refresh.
pub(super) fn verify(
    signed: &Signed,
    expected: &Expectations<'_>,
    now: UnixTime,
) -> Result<Verified, IdTokenError> {
    let claims = UniqueJsonObject::read(&signed.payload).ok_or(IdTokenError::BadClaims)?;
    if claims.text("iss") != Some(expected.issuer) {
        return Err(IdTokenError::WrongIssuer);
    }
    audience(&claims, expected)?;
    let (issued_at, expires_at) = times(&claims, expected.leeway, now)?;
    if let Some(expected) = expected.nonce {
        nonce(&claims, expected)?;
    }
    access_token_hash(&claims, signed.algorithm, expected.access_token)?;
    if is_logout(&claims) {
        return Err(IdTokenError::LogoutToken);
    }
    let subject = claims.text("sub").filter(|sub| (1..=MAX_SUBJECT_BYTES).contains(&sub.len()));
    let subject = subject.ok_or(IdTokenError::BadSubject)?.to_owned();
    let authentication = authentication(&claims, expected.leeway, now);
    Ok(Verified { subject, issued_at, expires_at, authentication, claims: claims.into_claims() })
}

fn audience(claims: &UniqueJsonObject, expected: &Expectations<'_>) -> Result<(), IdTokenError> {
    let audiences = audiences(claims);
    if !audiences.iter().any(|one| one.as_str() == Some(expected.audience)) {
        return Err(IdTokenError::NotForUs);
    }
    if !audiences.iter().all(|one| is_known(one, expected)) {
        return Err(IdTokenError::ForOthersToo);
    }
    match claims.get("azp") {
        Some(azp) if azp.as_str() != Some(expected.client_id) => Err(IdTokenError::WrongAuthorizedParty),
        None if audiences.len() > 1 => Err(IdTokenError::NoAuthorizedParty),
        _ => Ok(()),
    }
}

/// What `aud` holds, which may be one value or a list (RFC 7519 §4.1.3).
pub(super) fn audiences(claims: &UniqueJsonObject) -> Vec<&Value> {
    match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().collect(),
        one => one.into_iter().collect(),
    }
}

/// Whether an audience may read a token with us.
pub(super) fn is_known(audience: &Value, expected: &Expectations<'_>) -> bool {
    audience.as_str().is_some_and(|one| {
        one == expected.audience
            || one == expected.client_id
            || expected.trusted_audiences.iter().any(|trusted| trusted == one)
    })
}

/// Checks the times, and returns `iat` and `exp`.
fn times(
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
        return Err(IdTokenError::IssuedAhead);
    }
    if issued_at.plus(OLDEST).plus(leeway) < now {
        return Err(IdTokenError::TooOld);
    }
    Ok((issued_at, expires_at))
}

fn nonce(claims: &UniqueJsonObject, expected: &str) -> Result<(), IdTokenError> {
    let nonce = claims.text("nonce").ok_or(IdTokenError::NoNonce)?;
    verify_slices_are_equal(nonce.as_bytes(), expected.as_bytes()).map_err(|_| IdTokenError::WrongNonce)
}

fn access_token_hash(
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
