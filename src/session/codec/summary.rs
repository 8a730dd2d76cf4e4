//! Summary of a session, for the list that its user sees
//!
//! 1. A summary contains the device, the address and the time of the sign-in, and no token.
//! 2. It is sealed under a subkey of the session key alone, because the list has the tickets of no other session.
//! 3. It is bound to its record, its user, and the client at the provider. So it cannot be moved to another record, and a
//!    record cannot be moved to another user's list.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::seal::{Binding, KeyRing, Purpose, decode_whole};
use crate::flow::ports::{Entropy, NoEntropy};
use crate::session::records::{RecordId, Tag};

/// Changes with every change of [`Summary`].
const VERSION: u8 = 1;
/// A summary fits into one value.
const PARTS: usize = 1;

/// The contents of a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Summary {
    /// Browser and system, as a short text.
    pub(in crate::session) device: String,
    /// The host that the user signed in at.
    pub(in crate::session) host: String,
    /// The address of the browser at the sign-in, if known.
    pub(in crate::session) address: Option<IpAddr>,
    /// When the session began, in seconds since 1970.
    pub(in crate::session) began_at: u64,
}

/// Seals and opens summaries of the sessions of one client at the provider.
pub(in crate::session) struct SummarySeal(Binding);

impl SummarySeal {
    /// Binds to the issuer and the client ID.
    pub(in crate::session) fn new((issuer, client_id): (&str, &str)) -> Self {
        // A summary does not depend on the cookie: a user sees the sessions on all hosts.
        Self(Binding::new(Purpose::Summary, "", "", issuer, client_id))
    }

    fn of(&self, (record, subject): (RecordId, Tag)) -> Binding {
        self.0.of_record(&[record.0, subject.0].concat())
    }

    /// Seals the summary of a record of a user.
    pub(in crate::session) fn seal(
        &self,
        ring: &KeyRing,
        record: (RecordId, Tag),
        summary: &Summary,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, NoEntropy> {
        let plaintext = postcard::to_extend(summary, vec![VERSION]).map_err(|_| NoEntropy)?;
        ring.seal(&self.of(record), PARTS, &plaintext, entropy)
    }

    /// Opens the summary of a record. Returns `None` if it is from another record, another client or another version.
    pub(in crate::session) fn open(
        &self,
        ring: &KeyRing,
        record: (RecordId, Tag),
        sealed: &[u8],
    ) -> Option<Summary> {
        let mut value = sealed.to_vec();
        match &*ring.open(&self.of(record), PARTS, &mut value)? {
            [VERSION, summary @ ..] => decode_whole(summary),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            bytes.fill(7);
            Ok(())
        }
    }

    const RECORD: (RecordId, Tag) = (RecordId([1; 16]), Tag([5; 16]));
    const CLIENT: (&str, &str) = ("https://idp.test", "foregate");

    fn summary() -> Summary {
        Summary {
            device: "Firefox on Linux".to_owned(),
            host: "app.test".to_owned(),
            address: Some([203, 0, 113, 9].into()),
            began_at: 11,
        }
    }

    fn sealed(ring: &KeyRing) -> Vec<u8> {
        SummarySeal::new(CLIENT).seal(ring, RECORD, &summary(), &Fixed).unwrap()
    }

    #[test]
    fn summary_opens_only_in_its_record_for_its_client() {
        let (ring, seal) = (KeyRing::new([&[7; 32]]).unwrap(), SummarySeal::new(CLIENT));
        let sealed = sealed(&ring);
        assert_eq!(seal.open(&ring, RECORD, &sealed), Some(summary()));
        for moved in [(RecordId([2; 16]), RECORD.1), (RECORD.0, Tag([6; 16]))] {
            assert_eq!(seal.open(&ring, moved, &sealed), None, "moved to another record or user");
        }
        for other in [("https://other.test", "foregate"), ("https://idp.test", "other")] {
            assert_eq!(SummarySeal::new(other).open(&ring, RECORD, &sealed), None, "{other:?}");
        }
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(seal.open(&ring, RECORD, &changed), None);
    }

    #[test]
    fn summary_opens_with_every_key_of_the_ring_and_no_other() {
        let seal = SummarySeal::new(CLIENT);
        let sealed = sealed(&KeyRing::new([&[7; 32]]).unwrap());
        let both = KeyRing::new([&[8; 32], &[7; 32]]).unwrap();
        assert_eq!(seal.open(&both, RECORD, &sealed), Some(summary()));
        assert_eq!(seal.open(&KeyRing::new([&[8; 32]]).unwrap(), RECORD, &sealed), None);
    }

    #[test]
    fn summary_of_another_version_or_purpose_does_not_open() {
        let (ring, seal) = (KeyRing::new([&[7; 32]]).unwrap(), SummarySeal::new(CLIENT));
        let encoded = |version| postcard::to_extend(&summary(), vec![version]).unwrap();
        let sealed_as =
            |binding: &Binding, plaintext: &[u8]| ring.seal(binding, PARTS, plaintext, &Fixed).unwrap();
        let binding = seal.of(RECORD);
        let current = sealed_as(&binding, &encoded(VERSION));
        assert_eq!(seal.open(&ring, RECORD, &current), Some(summary()));
        for plaintext in [encoded(VERSION + 1), [&encoded(VERSION)[..], &[0]].concat(), Vec::new()] {
            assert_eq!(seal.open(&ring, RECORD, &sealed_as(&binding, &plaintext)), None, "{plaintext:?}");
        }
        let session = Binding::new(Purpose::Session, "", "", CLIENT.0, CLIENT.1).of_record(&RECORD.0.0);
        assert_eq!(seal.open(&ring, RECORD, &sealed_as(&session, &encoded(VERSION))), None);
    }
}
