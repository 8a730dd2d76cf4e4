//! Request to decide, independent of the proxy that sent it

use http::{HeaderMap, Method};

use super::credential::Credential;
use super::origin::Origin;
use super::query_conditions::QueryConditions;
use super::surface::Surface;
use super::target::Target;

/// One request of a client, as an adapter in `edge` or our own proxy read it.
#[derive(Clone, Copy)]
pub struct AccessRequest<'a> {
    /// The public origin of the request.
    pub origin: &'a Origin,
    /// Path and query.
    pub target: Target<'a>,
    /// The client's method.
    pub method: &'a Method,
    /// The client's own header fields.
    pub headers: &'a HeaderMap,
    /// The name of the policy that applies.
    pub policy: &'a str,
    /// The conditions that the user must meet in addition to the policy.
    pub conditions: &'a QueryConditions,
    /// Whether the proxy removes the client's fields that only a gateway may send. If not, such a request is refused.
    pub foreign_fields_are_removed: bool,
    /// Whether the proxy forwards only listed fields of the client, and none that shows the client
    /// ([`shows_no_client`](super::surface::shows_no_client)).
    pub client_is_hidden: bool,
    /// The credential: none, until the flow has read it.
    pub credential: Credential<'a>,
}

impl AccessRequest<'_> {
    /// Returns the surface. It is computed on demand, because a request that passes does not need it.
    pub fn surface(&self) -> Surface {
        if self.client_is_hidden {
            Surface::of_hidden_client(self.method, self.headers)
        } else {
            Surface::of(self.method, self.headers)
        }
    }
}
