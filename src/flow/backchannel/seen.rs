//! Which logout tokens have come already?
//!
//! Nothing is forgotten before its time: where there is no room, a new token is refused, and the provider may send it
//! again.
//!
//! Deployment caveat: this is known while the process lives and to no other replica. A token that comes again after a
//! restart, or elsewhere, ends what has begun since, and harms no more than that.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::flow::ports::UnixTime;

/// Each lives for minutes: more than a hundred sign-outs a second.
pub(super) const MOST: usize = 16_384;
/// The longest `jti` that is taken, in bytes; those of providers are UUIDs or hashes.
pub(super) const MOST_BYTES: usize = 256;
/// A token is believed for the leeway after its end, which the configuration allows up to five minutes.
const LONGER: Duration = Duration::from_mins(6);

/// The tokens that came, by `jti`.
#[derive(Default)]
pub(super) struct Seen {
    known: HashSet<String>,
    /// When which may be forgotten.
    ends: BTreeMap<UnixTime, Vec<String>>,
}

/// A token has no place: it came before, or there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotNew {
    Known,
    TooLong,
    Full,
}

/// The place of a token that is new, until it is taken.
pub(super) struct Place<'s> {
    seen: &'s mut Seen,
    token_id: String,
    until: UnixTime,
}

impl Seen {
    /// A place for a token that ends at `expires_at`.
    pub(super) fn place(
        &mut self,
        token_id: &str,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<Place<'_>, NotNew> {
        self.forget(now);
        if self.known.contains(token_id) {
            return Err(NotNew::Known);
        }
        if token_id.len() > MOST_BYTES {
            return Err(NotNew::TooLong);
        }
        if self.known.len() >= MOST {
            return Err(NotNew::Full);
        }
        Ok(Place { seen: self, token_id: token_id.to_owned(), until: expires_at.plus(LONGER) })
    }

    fn forget(&mut self, now: UnixTime) {
        while let Some(first) = self.ends.first_entry().filter(|first| *first.key() <= now) {
            for token_id in first.remove() {
                self.known.remove(&token_id);
            }
        }
    }
}

impl Place<'_> {
    /// The token counts from now on as one that came.
    pub(super) fn take(self) {
        self.seen.known.insert(self.token_id.clone());
        self.seen.ends.entry(self.until).or_default().push(self.token_id);
    }
}
