//! Exchange of a code for the tokens of a sign-in

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::announcement::{Announcement, OFFLINE_ACCESS};
use super::http::Http;
use super::id_token::{IdTokenError, Verified};
use super::metadata::Metadata;
use super::settings::ProviderSettings;
use super::userinfo::UserinfoEndpoint;
use super::{Provider, authentication, token_endpoint, userinfo};
use crate::flow::audit::{Hint, ProviderCall};
use crate::flow::ports::{CodeExchange, ExchangeError, SignedIn, TokenSet, UnixTime};
use crate::secret::Secret;

impl Provider {
    pub(super) async fn exchange_code(&self, exchange: &CodeExchange<'_>) -> Result<SignedIn, ExchangeError> {
        let known =
            self.known.load_full().ok_or_else(|| ExchangeError::ProviderUnavailable(self.last_error()))?;
        let requested_at = self.clock.now();
        let endpoint = &known.metadata.token_endpoint;
        let call =
            token_endpoint::exchange(&self.exchanges, &self.settings, endpoint, requested_at, exchange);
        let tokens = self.audit_call(ProviderCall::CodeExchange, call, is_refusal).await?;
        let id_token =
            tokens.id_token.ok_or_else(|| ExchangeError::ProviderMisbehaved(NO_ID_TOKEN.to_owned()))?;
        let expected = self.expectations(Some(exchange.nonce.expose()), tokens.access_token.expose());
        let verified = self
            .verify_id_token(&known, id_token.expose(), &expected)
            .await
            .map_err(|error| classify(&error))?;
        authentication::check_sign_in(&self.settings, &verified.authentication, self.clock.now())?;
        let access = &tokens.access_token;
        let verified = self.add_userinfo_claims(&self.exchanges, &known.metadata, access, verified).await?;
        let access_ends = tokens.expires_in.map(|lifetime| requested_at.plus(lifetime));
        let expires_at = access_ends.map_or(verified.expires_at, |end| end.min(verified.expires_at));
        // Accepted within the leeway, or issued with no lifetime: the session would redirect to the provider
        // immediately.
        if expires_at <= self.clock.now() {
            return Err(ExchangeError::ClocksDiffer(ALREADY_EXPIRED.to_owned()));
        }
        if tokens.refresh_token.is_none() {
            self.report_no_refresh_token(&known.metadata, expires_at);
        }
        let refresh_expires_at = tokens.refresh_expires_in.map(|lifetime| requested_at.plus(lifetime));
        let refresh_token = tokens.refresh_token;
        let tokens = TokenSet {
            id_token,
            refresh_token,
            expires_at,
            requested_at,
            id_token_issued_at: verified.issued_at,
            authentication: verified.authentication,
            id_token_expires_at: verified.expires_at,
            refresh_expires_at,
        };
        Ok(SignedIn { tokens, subject: verified.subject, claims: verified.claims })
    }

    /// Adds the claims from userinfo to a verified ID token, if userinfo is configured.
    pub(super) async fn add_userinfo_claims(
        &self,
        http: &Http,
        metadata: &Metadata,
        access_token: &Secret,
        verified: Verified,
    ) -> Result<Verified, ExchangeError> {
        let Some(url) = metadata.userinfo_endpoint.as_ref().filter(|_| self.settings.userinfo) else {
            return Ok(verified);
        };
        let is_configured = self.settings.endpoints.userinfo.is_some();
        let endpoint = UserinfoEndpoint { url, is_configured };
        let call = userinfo::fetch_and_merge(http, &endpoint, access_token, verified);
        self.audit_call(ProviderCall::Userinfo, call, is_refusal).await
    }

    /// Reports, once, that sign-ins end with their tokens.
    fn report_no_refresh_token(&self, metadata: &Metadata, expires_at: UnixTime) {
        if self.has_reported_no_refresh_token.swap(true, Ordering::Relaxed) {
            return;
        }
        let lifetime = Duration::from_secs(expires_at.seconds_since(self.clock.now()));
        let remedy = no_refresh_token_remedy(&self.settings, &metadata.announcement);
        self.audit.hint(&Hint::NoRefreshToken { lifetime, remedy });
    }
}

/// The issuer that sends refresh tokens only with two parameters of its own.
const GOOGLE: &str = "https://accounts.google.com";

/// Returns what the operator must change to get refresh tokens.
fn no_refresh_token_remedy(settings: &ProviderSettings, announced: &Announcement) -> &'static str {
    let has_parameter = |name, value| {
        settings.authorization_parameters.get(name).is_some_and(|set: &String| set.as_str() == value)
    };
    if settings.issuer == GOOGLE
        && !(has_parameter("access_type", "offline") && has_parameter("prompt", "consent"))
    {
        "add access_type = \"offline\" and prompt = \"consent\" to [provider.authorization_parameters]"
    } else if settings.scopes.iter().any(|scope| scope == OFFLINE_ACCESS) {
        "provider.scopes has offline_access, so allow this client at the provider to get refresh tokens"
    } else if announced.has_scope(OFFLINE_ACCESS) {
        "the provider announces the scope offline_access: add it to provider.scopes"
    } else {
        "allow this client at the provider to get refresh tokens, or lengthen the lifetime of its tokens"
    }
}

pub(super) const NO_ID_TOKEN: &str =
    "the token response has no ID token; check that provider.scopes contains openid";
const ALREADY_EXPIRED: &str = "the tokens are already expired (exp, expires_in), so that no session can begin: the \
                               clocks differ, or the lifetime of the provider's tokens is too short";

fn classify(error: &IdTokenError) -> ExchangeError {
    let text = error.to_string();
    if error.is_about_time() {
        ExchangeError::ClocksDiffer(text)
    } else if error.is_about_settings() {
        ExchangeError::Misconfigured(text)
    } else {
        ExchangeError::ProviderMisbehaved(text)
    }
}

fn is_refusal(error: &ExchangeError) -> bool {
    matches!(error, ExchangeError::CodeRefused(_) | ExchangeError::ClientRefused(_))
}

#[cfg(test)]
mod tests {
    use super::super::testing::settings;
    use super::*;

    #[test]
    fn google_needs_two_parameters_for_a_refresh_token() {
        let announced = Announcement::default();
        let mut google = settings(GOOGLE);
        for missing in ["access_type = \"offline\"", "prompt = \"consent\""] {
            let remedy = no_refresh_token_remedy(&google, &announced);
            assert!(remedy.contains(missing) && remedy.ends_with("[provider.authorization_parameters]"));
        }
        let offline = [("access_type", "offline"), ("prompt", "consent")];
        for (name, value) in offline {
            google.authorization_parameters = [(name.to_owned(), value.to_owned())].into();
            assert!(no_refresh_token_remedy(&google, &announced).contains("access_type"), "{name} alone");
        }
        google.authorization_parameters =
            offline.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert!(!no_refresh_token_remedy(&google, &announced).contains("access_type"));
        let other = no_refresh_token_remedy(&settings("https://kc.example"), &announced);
        assert!(!other.contains("access_type"), "{other}");
    }
}
