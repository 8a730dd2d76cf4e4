//! The session cookies of one origin

use super::codec::seal::{Binding, Purpose};
use super::cookie::Names;
use crate::access::origin::{Origin, Origins};

/// Where the sessions of an origin are: the names of their cookies, and what their values are bound to.
pub(super) struct Place {
    pub(super) origin: String,
    pub(super) names: Names,
    pub(super) binding: Binding,
}

/// The places of all public origins.
pub(super) struct Places(Vec<Place>);

impl Places {
    /// Returns the places for a client, which is the issuer and the client ID.
    pub(super) fn new(origins: &Origins, (issuer, client_id): (&str, &str)) -> Self {
        let place = |origin: &Origin| {
            let names = Names::for_sessions(origin, origins.domain());
            // The dot keeps a domain distinct from an origin.
            let place =
                origins.domain().map_or_else(|| origin.as_str().to_owned(), |domain| format!(".{domain}"));
            let binding = Binding::new(Purpose::Session, names.session(), &place, issuer, client_id);
            Place { origin: origin.as_str().to_owned(), names, binding }
        };
        Self(origins.iter().map(place).collect())
    }

    /// Returns the place of an origin.
    pub(super) fn of(&self, origin: &Origin) -> Option<&Place> {
        self.0.iter().find(|place| place.origin == origin.as_str())
    }
}
