//! How does a session end because the person says so?
//!
//! 1. Ours ends first, whatever the provider does.
//! 2. Then the person is sent to the provider, to end its session too (OpenID Connect RP-Initiated Logout 1.0 §2).
//! 3. A provider that ends no sessions is given the refresh token back (RFC 7009): at one that does, this might end its
//!    session without telling the other applications.
//! 4. From there they come back with our `state`, or without: nothing depends on it.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use url::Url;

use super::login::random;
use super::ports::{
    Clock, EndedSession, Entropy, IdentityProvider, Markers, SessionRequest, Sessions, StoreUnavailable,
};
use crate::access::origin::Origin;
use crate::access::own_page::OwnPage;
use crate::secret::Secret;

/// The most characters of a URL for the provider: servers take 8 KB of request head, and the provider's own cookies
/// must fit beside it.
const MAX_URL_BYTES: usize = 6000;

/// Ends sessions.
pub struct Logout {
    /// Where sessions live.
    pub sessions: Arc<dyn Sessions>,
    /// Where a sign-in has left its marker, and a sign-out its `state`.
    pub markers: Arc<dyn Markers>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ends the session at the provider too, where that is wanted.
    pub at_provider: Option<ProviderLogout>,
}

/// Sends people to the provider's end-session endpoint.
pub struct ProviderLogout {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Our name there.
    pub client_id: String,
    /// Randomness for `state`.
    pub entropy: Arc<dyn Entropy>,
}

/// What the browser is told, and who it was.
pub struct SignedOut {
    /// `Set-Cookie` values that remove the session, and keep the `state` of the way back.
    pub cookies: Vec<HeaderValue>,
    /// The person, where there was a usable session.
    pub subject: Option<String>,
    /// Where the browser goes now, with the ID token in it; nowhere, where the provider has nothing to end.
    pub onward: Option<Secret>,
    /// The refresh token, where the provider is to be told of the sign-out by nothing else.
    pub revoke: Option<Secret>,
}

impl Logout {
    /// Ends the session of a request, usable or not.
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
            let (url, state) = at_provider.leave(origin, &id_token?)?;
            cookies.extend(state.and_then(|state| self.markers.keep_sign_out_state(&state, origin)));
            Some(url)
        });
        let nowhere_else = self.at_provider.is_some() && self.end_session_endpoint().is_none();
        Ok(SignedOut { cookies, subject, onward, revoke: refresh_token.filter(|_| nowhere_else) })
    }

    /// Makes a refresh token worthless that nobody will use (RFC 7009); where that fails, it ends by itself.
    pub async fn revoke(&self, refresh_token: &Secret) {
        if let Some(at_provider) = &self.at_provider {
            let _worthless = at_provider.provider.revoke(refresh_token).await;
        }
    }

    /// The `Set-Cookie` value for a browser that comes back with a `state`; none where it was sent with another.
    pub fn finish_sign_out(&self, state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue> {
        self.markers.finish_sign_out(state, headers, origin)
    }

    /// Where a browser may be sent on signing out, as far as it is known now.
    pub fn end_session_endpoint(&self) -> Option<Url> {
        self.at_provider.as_ref()?.provider.end_session_endpoint()
    }
}

impl ProviderLogout {
    /// The URL that ends the session there, and its `state`; nothing where nobody can be asked.
    fn leave(&self, origin: &Origin, hint: &Secret) -> Option<(Secret, Option<String>)> {
        let endpoint = self.provider.end_session_endpoint()?;
        // Without randomness there is no state: the way back needs none, and the sign-out must not fail.
        let state = random(&*self.entropy).ok();
        let url = logout_request(endpoint, &self.client_id, origin, state.as_deref(), hint.expose());
        Some((Secret::new(url), state))
    }
}

/// The logout request (§2).
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
    let room = MAX_URL_BYTES.saturating_sub(endpoint.as_str().len() + HINT.len() + "&=".len());
    // Without it the provider asks the person itself.
    if hint.len() <= room {
        endpoint.query_pairs_mut().append_pair(HINT, hint);
    }
    endpoint
}

const HINT: &str = "id_token_hint";

#[cfg(test)]
mod tests;
