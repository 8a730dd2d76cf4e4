//! Values that an identity omits

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::shape::{BadShape, cut};
use crate::access::identity::InvalidHeaderText;

/// The limit of values that a message lists.
const MAX_LISTED: usize = 10;

/// Why the value of a claim does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unverified {
    /// `email` without `email_verified: true`.
    #[error(
        "the provider does not send email_verified: true with email; let it verify addresses, or set \
         claims.accept_unverified_email = true if no user can choose an address there"
    )]
    Email,
    /// An address in another claim.
    #[error(
        "it holds an e-mail address that no other claim verifies; set claims.accept_unverified_email = true if no user \
         can choose its value"
    )]
    OtherEmail,
    /// `phone_number` without `phone_number_verified: true`.
    #[error("the provider does not send phone_number_verified: true with phone_number; choose another claim")]
    PhoneNumber,
}

/// Why the identity omits a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OmissionReason {
    /// A header cannot carry it.
    #[error("a header cannot carry it: {0}")]
    InvalidHeaderText(#[from] InvalidHeaderText),
    /// It does not count, because it is not verified.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// It does not name one group or one address.
    #[error(transparent)]
    Shape(#[from] BadShape),
}

/// A value of the provider that the identity omits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedClaim {
    /// The place of the value, such as `email` or `groups[3]`.
    pub place: String,
    /// The text that a header cannot carry, or empty.
    pub text: String,
    /// The reason.
    pub why: OmissionReason,
}

/// The values that an identity omits, for one log line. It keeps the first ten, and the number of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Omissions {
    /// The first ten values.
    pub listed: Vec<OmittedClaim>,
    /// The number of the others.
    pub others: usize,
}

impl Omissions {
    /// Returns whether no value was omitted.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Adds a value. A value that is omitted twice for one reason, as address and as group, is listed once.
    pub(super) fn add(&mut self, place: String, text: &str, why: OmissionReason) {
        if self.listed.iter().any(|known| known.place == place && known.why == why) {
            return;
        }
        if self.listed.len() < MAX_LISTED {
            self.listed.push(OmittedClaim { place, text: text.to_owned(), why });
        } else {
            self.others += 1;
        }
    }
}

impl Display for Omissions {
    /// Writes the places, and each reason once: `email: …; groups[1] (a,b), groups[3] (c,d): …; and 2 more`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, omitted) in self.listed.iter().enumerate() {
            let is_repeated = self.listed.iter().take(index).any(|earlier| earlier.why == omitted.why);
            if is_repeated {
                continue;
            }
            f.write_str(if index == 0 { "" } else { "; " })?;
            for (number, same) in self.listed.iter().filter(|same| same.why == omitted.why).enumerate() {
                f.write_str(if number == 0 { "" } else { ", " })?;
                f.write_str(&same.place)?;
                if !same.text.is_empty() {
                    write!(f, " ({})", cut(&same.text))?;
                }
            }
            write!(f, ": {}", omitted.why)?;
        }
        if self.others > 0 {
            write!(f, "; and {} more", self.others)?;
        }
        Ok(())
    }
}
