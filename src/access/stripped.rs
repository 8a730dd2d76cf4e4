//! Identity headers of other gateways, which the gateway strips
//!
//! An application may have been behind another gateway before, or may read the fields of several gateways. A field of
//! a client with such a name, or with an alias of it, never reaches the application through our own proxy.

use thiserror::Error;

use super::field_names::{NameSet, is_plain};

/// The minimum length of a prefix. Shorter prefixes would match too many fields of HTTP.
const MIN_PREFIX_BYTES: usize = 4;

/// The names and prefixes to strip.
#[derive(Clone, Debug, Default)]
pub struct StrippedHeaders(NameSet);

/// Why an entry is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StrippedHeaderError {
    /// The entry is empty, or has characters other than letters, digits and `-`.
    #[error("it must consist of letters, digits and -, with at most one * at the end")]
    NotAName,
    /// The prefix is too short.
    #[error("it has fewer than four characters before *, and would match too many fields")]
    TooShort,
}

impl StrippedHeaders {
    /// Adds a name such as `Remote-User`, or a prefix such as `X-Remote-*`.
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

    /// Adds whole names.
    pub fn add_all(&mut self, names: &[&str]) {
        for name in names {
            self.0.insert(name);
        }
    }

    /// Returns whether a name is in the set, in any spelling that an application may read as such a name.
    pub fn matches(&self, name: impl AsRef<[u8]>) -> bool {
        self.0.matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> StrippedHeaders {
        let mut stripped = StrippedHeaders::default();
        for entry in [
            "Remote-User",
            "Remote-Groups",
            "X-Auth-Request-*",
            "X-Remote-*",
            "x-auth-user",
            "X-Ms-Client-Principal*",
        ] {
            stripped.add(entry).unwrap();
        }
        stripped
    }

    #[test]
    fn name_matches_in_each_spelling_and_longer_names_do_not() {
        let known = known();
        for name in [
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
            assert!(known.matches(name), "{name}");
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
    fn entry_must_be_a_name_or_a_prefix() {
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
