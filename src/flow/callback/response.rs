//! Parameters of an authorization response, and the errors in it

use thiserror::Error;
use url::form_urlencoded;

use crate::access::quoted::{quoted, quoted_explanation};
use crate::secret::Secret;

/// The parameters of an authorization response (OpenID Connect Core §3.1.2.5, §3.1.2.6; RFC 9207 §2).
#[derive(Default)]
pub struct AuthenticationResponse {
    pub(super) state: Option<String>,
    code: Option<Secret>,
    pub(super) iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// Not used (OpenID Connect Session Management §2), but no honest sender repeats it.
    has_session_state: bool,
}

/// A parameter came twice, which no honest sender does.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the authorization response repeats the parameter {0}")]
pub struct RepeatedParameter(String);

/// An error that the provider returned instead of a code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the provider returned the error {}: {}{}",
    quoted(error),
    quoted_explanation(description),
    remedy(error)
)]
pub struct ResponseError {
    /// `error`.
    error: String,
    /// `error_description`, untrusted text.
    description: String,
}

/// Who must act after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responsible {
    /// The user, who cancelled the sign-in or was refused.
    User,
    /// The operator of the gateway or of the provider.
    Operator,
    /// The provider, which has a problem of its own.
    Provider,
}

/// Errors about the request or the client, which only a change of the settings ends (RFC 6749 §4.1.2.1, §5.2; OpenID
/// Connect Core §3.1.2.6; RFC 8707 §2).
const OPERATOR_ERRORS: [&str; 11] = [
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "invalid_client",
    "invalid_request_uri",
    "invalid_request_object",
    "request_not_supported",
    "request_uri_not_supported",
    "registration_not_supported",
    "invalid_target",
];

/// Errors of the provider itself (RFC 6749 §4.1.2.1).
const PROVIDER_ERRORS: [&str; 2] = ["server_error", "temporarily_unavailable"];

/// Errors by which a provider says that it needs the user (OpenID Connect Core §3.1.2.6). With `prompt=none`, each
/// further sign-in would end in the same error.
const NEEDS_INTERACTION: [&str; 4] =
    ["login_required", "interaction_required", "consent_required", "account_selection_required"];

/// Errors after which the provider's documentation says to send a new authentication request at once, with their
/// description. Keycloak: the sign-in page expired in this tab, but the user is signed in there.
const REPEATED_AT_ONCE: [(&str, &str); 1] = [("temporarily_unavailable", "authentication_expired")];

impl AuthenticationResponse {
    /// Parses a query. A known parameter must not be repeated; unknown parameters are ignored.
    pub fn parse(query: &str) -> Result<Self, RepeatedParameter> {
        let mut response = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let is_repeated = match &*name {
                "state" => response.state.replace(value.into_owned()).is_some(),
                "code" => response.code.replace(Secret::new(value)).is_some(),
                "iss" => response.iss.replace(value.into_owned()).is_some(),
                "error" => response.error.replace(value.into_owned()).is_some(),
                "session_state" => std::mem::replace(&mut response.has_session_state, true),
                "error_description" => response.error_description.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if is_repeated {
                return Err(RepeatedParameter(name.into_owned()));
            }
        }
        Ok(response)
    }

    /// Returns the error, if the response has one.
    pub(super) fn error(&self) -> Option<ResponseError> {
        let description = self.error_description.clone().unwrap_or_default();
        self.error.clone().map(|error| ResponseError { error, description })
    }

    /// Returns the code, if the response has one.
    pub(super) fn code(&self) -> Option<&Secret> {
        self.code.as_ref()
    }
}

/// Returns what the operator must change, for the end of a message.
fn remedy(error: &str) -> &'static str {
    if error == "invalid_scope" {
        "; remove the scope from provider.scopes, or permit it to this client at the provider"
    } else {
        ""
    }
}

impl ResponseError {
    /// Returns the error of a request that belongs to no sign-in, for the end of a message. Any client can send it.
    pub(super) fn unconfirmed(&self) -> String {
        let (error, description) = (quoted(&self.error), quoted(&self.description));
        format!("; the request, which any client can send, has the error {error}: {description}")
    }

    /// Returns who must act.
    pub fn responsible(&self) -> Responsible {
        let error = self.error.as_str();
        if OPERATOR_ERRORS.contains(&error) {
            Responsible::Operator
        } else if PROVIDER_ERRORS.contains(&error) {
            Responsible::Provider
        } else {
            Responsible::User
        }
    }

    /// Returns whether the provider must show a page to the user.
    pub fn needs_interaction(&self) -> bool {
        NEEDS_INTERACTION.contains(&self.error.as_str())
    }

    /// Returns whether a new authentication request is to be sent at once.
    pub(super) fn is_repeated_at_once(&self) -> bool {
        REPEATED_AT_ONCE.contains(&(self.error.as_str(), self.description.as_str()))
    }
}
