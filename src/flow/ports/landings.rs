//! What is asked of the place where sign-outs wait for the way back?

use http::{HeaderMap, HeaderValue};

use crate::access::origin::Origin;

/// Where the `state` of a sign-out waits (OpenID Connect RP-Initiated Logout 1.0 §3): in the browser that began it.
pub trait LandingStore: Send + Sync {
    /// The `Set-Cookie` value that keeps a state.
    fn keep(&self, state: &str, origin: &Origin) -> Option<HeaderValue>;

    /// The `Set-Cookie` value that removes it, where this is the state that the request's cookie holds.
    fn land(&self, state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue>;
}
