//! Token refresh and revocation
//!
//! 1. The refresh token is sent once. Refreshes use their own permits, so that no sign-in waits for them.
//! 2. The response may omit the ID token. An ID token is verified like that of a sign-in, except for `nonce`. Its
//!    `sub` must be that of the session (OpenID Connect Core §12.2), and its `acr` one of the required ones.
//! 3. If userinfo is configured but unavailable, only the new refresh token is kept. The next refresh requests
//!    userinfo again, and the old claims keep their expiry.
//! 4. If the signing key or a newer announcement of algorithms is unavailable, only the new refresh token is kept as
//!    well, because the ID token cannot be verified yet.

use std::time::Duration;

use super::authentication;
use super::id_token::{IdTokenError, Verified};
use super::token_endpoint::{self, Tokens};
use super::{Provider, ProviderCall};
use crate::flow::ports::{
    ExchangeError, IdentityProvider, RefreshError, RefreshRequest, Refreshed, RefreshedIdToken, UnixTime,
};
use crate::secret::Secret;

/// The assumed lifetime of an access token if the response has neither `expires_in` (optional, RFC 6749 §5.1) nor an
/// ID token.
const ASSUMED_ACCESS_TOKEN_LIFETIME: Duration = Duration::from_mins(5);
const SUBJECT_CHANGED: &str = "the new ID token's sub is not that of the session";

impl Provider {
    pub(super) async fn refresh_tokens(
        &self,
        request: &RefreshRequest<'_>,
    ) -> Result<Refreshed, RefreshError> {
        let known = self.known.load_full();
        let known =
            known.ok_or_else(|| RefreshError::Unavailable { why: self.last_error(), retry_after: None })?;
        let requested_at = self.clock.now();
        let url = &known.metadata.token_endpoint;
        let call = token_endpoint::refresh(
            &self.refreshes,
            &self.settings,
            url,
            requested_at,
            request.refresh_token,
        );
        let tokens = self.audit_call(ProviderCall::Refresh, call, is_refusal).await?;
        let Some(id_token) = &tokens.id_token else {
            return Ok(refreshed_tokens(tokens, None, requested_at));
        };
        let expected = self.expectations(None, tokens.access_token.expose());
        let verified = match self.verify_id_token(&known, id_token.expose(), &expected).await {
            Err(error) if error.is_temporary() => return Ok(refresh_token_only(tokens, requested_at)),
            verified => require_same_subject(verified, request.subject)?,
        };
        authentication::check_refresh(&self.settings, &verified.authentication)
            .map_err(RefreshError::ProviderMisbehaved)?;
        let with_userinfo =
            self.add_userinfo_claims(&self.refreshes, &known.metadata, &tokens.access_token, verified).await;
        match with_userinfo {
            Ok(verified) => Ok(refreshed_tokens(tokens, Some(verified), requested_at)),
            Err(ExchangeError::ProviderUnavailable(_)) => Ok(refresh_token_only(tokens, requested_at)),
            Err(error) => Err(RefreshError::ProviderMisbehaved(error.to_string())),
        }
    }

    pub(super) async fn revoke_token(&self, token: &Secret) -> Result<bool, RefreshError> {
        let known = self.known.load_full();
        let known =
            known.ok_or_else(|| RefreshError::Unavailable { why: self.last_error(), retry_after: None })?;
        let Some(url) = &known.metadata.revocation_endpoint else { return Ok(false) };
        let call = token_endpoint::revoke(&self.refreshes, &self.settings, url, self.clock.now(), token);
        self.audit_call(ProviderCall::Revocation, call, is_refusal).await.map(|()| true)
    }

    pub(super) async fn end_session_of(&self, token: &Secret) -> Result<(), RefreshError> {
        let Some(url) = self.end_session_endpoint() else { return Ok(()) };
        let call =
            token_endpoint::end_session(&self.refreshes, &self.settings, &url, self.clock.now(), token);
        self.audit_call(ProviderCall::EndSession, call, is_refusal).await
    }
}

fn require_same_subject(
    verified: Result<Verified, IdTokenError>,
    subject: &str,
) -> Result<Verified, RefreshError> {
    match verified {
        Ok(verified) if verified.subject == subject => Ok(verified),
        Ok(_) => Err(RefreshError::ProviderMisbehaved(SUBJECT_CHANGED.to_owned())),
        Err(error) => Err(RefreshError::ProviderMisbehaved(error.to_string())),
    }
}

fn refreshed_tokens(tokens: Tokens, verified: Option<Verified>, requested_at: UnixTime) -> Refreshed {
    let assumed_lifetime = verified.is_none().then_some(ASSUMED_ACCESS_TOKEN_LIFETIME);
    let access_expires_at =
        tokens.expires_in.or(assumed_lifetime).map(|lifetime| requested_at.plus(lifetime));
    let id_token = tokens.id_token.clone().zip(verified).map(|(text, verified)| RefreshedIdToken {
        text,
        expires_at: verified.expires_at,
        authentication: verified.authentication,
        claims: verified.claims,
    });
    Refreshed { id_token, access_expires_at, ..refresh_token_only(tokens, requested_at) }
}

/// Keeps only the new refresh token and its expiry.
fn refresh_token_only(tokens: Tokens, requested_at: UnixTime) -> Refreshed {
    Refreshed {
        id_token: None,
        refresh_token: tokens.refresh_token,
        access_expires_at: None,
        refresh_expires_at: tokens.refresh_expires_in.map(|lifetime| requested_at.plus(lifetime)),
    }
}

fn is_refusal(error: &RefreshError) -> bool {
    matches!(error, RefreshError::GrantRefused(_) | RefreshError::ClientRefused(_))
}

#[cfg(test)]
mod tests;
