//! What is asked, whichever proxy asked it?

use http::{HeaderMap, Method};

use super::origin::Origin;
use super::surface::Surface;
use super::target::Target;

/// One request of a client, as an adapter in `edge` or our own proxy understood it.
#[derive(Clone, Copy, Debug)]
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
}

impl AccessRequest<'_> {
    /// How the browser asks; worked out where it is needed, which it is not where a request passes.
    pub fn surface(&self) -> Surface {
        Surface::of(self.method, self.headers)
    }
}
