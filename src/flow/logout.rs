//! Sign-out by the user
//!
//! 1. The session of the gateway ends first, independently of the provider.
//! 2. Then the user is redirected to the provider to end its session too (OpenID Connect RP-Initiated Logout 1.0 §2).
//! 3. If the provider has no end-session endpoint, the refresh token is revoked (RFC 7009). At a provider that has one,
//!    a revocation might end the provider's session without a notice to the other applications.
//! 4. The provider redirects the user back with our `state`, or without it. No sign-out fails without it.
//! 5. If a button of the application signs out, no page of ours is open. Then the next page of ours redirects the user
//!    to the provider. If the browser has not come back within ten seconds, the provider is asked without
//!    the browser.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
/// How long the browser has to come back from the provider after a sign-out by the application.
const LEAVING_TIME: Duration = Duration::from_secs(10);
/// The limit of browsers that are expected. Beyond it, the provider is asked at once.
const MAX_LEAVING: usize = 10_000;

/// How often the browser may be redirected, because a provider that does not redirect back would cause a loop.
const MAX_URL_USES: u8 = 3;

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
    /// The browsers that the application signed out, and that have not come back from the provider yet.
    pub leaving: Leaving,
}

/// URLs of logout requests by `state`, each for a short time.
pub struct Leaving {
    time: Duration,
    urls: Mutex<HashMap<String, LogoutUrl>>,
}

struct LogoutUrl {
    url: Secret,
    uses: u8,
}

impl Default for Leaving {
    fn default() -> Self {
        Self::new(LEAVING_TIME)
    }
}

impl Leaving {
    fn new(time: Duration) -> Self {
        Self { time, urls: Mutex::default() }
    }

    /// Keeps the URL of a browser. Returns false if there is no room.
    fn expect(&self, state: &str, url: Secret) -> bool {
        let mut leaving = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = leaving.len() < MAX_LEAVING;
        if has_room {
            leaving.insert(state.to_owned(), LogoutUrl { url, uses: 0 });
        }
        has_room
    }

    fn url(&self, state: &str) -> Option<Secret> {
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = urls.get_mut(state).filter(|kept| kept.uses < MAX_URL_USES)?;
        kept.uses += 1;
        Some(kept.url.clone())
    }

    /// Returns whether the browser was still expected.
    fn forget(&self, state: &str) -> bool {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).remove(state).is_some()
    }
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
    /// The URL of the logout request, which may contain the ID token; `None` if the provider has nothing to end.
    pub onward: Option<Secret>,
    /// The refresh token to revoke, if the sign-out reaches the provider in no other way.
    pub revoke: Option<Secret>,
}

/// A session that has ended here.
struct Ended {
    signed_out: SignedOut,
    state: Option<String>,
    refresh_token: Option<Secret>,
}

impl Logout {
    /// Ends the session of a request, whether it is usable or not.
    pub async fn sign_out(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
    ) -> Result<SignedOut, StoreUnavailable> {
        let Ended { signed_out, refresh_token, .. } = self.end(origin, headers).await?;
        let must_revoke = self.at_provider.is_some() && self.end_session_endpoint().is_none();
        Ok(SignedOut { revoke: refresh_token.filter(|_| must_revoke), ..signed_out })
    }

    /// Ends the session of a request by which the application signs out. The user's browser, or the server after
    /// ten seconds, ends the session at the provider. Returns the cookies, and `sub` if known.
    ///
    /// `is_page_origin` is whether our pages are on the same host, which gets the cookie with the `state`.
    pub async fn sign_out_of_application(
        self: &Arc<Self>,
        origin: &Origin,
        headers: &HeaderMap,
        is_page_origin: bool,
    ) -> Result<(Vec<HeaderValue>, Option<String>), StoreUnavailable> {
        let Ended { signed_out, state, refresh_token } = self.end(origin, headers).await?;
        let SignedOut { cookies, subject, onward, .. } = signed_out;
        let expected = state.zip(onward).filter(|_| is_page_origin);
        let expected = expected.and_then(|(state, url)| self.leaving.expect(&state, url).then_some(state));
        if self.at_provider.is_some() {
            let this = Arc::clone(self);
            tokio::spawn(async move { this.end_at_provider(expected, refresh_token).await });
        }
        Ok((cookies, subject))
    }

