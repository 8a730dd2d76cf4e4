//! Tickets: the cookie of a session whose record a store keeps
//!
//! 1. A ticket is the id of a key of the ring, the slot of the user, 30 random bytes, and their MAC. A forged ticket
//!    causes no lookup. The slot is a part of the tag of the user: see [`RecordId::slot`].
//! 2. The id of the record and the key that seals it are HMACs of the ticket under subkeys of that key. So neither the
//!    store nor the key ring alone opens a record, and a ticket without the key ring opens none.
//! 3. The store knows users and sessions of the provider only by tags, which are HMACs too.
//! 4. A user sees the records of other sessions by ids that only work with the user's own ticket.
//! 5. Every value is bound to the cookie name, the origin and the client, as cookies are.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64_simd::{Out, URL_SAFE_NO_PAD};

use super::seal::{Binding, KEY_ID_LEN, KeyRing};
pub(in crate::session) use super::ticket_roots::Tagged;
use crate::flow::ports::{Entropy, IssuerIndex, NoEntropy};
use crate::session::records::{RecordId, Tag};

const SECRET_LEN: usize = 32;
const MAC_LEN: usize = 16;
/// The length of a ticket, in bytes.
pub(in crate::session) const TICKET_LEN: usize = KEY_ID_LEN + SECRET_LEN + MAC_LEN;

/// The content of a session cookie.
#[derive(Clone, Copy)]
pub(in crate::session) struct Ticket([u8; TICKET_LEN]);

/// The keys that a ticket opens.
pub(in crate::session) struct TicketKeys {
    pub(in crate::session) id: RecordId,
    cipher: LessSafeKey,
}

impl Ticket {
    /// Returns a new ticket for a user.
    pub(in crate::session) fn new(
        keys: &KeyRing,
        entropy: &dyn Entropy,
        issuer: IssuerIndex,
        subject: Tagged<'_>,
    ) -> Result<Self, NoEntropy> {
        let mut ticket = [0; TICKET_LEN];
        let (signed, mac) = ticket.split_at_mut(KEY_ID_LEN + SECRET_LEN);
        entropy.fill(signed)?;
        let sealed = keys.newest_ticket_roots(|newest, roots| {
            let (id, rest) = signed.split_first_chunk_mut()?;
            *id = newest;
            *rest.first_chunk_mut()? = roots.tag(issuer, subject)?.slot();
            mac.copy_from_slice(&roots.mac(signed)?);
            Some(())
        });
        sealed.flatten().ok_or(NoEntropy)?;
        Ok(Self(ticket))
    }

    /// Reads the value of a cookie.
    pub(in crate::session) fn from_cookie(value: &[u8]) -> Option<Self> {
        let mut ticket = [0; TICKET_LEN];
        if value.len() != URL_SAFE_NO_PAD.encoded_length(TICKET_LEN) {
            return None;
        }
        URL_SAFE_NO_PAD.decode(value, Out::from_slice(&mut ticket)).ok()?;
        Some(Self(ticket))
    }

