//! Whose sessions does a logout token end, and is it one?
//!
//! Beside the rules of `jws` (OpenID Connect Back-Channel Logout §2.4 and §2.6):
//! 1. The claims are a JSON object, each member once.
//! 2. `iss` is the configured issuer, to the last character.
//! 3. `aud` holds our client id or the configured audience, and beside them nothing but trusted audiences.
//! 4. `iat` is a number, does not lie ahead and is younger than ten minutes; `exp`, which older providers leave out,
//!    lies ahead, and `nbf` does not.
//! 5. `jti` is a string (§2.4); whether the token arrived before is for the session store.
//! 6. `events` holds the event of a logout, an object; other events beside it are no matter.
//! 7. There is no `nonce`, so that no ID token passes for a logout token.
//! 8. `sid`, `sub` or both say whose sessions end.
//!
//! Times may miss by the configured leeway. Pure: signature, expectations and the time are arguments.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::Provider;
use super::id_token::{Expectations, audiences, is_known};
use super::json_object::UniqueJsonObject;
use super::jws::{JwsError, Kind, Signed};
use super::logout_event::is_logout;
use super::numeric_date::time;
use crate::flow::ports::{IssuerIndex, LogoutToken, LogoutTokenError, UnixTime, Whom};

const OLDEST: Duration = Duration::from_mins(10);
const MAX_NAME_BYTES: usize = 255;

/// Which rule a logout token breaks. It holds no text of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Broken {
    #[error(transparent)]
    Jws(#[from] JwsError),
    #[error("its claims are not a JSON object with each member once")]
    BadClaims,
    #[error("its iss is not provider.issuer")]
    WrongIssuer,
    #[error("its aud holds neither provider.client_id nor provider.audience")]
    NotForUs,
    #[error("its aud holds somebody who is not in provider.trusted_audiences")]
    ForOthersToo,
    #[error("it has no iat that is a number")]
    NoIssueTime,
    #[error("it was issued in the future (iat): the clocks differ")]
    IssuedAhead,
    #[error("it was issued more than ten minutes ago (iat): it is old, or the clocks differ")]
    TooOld,
    #[error("its exp is over or no number; if it is not, the clocks differ")]
    Expired,
    #[error("it is not valid yet (nbf); if it is, the clocks differ")]
    NotYetValid,
    #[error("it has no jti of 1 to 255 bytes")]
    NoTokenId,
    #[error("its events do not hold the event of a logout")]
    NoLogout,
    #[error("it has a nonce, as an ID token has")]
    HasNonce,
    #[error("its sid and its sub name nobody in 1 to 255 bytes")]
    NamesNobody,
}

impl Provider {
    pub(super) async fn sessions_that_end(&self, token: &str) -> Result<LogoutToken, LogoutTokenError> {
        let known = self.known.load_full();
        let known = known.ok_or_else(|| LogoutTokenError::ProviderUnavailable(self.trouble()))?;
        // Of these, what belongs to a sign-in does not matter here.
        let expected = self.expectations(None, "");
        let kind = Kind { algorithms: expected.algorithms, types: &["logout+jwt", "jwt"] };
        let signed =
            self.verify_signature(&known, token, &kind, &self.looks.sent).await.map_err(Broken::from);
        let verified = signed.and_then(|signed| verify(&signed, &expected, self.clock.now()));
        verified.map_err(refusal)
    }
}

/// A provider whose new key we could not look for may send the token again.
fn refusal(broken: Broken) -> LogoutTokenError {
    let text = broken.to_string();
    match broken {
        Broken::Jws(JwsError::KeysOutOfReach) => LogoutTokenError::ProviderUnavailable(text),
        _ => LogoutTokenError::NotAcceptable(text),
    }
}

fn verify(signed: &Signed, expected: &Expectations<'_>, now: UnixTime) -> Result<LogoutToken, Broken> {
    let claims = UniqueJsonObject::read(&signed.payload).ok_or(Broken::BadClaims)?;
    if claims.text("iss") != Some(expected.issuer) {
        return Err(Broken::WrongIssuer);
    }
    audience(&claims, expected)?;
    let (issued_at, accepted_until) = times(&claims, expected.leeway, now)?;
    if claims.0.contains_key("nonce") {
        return Err(Broken::HasNonce);
    }
    if !is_logout(&claims) {
        return Err(Broken::NoLogout);
    }
    let token_id = name(&claims, "jti").ok_or(Broken::NoTokenId)?;
    Ok(LogoutToken { issuer: IssuerIndex::FIRST, token_id, issued_at, accepted_until, whom: whom(&claims)? })
}

fn audience(claims: &UniqueJsonObject, expected: &Expectations<'_>) -> Result<(), Broken> {
    let audiences = audiences(claims);
    let ours =
        |one: &&Value| one.as_str().is_some_and(|one| one == expected.client_id || one == expected.audience);
    if !audiences.iter().any(ours) {
        return Err(Broken::NotForUs);
    }
    if audiences.iter().all(|one| is_known(one, expected)) { Ok(()) } else { Err(Broken::ForOthersToo) }
}

/// Checks the times, and returns `iat` and until when the token is accepted.
fn times(claims: &UniqueJsonObject, leeway: Duration, now: UnixTime) -> Result<(UnixTime, UnixTime), Broken> {
    let latest = now.plus(leeway);
    let issued_at = claims.get("iat").and_then(time).ok_or(Broken::NoIssueTime)?;
    if issued_at > latest {
        return Err(Broken::IssuedAhead);
    }
    let too_old = issued_at.plus(OLDEST).plus(leeway);
    if now >= too_old {
        return Err(Broken::TooOld);
    }
    if claims.get("nbf").is_some_and(|not_before| time(not_before).is_none_or(|time| time > latest)) {
        return Err(Broken::NotYetValid);
    }
    let Some(end) = claims.get("exp") else { return Ok((issued_at, too_old)) };
    let end = time(end).ok_or(Broken::Expired)?.plus(leeway);
    if now >= end { Err(Broken::Expired) } else { Ok((issued_at, end.min(too_old))) }
}

fn whom(claims: &UniqueJsonObject) -> Result<Whom, Broken> {
    let member =
        |member| claims.get(member).map(|_| name(claims, member).ok_or(Broken::NamesNobody)).transpose();
    match (member("sid")?, member("sub")?) {
        (Some(sid), subject) => Ok(Whom::Session { sid, subject }),
        (None, Some(sub)) => Ok(Whom::Subject(sub)),
        (None, None) => Err(Broken::NamesNobody),
    }
}

fn name(claims: &UniqueJsonObject, member: &str) -> Option<String> {
    claims.text(member).filter(|name| (1..=MAX_NAME_BYTES).contains(&name.len())).map(str::to_owned)
}

#[cfg(test)]
mod tests;
