//! Logout token validation
//!
//! In addition to the rules of `jws` (OpenID Connect Back-Channel Logout §2.4 and §2.6):
//! 1. The claims are a JSON object without duplicate members.
//! 2. `iss` is exactly the configured issuer.
//! 3. `aud` contains the client ID or the configured audience. Other values are only trusted audiences.
//! 4. `iat` is a number, not in the future and less than ten minutes in the past. `exp`, if present, is in the
//!    future; older providers omit it. `nbf`, if present, is not in the future.
//! 5. `jti` is a string (§2.4). The session store detects a replayed token.
//! 6. `events` contains the logout event, which is an object. Other events are ignored.
//! 7. There is no `nonce`, so that an ID token is not accepted as a logout token.
//! 8. `sid`, `sub` or both name the sessions that end.
//!
//! Times are compared with the configured leeway. Verification is pure: signature, expectations and the time are
//! arguments.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::Provider;
use super::id_token::{Expectations, audiences, is_known_audience};
use super::json_object::UniqueJsonObject;
use super::jws::{JwsError, Signed};
use super::logout_event::is_logout;
use super::numeric_date::time;
use crate::flow::ports::{IssuerIndex, LogoutToken, LogoutTokenError, UnixTime, Whom};

/// The values of `typ` that a logout token may have, in lower case.
const TYPES: &[&str] = &["logout+jwt", "jwt"];
const MAX_AGE: Duration = Duration::from_mins(10);
const MAX_IDENTIFIER_BYTES: usize = 255;

/// The rule that a logout token violates. Of the token's text, it contains only `alg`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum BrokenRule {
    #[error(transparent)]
    Jws(#[from] JwsError),
    #[error("its claims are not a JSON object with each member once")]
    BadClaims,
    #[error("its iss is not provider.issuer")]
    WrongIssuer,
    #[error("its aud contains neither provider.client_id nor provider.audience")]
    WrongAudience,
    #[error("its aud contains an audience that is not in provider.trusted_audiences")]
    UntrustedAudience,
    #[error("it has no iat that is a number")]
    NoIssueTime,
    #[error("it was issued in the future (iat): the clocks differ")]
    IssuedInFuture,
    #[error("it was issued more than ten minutes ago (iat): it is old, or the clocks differ")]
    TooOld,
    #[error("its exp is in the past or not a number, or the clocks differ")]
    Expired,
    #[error("it is not valid yet (nbf), or the clocks differ")]
    NotYetValid,
    #[error("it has no jti of 1 to 255 bytes")]
    NoTokenId,
    #[error("its events do not contain the back-channel logout event")]
    NoLogoutEvent,
    #[error("it has a nonce, which a logout token must not have")]
    HasNonce,
    #[error("it has neither a sid nor a sub, or one of them is not a string of 1 to 255 bytes")]
    NoSubject,
}

impl Provider {
    pub(super) async fn verify_logout_token(&self, token: &str) -> Result<LogoutToken, LogoutTokenError> {
        let known = self.known.load_full();
        let known = known.ok_or_else(|| LogoutTokenError::ProviderUnavailable(self.last_error()))?;
        // The expectations that belong to a sign-in are not used here.
        let expected = self.expectations(None, "");
        let signed = self
            .verify_signature(&known, token, TYPES, &self.key_fetches.any_client)
            .await
            .map_err(BrokenRule::from);
        let verified = signed.and_then(|signed| verify(&signed, &expected, self.clock.now()));
        verified.map_err(|broken| classify(&broken))
    }
}

/// If newer keys could not be fetched, the provider may send the same token again.
fn classify(broken: &BrokenRule) -> LogoutTokenError {
    let text = broken.to_string();
    match broken {
        BrokenRule::Jws(error) if error.is_temporary() => LogoutTokenError::ProviderUnavailable(text),
        _ => LogoutTokenError::NotAcceptable(text),
    }
}

fn verify(signed: &Signed, expected: &Expectations<'_>, now: UnixTime) -> Result<LogoutToken, BrokenRule> {
    let claims = UniqueJsonObject::read(&signed.payload).ok_or(BrokenRule::BadClaims)?;
    if claims.text("iss") != Some(expected.issuer) {
        return Err(BrokenRule::WrongIssuer);
    }
    check_audience(&claims, expected)?;
    let (issued_at, accepted_until) = check_times(&claims, expected.leeway, now)?;
    if claims.0.contains_key("nonce") {
        return Err(BrokenRule::HasNonce);
    }
    if !is_logout(&claims) {
        return Err(BrokenRule::NoLogoutEvent);
    }
    let token_id = identifier(&claims, "jti").ok_or(BrokenRule::NoTokenId)?;
    Ok(LogoutToken {
        issuer: IssuerIndex::FIRST,
        token_id,
        issued_at,
        accepted_until,
        whom: read_whom(&claims)?,
    })
}

fn check_audience(claims: &UniqueJsonObject, expected: &Expectations<'_>) -> Result<(), BrokenRule> {
    let audiences = audiences(claims);
    let ours = |value: &&Value| {
        value.as_str().is_some_and(|name| name == expected.client_id || name == expected.audience)
    };
    if !audiences.iter().any(ours) {
        return Err(BrokenRule::WrongAudience);
    }
    if audiences.iter().all(|audience| is_known_audience(audience, expected)) {
        Ok(())
    } else {
        Err(BrokenRule::UntrustedAudience)
    }
}

/// Checks the times. Returns `iat` and the time until which the token is accepted.
fn check_times(
    claims: &UniqueJsonObject,
    leeway: Duration,
    now: UnixTime,
) -> Result<(UnixTime, UnixTime), BrokenRule> {
    let latest = now.plus(leeway);
    let issued_at = claims.get("iat").and_then(time).ok_or(BrokenRule::NoIssueTime)?;
    if issued_at > latest {
        return Err(BrokenRule::IssuedInFuture);
    }
    let too_old = issued_at.plus(MAX_AGE).plus(leeway);
    if now >= too_old {
        return Err(BrokenRule::TooOld);
    }
    if claims.get("nbf").is_some_and(|not_before| time(not_before).is_none_or(|time| time > latest)) {
        return Err(BrokenRule::NotYetValid);
    }
    let Some(end) = claims.get("exp") else { return Ok((issued_at, too_old)) };
    let end = time(end).ok_or(BrokenRule::Expired)?.plus(leeway);
    if now >= end { Err(BrokenRule::Expired) } else { Ok((issued_at, end.min(too_old))) }
}

fn read_whom(claims: &UniqueJsonObject) -> Result<Whom, BrokenRule> {
    let member = |member| {
        claims.get(member).map(|_| identifier(claims, member).ok_or(BrokenRule::NoSubject)).transpose()
    };
    match (member("sid")?, member("sub")?) {
        (Some(sid), subject) => Ok(Whom::Session { sid, subject }),
        (None, Some(sub)) => Ok(Whom::Subject(sub)),
        (None, None) => Err(BrokenRule::NoSubject),
    }
}

fn identifier(claims: &UniqueJsonObject, member: &str) -> Option<String> {
    claims.text(member).filter(|text| (1..=MAX_IDENTIFIER_BYTES).contains(&text.len())).map(str::to_owned)
}

#[cfg(test)]
mod tests;