    /// Reads the bytes of a ticket.
    pub(in crate::session) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the value of the cookie.
    pub(in crate::session) fn to_cookie(self) -> String {
        URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    /// Returns the bytes.
    pub(in crate::session) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the keys of the ticket, if its key is in the ring and made it.
    pub(in crate::session) fn keys(&self, ring: &KeyRing) -> Option<TicketKeys> {
        let id = *self.0.first_chunk::<KEY_ID_LEN>()?;
        let (signed, mac) = self.0.split_at_checked(KEY_ID_LEN + SECRET_LEN)?;
        ring.ticket_roots(id, |roots| {
            verify_slices_are_equal(&roots.mac(signed)?, mac).ok()?;
            let cipher = UnboundKey::new(&AES_256_GCM, roots.record_key(&self.0).as_ref()).ok()?;
            let slot = *signed.get(KEY_ID_LEN..)?.first_chunk()?;
            Some(TicketKeys { id: roots.record_id(&self.0)?.in_slot(slot), cipher: LessSafeKey::new(cipher) })
        })?
    }

    /// Returns the tag of a name under the key of the ticket.
    pub(in crate::session) fn tag(
        &self,
        ring: &KeyRing,
        issuer: IssuerIndex,
        tagged: Tagged<'_>,
    ) -> Option<Tag> {
        let id = *self.0.first_chunk::<KEY_ID_LEN>()?;
        ring.ticket_roots(id, |roots| roots.tag(issuer, tagged))?
    }
}

impl Ticket {
    /// Returns the id by which the session of this ticket shows a record to its user.
    ///
    /// It is not the id of the record, and another ticket has another one.
    pub(in crate::session) fn listed_id(&self, ring: &KeyRing, record: RecordId) -> Option<String> {
        let id = *self.0.first_chunk::<KEY_ID_LEN>()?;
        let listed_id = ring.ticket_roots(id, |roots| roots.listed_id(&self.0, record))?;
        listed_id.map(|listed_id| URL_SAFE_NO_PAD.encode_to_string(listed_id))
    }
}

/// Returns the tags of a name under every key of the ring.
pub(in crate::session) fn tags(ring: &KeyRing, issuer: IssuerIndex, tagged: Tagged<'_>) -> Vec<Tag> {
    ring.all_ticket_roots(|roots| roots.tag(issuer, tagged)).into_iter().flatten().collect()
}

impl TicketKeys {
    /// Seals the contents of a session.
    pub(in crate::session) fn seal(
        &self,
        binding: &Binding,
        contents: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, NoEntropy> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut sealed = contents.to_vec();
        let aad = Aad::from(binding.associated_data(1).ok_or(NoEntropy)?);
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| NoEntropy)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens, in place, what [`Self::seal`] returned.
    pub(in crate::session) fn open<'v>(
        &self,
        binding: &Binding,
        sealed: &'v mut [u8],
    ) -> Option<&'v mut [u8]> {
        let (nonce, body) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let aad = Aad::from(binding.associated_data(1)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce[..]).ok()?;
        self.cipher.open_in_place(nonce, aad, body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::codec::seal::Purpose;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            Ok(())
        }
    }

    fn entropy() -> Counting {
        Counting(1.into())
    }

    fn new(ring: &KeyRing, entropy: &dyn Entropy) -> Result<Ticket, NoEntropy> {
        Ticket::new(ring, entropy, IssuerIndex::FIRST, Tagged::Subject("1"))
    }

    fn binding(origin: &str) -> Binding {
        Binding::new(Purpose::Session, "foregate", origin, "https://idp.test", "foregate")
    }

    #[test]
    fn record_opens_only_with_its_ticket_the_key_ring_and_the_place() {
        let (ring, entropy) = (KeyRing::new([&[7; 32]]).unwrap(), entropy());
        let ticket = new(&ring, &entropy).unwrap();
        let keys = ticket.keys(&ring).unwrap();
        let sealed = keys.seal(&binding("a"), b"contents", &entropy).unwrap();
        assert_eq!(keys.open(&binding("a"), &mut sealed.clone()).unwrap(), b"contents");
        assert!(keys.open(&binding("b"), &mut sealed.clone()).is_none());
        let other = new(&ring, &entropy).unwrap().keys(&ring).unwrap();
        assert_ne!(other.id, keys.id);
        assert!(other.open(&binding("a"), &mut sealed.clone()).is_none(), "another ticket");
        let stolen = KeyRing::new([&[8; 32]]).unwrap();
        assert!(ticket.keys(&stolen).is_none(), "without the key of the ring");
    }

    #[test]
    fn ticket_opens_after_its_key_is_no_longer_the_newest() {
        let entropy = entropy();
        let old = KeyRing::new([&[7; 32]]).unwrap();
        let ticket = new(&old, &entropy).unwrap();
        let both = KeyRing::new([&[8; 32], &[7; 32]]).unwrap();
        assert_eq!(ticket.keys(&both).unwrap().id, ticket.keys(&old).unwrap().id);
        let read = Ticket::from_cookie(ticket.to_cookie().as_bytes()).unwrap();
        assert_eq!(read.as_bytes(), ticket.as_bytes());
        for bad in ["", "AA", "!", &"A".repeat(71)] {
            assert!(Ticket::from_cookie(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn tags_distinguish_kind_issuer_and_key() {
        let ring = KeyRing::new([&[8; 32], &[7; 32]]).unwrap();
        let first = tags(&ring, IssuerIndex::FIRST, Tagged::Subject("1"));
        assert_eq!(first.len(), 2);
        assert_ne!(first[0], first[1]);
        assert_ne!(first, tags(&ring, IssuerIndex::FIRST, Tagged::Session("1")));
        assert_ne!(first, tags(&ring, IssuerIndex(1), Tagged::Subject("1")));
        let ticket = new(&ring, &entropy()).unwrap();
        assert_eq!(ticket.tag(&ring, IssuerIndex::FIRST, Tagged::Subject("1")), Some(first[0]));
        assert_eq!(
            ticket.keys(&ring).unwrap().id.slot(),
            first[0].slot(),
            "a record has the slot of its user"
        );
    }
}
