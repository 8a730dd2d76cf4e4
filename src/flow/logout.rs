//! Sign-out by the user
//!
//! 1. The session of the gateway ends first, independently of the provider.
//! 2. Then the user is redirected to the provider to end its session too (OpenID Connect RP-Initiated Logout 1.0 §2).
//! 3. If the provider has no end-session endpoint, the refresh token is revoked (RFC 7009). At a provider that has one,
//!    a revocation might end the provider's session without a notice to the other applications.
//! 4. The provider redirects the user back with our `state`, or without it. Nothing depends on the `state`.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use url::Url;

use super::login::random_text;
use super::ports::{
    Clock, EndedSession, Entropy, IdentityProvider, Markers, SessionRequest, Sessions, StoreUnavailable,
};
use crate::access::origin::Origin;
use crate::access::own_page::OwnPage;
use crate::secret::Secret;

/// The maximum length of a URL for the provider. Servers accept 8 KB of request head, which must also hold the
/// provider's own cookies.
const MAX_URL_BYTES: usize = 6000;

/// Ends sessions.
pub struct Logout {
    /// Ends the gateway's sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The marker of a sign-in, and the `state` of a sign-out.
    pub markers: Arc<dyn Markers>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Ends the session at the provider too, if that is configured.
    pub at_provider: Option<ProviderLogout>,
}

/// Redirects users to the provider's end-session endpoint.
pub struct ProviderLogout {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// The gateway's client id at the provider.
    pub client_id: String,
    /// Random bytes for `state`.
    pub entropy: Arc<dyn Entropy>,
}

/// The result of a sign-out.
pub struct SignedOut {
    /// `Set-Cookie` values that remove the session, and keep the `state` until the provider redirects back.
    pub cookies: Vec<HeaderValue>,
    /// `sub` of the user, if the session could be used or refreshed.
    pub subject: Option<String>,
    /// The URL of the logout request, which contains the ID token; `None` if the provider has nothing to end.
    pub onward: Option<Secret>,
    /// The refresh token to revoke, if the sign-out reaches the provider in no other way.
    pub revoke: Option<Secret>,
}

impl Logout {
    /// Ends the session of a request, whether it is usable or not.
    pub async fn sign_out(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
    ) -> Result<SignedOut, StoreUnavailable> {
        let request = SessionRequest { headers, origin, now: self.clock.now(), active: true, found: None };
        let EndedSession { mut cookies, subject, refresh_token, id_token } =
            self.sessions.end(request).await?;
        cookies.extend(self.markers.clear_loop_marker(headers, origin));
        let onward = self.at_provider.as_ref().and_then(|at_provider| {
            let (url, state) = at_provider.logout_url(origin, &id_token?)?;
            cookies.extend(state.and_then(|state| self.markers.keep_sign_out_state(&state, origin)));
            Some(url)
        });
        let must_revoke = self.at_provider.is_some() && self.end_session_endpoint().is_none();
        Ok(SignedOut { cookies, subject, onward, revoke: refresh_token.filter(|_| must_revoke) })
    }

    /// Revokes a refresh token that no session will use (RFC 7009). If that fails, the token expires on its own.
    pub async fn revoke(&self, refresh_token: &Secret) {
        if let Some(at_provider) = &self.at_provider {
            let _result = at_provider.provider.revoke(refresh_token).await;
        }
    }

    /// Returns the `Set-Cookie` value that removes the `state` of a sign-out; `None` if the request's cookie holds
    /// another `state`.
    pub fn finish_sign_out(&self, state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue> {
        self.markers.finish_sign_out(state, headers, origin)
    }

    /// Returns the provider's end-session endpoint, if sign-out at the provider is configured and the endpoint is
    /// known.
    pub fn end_session_endpoint(&self) -> Option<Url> {
        self.at_provider.as_ref()?.provider.end_session_endpoint()
    }
}

impl ProviderLogout {
    /// Returns the URL that ends the session at the provider, and its `state`; `None` without an end-session endpoint.
    fn logout_url(&self, origin: &Origin, hint: &Secret) -> Option<(Secret, Option<String>)> {
        let endpoint = self.provider.end_session_endpoint()?;
        // Without random bytes there is no state. The redirect back needs none, and the sign-out must not fail.
        let state = random_text(&*self.entropy).ok();
        let url = logout_request(endpoint, &self.client_id, origin, state.as_deref(), hint.expose());
        Some((Secret::new(url), state))
    }
}

/// Returns the URL of the logout request (OpenID Connect RP-Initiated Logout 1.0 §2).
fn logout_request(
    mut endpoint: Url,
    client_id: &str,
    origin: &Origin,
    state: Option<&str>,
    hint: &str,
) -> Url {
    endpoint
        .query_pairs_mut()
        .append_pair("client_id", client_id)
        .append_pair("post_logout_redirect_uri", &OwnPage::SignedOut.url(origin))
        .extend_pairs(state.map(|state| ("state", state)));
    let max_hint_bytes = MAX_URL_BYTES.saturating_sub(endpoint.as_str().len() + HINT.len() + "&=".len());
    // Without the hint, the provider asks the user to confirm.
    if hint.len() <= max_hint_bytes {
        endpoint.query_pairs_mut().append_pair(HINT, hint);
    }
    endpoint
}

const HINT: &str = "id_token_hint";

#[cfg(test)]
mod tests;
