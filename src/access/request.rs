//! The request that is decided, whichever proxy sent it

use http::{HeaderMap, Method};

use super::credential::Credential;
use super::origin::Origin;
use super::surface::Surface;
use super::target::Target;

/// One request of a client, as an adapter in `edge` or our own proxy understood it.
#[derive(Clone, Copy)]
pub struct AccessRequest<'a> {
    /// The public origin it came to.
    pub origin: &'a Origin,
    /// Path and query.
    pub target: Target<'a>,
    /// The client's method.
    pub method: &'a Method,
    /// The client's own header fields.
    pub headers: &'a HeaderMap,
    /// The name of the policy that applies.
    pub policy: &'a str,
    /// On whose behalf: none, until the flow has read it.
    pub credential: Credential<'a>,
}

impl AccessRequest<'_> {
    /// How the browser asks; worked out where it is needed, which it is not where a request passes.
    pub fn surface(&self) -> Surface {
        Surface::of(self.method, self.headers)
    }
}
