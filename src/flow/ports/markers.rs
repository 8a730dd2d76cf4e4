//! The port to marker cookies: what a browser keeps for us for seconds or minutes, and that is no session

use http::{HeaderMap, HeaderValue};

use super::provider::IssuerIndex;
use super::{NoEntropy, UnixTime};
use crate::access::origin::Origin;
use crate::access::return_to::ReturnTo;
use crate::secret::Secret;

/// One attempt to sign in, from `/oauth2/start` to the callback.
pub struct LoginTransaction {
    /// The issuer that the user was sent to.
    pub issuer: IssuerIndex,
    /// `state`: what the provider returns.
    pub state: String,
    /// `nonce`: what the ID token must hold.
    pub nonce: Secret,
    /// The PKCE verifier.
    pub code_verifier: Secret,
    /// The page that the user wanted.
    pub return_to: ReturnTo,
}

/// What a sign-in of seconds ago left in the browser, so that a redirect loop is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopMarker {
    /// How often the browser has come back from a sign-in since.
    pub times: u8,
    /// Whether it was the page that it wants now.
    pub here: bool,
}

/// The page reloads that led to no session within the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadCount {
    /// How many.
    pub times: u8,
    /// The last one.
    pub at: UnixTime,
}

/// Marker cookies. Values returned as `HeaderValue` are `Set-Cookie` values for the response.
pub trait Markers: Send + Sync {
    /// Keeps a login transaction, and removes the oldest ones if there are too many.
    fn keep_login(
        &self,
        transaction: &LoginTransaction,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy>;

    /// Takes the transaction of a `state`, if this browser began it and it has not expired. It is returned once.
    fn take_login(
        &self,
        state: &str,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Option<LoginTransaction>;

    /// Removes the transaction of a `state`.
    fn forget_login(&self, state: &str, origin: &Origin) -> Option<HeaderValue>;

    /// Returns the marker of a sign-in that ended some seconds ago.
    fn loop_marker(&self, headers: &HeaderMap, origin: &Origin, return_to: &ReturnTo) -> Option<LoopMarker>;

    /// Sets that marker.
    fn set_loop_marker(&self, times: u8, return_to: &ReturnTo, origin: &Origin) -> Option<HeaderValue>;

    /// Removes it, if the request carries one.
    fn clear_loop_marker(&self, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue>;

    /// Keeps the `state` of a sign-out (OpenID Connect RP-Initiated Logout 1.0 §3).
    fn keep_sign_out_state(&self, state: &str, origin: &Origin) -> Option<HeaderValue>;

    /// Removes it, if it is the one that the request's cookie holds.
    fn finish_sign_out(&self, state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue>;

    /// Returns the reload counter.
    fn reload_count(&self, headers: &HeaderMap, origin: &Origin) -> Option<ReloadCount>;

    /// Sets it.
    fn set_reload_count(&self, count: ReloadCount, origin: &Origin) -> Option<HeaderValue>;
}
