//! Subkeys for tickets

use aws_lc_rs::hmac;

use crate::flow::ports::IssuerIndex;
use crate::session::records::{RecordId, Tag};

/// The subkeys of one key of the ring.
pub(in crate::session) struct TicketRoots {
    pub(super) record_id: hmac::Key,
    pub(super) record_key: hmac::Key,
    pub(super) tag: hmac::Key,
    pub(super) mac: hmac::Key,
    pub(super) listed_id: hmac::Key,
}

/// What a tag is made of.
#[derive(Clone, Copy)]
pub(in crate::session) enum Tagged<'a> {
    /// A `sub`.
    Subject(&'a str),
    /// A `sid`.
    Session(&'a str),
}

impl TicketRoots {
    /// Returns the MAC of a ticket.
    pub(super) fn mac(&self, ticket: &[u8]) -> Option<[u8; 16]> {
        truncated(&self.mac, ticket)
    }

    /// Returns the id of a ticket's record.
    pub(super) fn record_id(&self, ticket: &[u8]) -> Option<RecordId> {
        truncated(&self.record_id, ticket).map(RecordId)
    }

    /// Returns the key of a ticket's record.
    pub(super) fn record_key(&self, ticket: &[u8]) -> hmac::Tag {
        hmac::sign(&self.record_key, ticket)
    }

    /// Returns the id by which the session of a ticket shows a record to its user.
    pub(super) fn listed_id(&self, ticket: &[u8], record: RecordId) -> Option<[u8; 16]> {
        truncated(&self.listed_id, &[ticket, &record.0].concat())
    }

    /// Returns the tag of a name.
    pub(super) fn tag(&self, issuer: IssuerIndex, tagged: Tagged<'_>) -> Option<Tag> {
        let (kind, name) = match tagged {
            Tagged::Subject(sub) => (0, sub),
            Tagged::Session(sid) => (1, sid),
        };
        let [high, low] = issuer.0.to_be_bytes();
        truncated(&self.tag, &[&[kind, high, low], name.as_bytes()].concat()).map(Tag)
    }
}

fn truncated(key: &hmac::Key, message: &[u8]) -> Option<[u8; 16]> {
    hmac::sign(key, message).as_ref().first_chunk().copied()
}
