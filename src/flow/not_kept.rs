//! Explanation of a session that cannot be stored

use std::fmt::{self, Display, Formatter};

use super::ports::{BeginError, ClaimSize};
use crate::access::quoted::quoted;

/// Why a session is not stored, and the claims that make it large.
#[derive(Debug, PartialEq, Eq)]
pub struct NotKept {
    /// The cause.
    pub error: BeginError,
    /// The largest claims of its ID token, if it is too large.
    pub largest_claims: Vec<ClaimSize>,
}

impl NotKept {
    /// Returns the explanation. `largest_claims` is called only if the session is too large.
    pub(super) fn explain(error: BeginError, largest_claims: impl FnOnce() -> Vec<ClaimSize>) -> Self {
        let is_too_large = matches!(error, BeginError::TooLarge { .. });
        Self { error, largest_claims: if is_too_large { largest_claims() } else { Vec::new() } }
    }
}

impl std::error::Error for NotKept {}

/// Prints the names of the claims, never their values.
impl Display for NotKept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        let BeginError::TooLarge { bytes, limit, has_id_token } = self.error else { return Ok(()) };
        for (index, claim) in self.largest_claims.iter().enumerate() {
            f.write_str(if index == 0 { "; the largest claims of the ID token: " } else { ", " })?;
            write!(f, "{} {} bytes", quoted(&claim.name), claim.bytes)?;
        }
        f.write_str(if has_id_token { WITH_ID_TOKEN } else { WITHOUT_ID_TOKEN })?;
        f.write_str(if limit < LARGEST_LIMIT && bytes <= LARGEST_LIMIT { WITH_COOKIES } else { "" })
    }
}

/// The limit of the stores that accept the largest sessions.
const LARGEST_LIMIT: usize = 256 * 1024;

const WITH_ID_TOKEN: &str = "; configure the provider to omit a large claim from the ID token, or set session.id_token = \
                             'drop' if the application needs no ID token";
const WITHOUT_ID_TOKEN: &str = "; the session contains no ID token, so configure the provider to send fewer groups, or a \
                                shorter refresh token";
const WITH_COOKIES: &str = "; or keep larger sessions with session.store = 'file' or 'redis'";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ports::StoreUnavailable;

    fn too_large((bytes, limit): (usize, usize), has_id_token: bool, names: &[(&str, usize)]) -> String {
        let error = BeginError::TooLarge { bytes, limit, has_id_token };
        let claims = names.iter().map(|(name, bytes)| ClaimSize { name: (*name).to_owned(), bytes: *bytes });
        NotKept::explain(error, || claims.collect()).to_string()
    }

    #[test]
    fn session_too_large_is_explained_by_its_claims_and_a_remedy() {
        assert_eq!(
            too_large((27_500, 15_000), true, &[("picture", 20_014), ("gro\nups", 310)]),
            "the session needs 27500 bytes, and the limit is 15000; the largest claims of the ID token: picture \
             20014 bytes, groups 310 bytes; configure the provider to omit a large claim from the ID token, or set \
             session.id_token = 'drop' if the application needs no ID token; or keep larger sessions with session.store \
             = 'file' or 'redis'"
        );
        let without = too_large((27_500, 15_000), false, &[]);
        assert!(!without.contains("drop") && without.contains("fewer groups"), "{without}");
    }

    #[test]
    fn another_store_is_a_remedy_only_if_its_limit_is_larger() {
        let names_store = |sizes| too_large(sizes, true, &[]).contains("session.store");
        assert!(names_store((27_500, 15_000)));
        assert!(!names_store((300_000, 15_000)), "it is too large for every store");
        assert!(!names_store((300_000, LARGEST_LIMIT)), "the store has the largest limit already");
    }

    #[test]
    fn other_cause_is_explained_without_claims() {
        let error = BeginError::StoreUnavailable(StoreUnavailable);
        let explained = NotKept::explain(error, || panic!("no claim is read"));
        assert_eq!(explained.to_string(), "the session store does not answer");
    }
}
