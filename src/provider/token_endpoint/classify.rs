//! Which error a call without tokens becomes, and is the code or the refresh token used up?
//!
//! 1. A code is over in any case, so what matters is whether a new sign-in may succeed.
//! 2. A refresh token may be sent again only where the provider certainly did not redeem it: it was never sent, or the
//!    provider itself says that it cannot answer now. A gateway in front of it (502, 504 and the like) does not know.

use http::StatusCode;

use super::answer::TokenEndpointError;
use crate::flow::ports::{ExchangeError, RefreshError};

/// The errors of RFC 6749 §5.2 and RFC 7009 §2.2.1 that are about the client and its request, not about what it presents.
const OF_THE_CLIENT: [&str; 6] = [
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "unsupported_grant_type",
    "invalid_scope",
    "unsupported_token_type",
];

/// Beside `invalid_grant`, the errors of OpenID Connect Core §3.1.2.6 and RFC 6749 §4.1.2.1 by which providers say that this
/// person must sign in again, or may not.
const OF_THE_PERSON: [&str; 5] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "login_required",
];

impl TokenEndpointError {
    /// RFC 6749 §5.2. Keycloak says `unauthorized_client` for a wrong secret.
    pub(super) fn into_exchange_error(&self) -> ExchangeError {
        let text = self.to_string();
        match self {
            Self::BadRedirectUri | Self::NoAssertion(_) => ExchangeError::ClientRefused(text),
            Self::Call(call) if call.is_misbehaviour() => ExchangeError::ProviderMisbehaved(text),
            Self::Call(_) | Self::ServerError { .. } => ExchangeError::ProviderUnavailable(text),
            Self::Unreadable
            | Self::UnreadableTokens
            | Self::InvalidTokens(_)
            | Self::NegativeLifetime
            | Self::NotBearer => ExchangeError::ProviderMisbehaved(text),
            Self::Refused { status, code, .. } => match code.as_str() {
                "invalid_grant" => ExchangeError::CodeRefused(text),
                "invalid_client" | "unauthorized_client" => ExchangeError::ClientRefused(text),
                _ if *status == StatusCode::UNAUTHORIZED => ExchangeError::ClientRefused(text),
                _ => ExchangeError::ProviderMisbehaved(text),
            },
        }
    }

    /// The same for a refresh token, where it matters most whether it may be sent again.
    pub(super) fn into_refresh_error(self) -> RefreshError {
        let why = self.to_string();
        match self {
            Self::BadRedirectUri | Self::NoAssertion(_) => RefreshError::ClientRefused(why),
            Self::Call(call) if call.was_never_sent() => RefreshError::Unavailable { why, retry_after: None },
            Self::ServerError { status, retry_after } if is_its_own(status) => {
                RefreshError::Unavailable { why, retry_after }
            }
            Self::NegativeLifetime | Self::NotBearer => RefreshError::ProviderMisbehaved(why),
            Self::Call(_)
            | Self::ServerError { .. }
            | Self::Unreadable
            | Self::UnreadableTokens
            | Self::InvalidTokens(_) => RefreshError::OutcomeUnknown(why),
            Self::Refused { status, code, .. } => match code.as_str() {
                "invalid_grant" => RefreshError::GrantRefused(why),
                // With 401 some say it of the client.
                code if status != StatusCode::UNAUTHORIZED && OF_THE_PERSON.contains(&code) => {
                    RefreshError::GrantRefused(why)
                }
                "temporarily_unavailable" => RefreshError::Unavailable { why, retry_after: None },
                code if OF_THE_CLIENT.contains(&code) => RefreshError::ClientRefused(why),
                _ if status == StatusCode::UNAUTHORIZED => RefreshError::ClientRefused(why),
                // No error that a token endpoint gives: a page of something in front of it, which may know nothing.
                _ => RefreshError::OutcomeUnknown(why),
            },
        }
    }
}

/// Whether a provider says this of itself; every other 5xx may come from something in front of it.
fn is_its_own(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE
    )
}