    /// Ends a session at the provider, unless the browser of that `state` has come back from there.
    async fn end_at_provider(&self, expected: Option<String>, refresh_token: Option<Secret>) {
        if let Some(state) = expected {
            tokio::time::sleep(self.leaving.time).await;
            if !self.leaving.forget(&state) {
                return;
            }
        }
        let (Some(at_provider), Some(token)) = (&self.at_provider, refresh_token) else { return };
        let _result = if self.end_session_endpoint().is_some() {
            at_provider.provider.end_session(&token).await
        } else {
            at_provider.provider.revoke(&token).await.map(drop)
        };
    }

    /// Returns the URL of the logout request of a browser that the application has signed out.
    ///
    /// It stays valid until the provider redirects back, because a page may reload itself twice: the browser then
    /// aborts the first navigation.
    pub fn leaving_url(&self, headers: &HeaderMap, origin: &Origin) -> Option<Secret> {
        self.leaving.url(&self.markers.sign_out_state(headers, origin)?)
    }

    async fn end(&self, origin: &Origin, headers: &HeaderMap) -> Result<Ended, StoreUnavailable> {
        let request = SessionRequest { headers, origin, now: self.clock.now(), active: true, found: None };
        let EndedSession { mut cookies, subject, refresh_token, id_token } =
            self.sessions.end(request).await?;
        cookies.extend(self.markers.clear_loop_marker(headers, origin));
        let logout = self.at_provider.as_ref().zip(id_token);
        let logout = logout.and_then(|(at_provider, hint)| at_provider.logout_url(origin, &hint));
        let (onward, state) = logout.map_or((None, None), |(url, state)| (Some(url), state));
        let kept = state.as_ref().and_then(|state| self.markers.keep_sign_out_state(state, origin));
        cookies.extend(kept);
        Ok(Ended { signed_out: SignedOut { cookies, subject, onward, revoke: None }, state, refresh_token })
    }

    /// Revokes a refresh token that no session will use (RFC 7009). If that fails, the token expires on its own.
    pub async fn revoke(&self, refresh_token: &Secret) {
        if let Some(at_provider) = &self.at_provider {
            let _result = at_provider.provider.revoke(refresh_token).await;
        }
    }

    /// The provider redirected the browser back. Returns the `Set-Cookie` value that removes the `state`; `None` if the
    /// request's cookie holds another `state`.
    pub fn finish_sign_out(&self, state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue> {
        let removal = self.markers.finish_sign_out(state, headers, origin)?;
        self.leaving.forget(state);
        Some(removal)
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
    let redirect = OwnPage::SignedOut.url(origin);
    let parameters =
        [("client_id", Some(client_id)), ("post_logout_redirect_uri", Some(&*redirect)), ("state", state)];
    for (name, value) in parameters {
        // A parameter must not come twice, and the operator may have set it in provider.endpoints.end_session.
        if let Some(value) = value.filter(|_| !endpoint.query_pairs().any(|(set, _)| set == name)) {
            endpoint.query_pairs_mut().append_pair(name, value);
        }
    }
    let max_hint_bytes = MAX_URL_BYTES.saturating_sub(endpoint.as_str().len() + HINT.len() + "&=".len());
    // Without the hint, the provider asks the user to confirm.
    if !hint.is_empty() && hint.len() <= max_hint_bytes {
        endpoint.query_pairs_mut().append_pair(HINT, hint);
    }
    endpoint
}

const HINT: &str = "id_token_hint";

#[cfg(test)]
mod tests;
