//! Classification of token endpoint errors
//!
//! 1. A code is spent in any case. The error therefore states whether a new sign-in may succeed.
//! 2. A refresh token may be sent again only if the provider certainly did not redeem it. Either it was never sent,
//!    or the provider itself reports that it is unavailable. A status such as 502 or 504 may come from a proxy in
//!    front of the provider, which does not know.

use http::StatusCode;

use super::answer::TokenEndpointError;
use crate::flow::ports::{ExchangeError, RefreshError};
use crate::provider::settings::ClientAuthentication;

/// The errors of RFC 6749 §5.2 and RFC 7009 §2.2.1 that concern the client and its request, not the token that it
/// presents.
const CLIENT_ERRORS: [&str; 6] = [
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "unsupported_grant_type",
    "invalid_scope",
    "unsupported_token_type",
];

/// The errors, in addition to `invalid_grant`, by which providers require a new sign-in of the user or deny it
/// (OpenID Connect Core §3.1.2.6, RFC 6749 §4.1.2.1).
const USER_ERRORS: [&str; 5] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "login_required",
];

impl TokenEndpointError {
    /// Returns the error of a code exchange (RFC 6749 §5.2). Keycloak returns `unauthorized_client` for a wrong
    /// secret.
    pub(super) fn into_exchange_error(self, client: &ClientAuthentication) -> ExchangeError {
        let text = self.to_string();
        match self {
            // Nothing was sent, so the text is the whole reason.
            Self::BadRedirectUri | Self::NoAssertion(_) => ExchangeError::ClientRefused(text),
            Self::Call(call) if call.is_misbehaviour() => ExchangeError::ProviderMisbehaved(text),
            Self::Call(_) | Self::ServerError { .. } => ExchangeError::ProviderUnavailable(text),
            Self::Unreadable
            | Self::UnreadableTokens
            | Self::Missing(_)
            | Self::NotText(_)
            | Self::InvalidTokens(_)
            | Self::NotBearer => ExchangeError::ProviderMisbehaved(text),
            Self::Refused { status, code, .. } => match code.as_str() {
                "invalid_grant" => ExchangeError::CodeRefused(text),
                "temporarily_unavailable" => ExchangeError::ProviderUnavailable(text),
                code if concerns_client(code, status) => {
                    ExchangeError::ClientRefused(with_remedy(text, code, client))
                }
                _ => ExchangeError::ProviderMisbehaved(text),
            },
        }
    }

    /// Returns the error of a refresh or a revocation, which states whether the refresh token may be sent again.
    pub(super) fn into_refresh_error(self, client: &ClientAuthentication) -> RefreshError {
        let why = self.to_string();
        match self {
            Self::BadRedirectUri | Self::NoAssertion(_) => RefreshError::ClientRefused(why),
            Self::Call(call) if call.was_never_sent() => RefreshError::Unavailable { why, retry_after: None },
            Self::ServerError { status, retry_after } if is_own_status(status) => {
                RefreshError::Unavailable { why, retry_after }
            }
            Self::NotBearer => RefreshError::ProviderMisbehaved(why),
            Self::Call(_)
            | Self::ServerError { .. }
            | Self::Unreadable
            | Self::UnreadableTokens
            | Self::Missing(_)
            | Self::NotText(_)
            | Self::InvalidTokens(_) => RefreshError::OutcomeUnknown(why),
            Self::Refused { status, code, .. } => match code.as_str() {
                "invalid_grant" => RefreshError::GrantRefused(why),
                // With status 401 some providers use these errors for the client.
                code if status != StatusCode::UNAUTHORIZED && USER_ERRORS.contains(&code) => {
                    RefreshError::GrantRefused(why)
                }
                "temporarily_unavailable" => RefreshError::Unavailable { why, retry_after: None },
                code if concerns_client(code, status) => {
                    RefreshError::ClientRefused(with_remedy(why, code, client))
                }
                // Not an error of a token endpoint, but a page of a proxy in front of it, so the outcome is unknown.
                _ => RefreshError::OutcomeUnknown(why),
            },
        }
    }
}

/// Returns whether an error concerns the client and its request. Some providers return 401 with a code of their own.
fn concerns_client(code: &str, status: StatusCode) -> bool {
    CLIENT_ERRORS.contains(&code) || status == StatusCode::UNAUTHORIZED
}

/// Adds what the operator must change after an error that concerns the client.
fn with_remedy(text: String, code: &str, client: &ClientAuthentication) -> String {
    match code {
        "invalid_scope" => {
            format!(
                "{text}; remove the scope from provider.scopes, or permit it to this client at the provider"
            )
        }
        "unsupported_grant_type" => {
            format!("{text}; allow the authorization code and refresh token grants at the provider")
        }
        // An error of the protocol, and not of the client's secret.
        "invalid_request" | "unsupported_token_type" => text,
        _ => format!("{text}; {}", client.remedy()),
    }
}

/// Returns whether the status comes from the provider itself. Every other 5xx may come from a proxy in front of it.
fn is_own_status(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE
    )
}
