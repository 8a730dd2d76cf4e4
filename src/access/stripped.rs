//! The names under which other gateways pass an identity on.
//!
//! An application may have been behind another gateway before, or may read the fields of several. What a client sends
//! under such a name, or an alias of one, never arrives through our own proxy.

use thiserror::Error;

use super::field_names::{NameSet, is_plain};

/// A shorter prefix would match half of the fields of HTTP.
const MIN_PREFIX_BYTES: usize = 4;

/// The names, and prefixes of names.
#[derive(Clone, Debug, Default)]
pub struct StrippedHeaders(NameSet);

/// Why an entry is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StrippedHeaderError {
    /// Something else than letters, digits and `-`.
    #[error("it is not made of letters, digits and - alone, with one * at its end or none")]
    NotAName,
    /// A beginning that would take too much.
    #[error("fewer than four characters before * mean too many fields")]
    TooShort,
}

impl StrippedHeaders {
    /// Adds a name such as `Remote-User`, or a beginning such as `X-Remote-*`.
    pub fn add(&mut self, entry: &str) -> Result<(), StrippedHeaderError> {
        let entry = entry.to_ascii_lowercase();
        let prefix = entry.strip_suffix('*');
        if prefix.is_some_and(|prefix| prefix.len() < MIN_PREFIX_BYTES) {
            return Err(StrippedHeaderError::TooShort);
        }
        let name = prefix.unwrap_or(&entry);
        if name.is_empty() || !is_plain(name) {
            return Err(StrippedHeaderError::NotAName);
        }
        if prefix.is_some() {
            self.0.insert_prefix(name);
        } else {
            self.0.insert(name);
        }
        Ok(())
    }

    /// Returns whether a name is one of them, in any spelling that a back end may fold into it.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> StrippedHeaders {
        let mut blank = StrippedHeaders::default();
        for entry in [
            "Remote-User",
            "Remote-Groups",
            "X-Auth-Request-*",
            "X-Remote-*",
            "x-auth-user",
            "X-Ms-Client-Principal*",
        ] {
            blank.add(entry).unwrap();
        }
        blank
    }

    #[test]
    fn a_name_is_held_in_every_spelling_and_no_longer_one() {
        let known = known();
        for held in [
            "remote-user",
            "remote_user",
            "remote.groups",
            "x-auth-request-user",
            "x_auth_request_preferred_username",
            "x-remote-extra-scopes",
            "x-auth-user",
            "x-ms-client-principal",
            "x-ms-client-principal-id",
        ] {
            assert!(known.matches(held), "{held}");
        }
        for other in [
            "remote-users",
            "remote",
            "x-auth-token",
            "x-auth-request",
            "xaremote-user",
            "remoteauser",
            "accept",
            "cookie",
            "x-csrf-token",
            "x-requested-with",
        ] {
            assert!(!known.matches(other), "{other}");
        }
    }

    #[test]
    fn an_entry_is_a_name_or_its_beginning() {
        for (entry, error) in [
            ("*", StrippedHeaderError::TooShort),
            ("x-*", StrippedHeaderError::TooShort),
            ("", StrippedHeaderError::NotAName),
            ("x_user", StrippedHeaderError::NotAName),
            ("x-*-user", StrippedHeaderError::NotAName),
            ("x-user**", StrippedHeaderError::NotAName),
            ("x user", StrippedHeaderError::NotAName),
        ] {
            assert_eq!(StrippedHeaders::default().add(entry), Err(error), "{entry}");
        }
    }
}
