//! What does the provider give for a refresh token, is it still the same person, and how is one given back?
//!
//! 1. The refresh token is sent once, by turns that nobody who signs in waits for.
//! 2. An ID token may be missing; one that came is verified like that of a sign-in, `nonce` apart, and names the person
//!    of the session (OpenID Connect Core §12.2).
//! 3. Where userinfo is to be asked and cannot be, the refresh token that just came is kept and nothing else: the next
//!    refresh asks again, and the old claims end when they would have ended.
//! 4. The same where the keys that signed cannot be had: nobody knows yet whom the ID token vouches for.

use std::time::Duration;

use super::id_token::{IdTokenError, Verified};
use super::jws::JwsError;
use super::token_endpoint::{self, Tokens};
use super::{Provider, ProviderCall};
use crate::flow::ports::{
    ExchangeError, RefreshError, RefreshRequest, Refreshed, RefreshedIdToken, UnixTime,
};
use crate::secret::Secret;

/// Of an access token where nothing says its life (`expires_in` may be left out, RFC 6749 §5.1).
const ASSUMED_LIFE: Duration = Duration::from_mins(5);
const OTHER_SUBJECT: &str = "the new ID token's sub is not that of the session";

impl Provider {
    pub(super) async fn refresh_tokens(
        &self,
        request: &RefreshRequest<'_>,
    ) -> Result<Refreshed, RefreshError> {
        let known = self.known.load_full();
        let known =
            known.ok_or_else(|| RefreshError::Unavailable { why: self.trouble(), retry_after: None })?;
        let asked_at = self.clock.now();
        let url = &known.metadata.token_endpoint;
        let call =
            token_endpoint::refresh(&self.refreshes, &self.settings, url, asked_at, request.refresh_token);
        let tokens = self.watched(ProviderCall::Refresh, call, is_refusal).await?;
        let Some(id_token) = &tokens.id_token else { return Ok(renewed(tokens, None, asked_at)) };
        let expected = self.expectations(None, tokens.access_token.expose());
        let verified = match self.verify_id_token(&known, id_token.expose(), &expected).await {
            Err(IdTokenError::Jws(JwsError::KeysOutOfReach)) => return Ok(kept(tokens, asked_at)),
            verified => require_same_subject(verified, request.subject)?,
        };
        let more =
            self.userinfo_claims(&self.refreshes, &known.metadata, &tokens.access_token, verified).await;
        match more {
            Ok(verified) => Ok(renewed(tokens, Some(verified), asked_at)),
            Err(ExchangeError::ProviderUnavailable(_)) => Ok(kept(tokens, asked_at)),
            Err(error) => Err(RefreshError::ProviderMisbehaved(error.to_string())),
        }
    }

    pub(super) async fn revoke_token(&self, token: &Secret) -> Result<bool, RefreshError> {
        let known = self.known.load_full();
        let known =
            known.ok_or_else(|| RefreshError::Unavailable { why: self.trouble(), retry_after: None })?;
        let Some(url) = &known.metadata.revocation_endpoint else { return Ok(false) };
        let call = token_endpoint::revoke(&self.refreshes, &self.settings, url, self.clock.now(), token);
        self.watched(ProviderCall::Revocation, call, is_refusal).await.map(|()| true)
    }
}

fn require_same_subject(
    verified: Result<Verified, IdTokenError>,
    subject: &str,
) -> Result<Verified, RefreshError> {
    match verified {
        Ok(verified) if verified.subject == subject => Ok(verified),
        Ok(_) => Err(RefreshError::ProviderMisbehaved(OTHER_SUBJECT.to_owned())),
        Err(error) => Err(RefreshError::ProviderMisbehaved(error.to_string())),
    }
}

fn renewed(tokens: Tokens, verified: Option<Verified>, asked_at: UnixTime) -> Refreshed {
    let assumed = verified.is_none().then_some(ASSUMED_LIFE);
    let access_expires_at = tokens.expires_in.or(assumed).map(|lifetime| asked_at.plus(lifetime));
    let id_token = tokens.id_token.clone().zip(verified).map(|(text, verified)| RefreshedIdToken {
        text,
        expires_at: verified.expires_at,
        authentication: verified.authentication,
        claims: verified.claims,
    });
    Refreshed { id_token, access_expires_at, ..kept(tokens, asked_at) }
}

/// What must not be lost, and nothing else.
fn kept(tokens: Tokens, asked_at: UnixTime) -> Refreshed {
    Refreshed {
        id_token: None,
        refresh_token: tokens.refresh_token,
        access_expires_at: None,
        refresh_expires_at: tokens.refresh_expires_in.map(|lifetime| asked_at.plus(lifetime)),
    }
}

fn is_refusal(error: &RefreshError) -> bool {
    matches!(error, RefreshError::GrantRefused(_) | RefreshError::ClientRefused(_))
}

#[cfg(test)]
mod tests;
