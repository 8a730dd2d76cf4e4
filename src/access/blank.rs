//! Under which names do other gateways tell who somebody is?
//!
//! An application may have stood behind another gateway before, or read several gateways' fields: whatever a client sends
//! under such a name never arrives through our own proxy, in any spelling that a back end may fold into it.

use http::{HeaderMap, HeaderName};
use thiserror::Error;

/// A shorter beginning would take half of HTTP with it.
const LEAST_BEGINNING: usize = 4;

/// Names, and beginnings of names, in lower case and folded.
#[derive(Clone, Debug, Default)]
pub struct BlankHeaders {
    exact: Vec<String>,
    beginnings: Vec<String>,
}

/// Why an entry is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlankError {
    /// Something else than letters, digits and `-`.
    #[error("it is not made of letters, digits and - alone, with one * at its end or none")]
    NotAName,
    /// A beginning that would take too much.
    #[error("fewer than four characters before * mean too many fields")]
    TooShort,
}

impl BlankHeaders {
    /// Adds a name such as `Remote-User`, or a beginning such as `X-Remote-*`.
    pub fn add(&mut self, entry: &str) -> Result<(), BlankError> {
        let (name, list) = match entry.strip_suffix('*') {
            Some(beginning) if beginning.len() < LEAST_BEGINNING => return Err(BlankError::TooShort),
            Some(beginning) => (beginning, &mut self.beginnings),
            None => (entry, &mut self.exact),
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(BlankError::NotAName);
        }
        list.push(name.to_ascii_lowercase());
        Ok(())
    }

    /// Whether a name in lower case is one of them for a back end that reads every byte but letters and digits as `-`.
    pub fn hold(&self, name: &str) -> bool {
        let begins = |start: &String| {
            let same = |(byte, wanted)| if is_plain(byte) { byte == wanted } else { wanted == b'-' };
            name.len() >= start.len() && name.bytes().zip(start.bytes()).all(same)
        };
        self.exact.iter().any(|exact| exact.len() == name.len() && begins(exact))
            || self.beginnings.iter().any(begins)
    }

    /// Removes them from what a client has sent.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let found: Vec<HeaderName> =
            headers.keys().filter(|name| self.hold(name.as_str())).cloned().collect();
        for name in found {
            headers.remove(name);
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BlankHeaders {
        let mut blank = BlankHeaders::default();
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
            assert!(known.hold(held), "{held}");
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
            assert!(!known.hold(other), "{other}");
        }
    }

    #[test]
    fn an_entry_is_a_name_or_its_beginning() {
        for (entry, error) in [
            ("*", BlankError::TooShort),
            ("x-*", BlankError::TooShort),
            ("", BlankError::NotAName),
            ("x_user", BlankError::NotAName),
            ("x-*-user", BlankError::NotAName),
            ("x-user**", BlankError::NotAName),
            ("x user", BlankError::NotAName),
        ] {
            assert_eq!(BlankHeaders::default().add(entry), Err(error), "{entry}");
        }
    }
}
