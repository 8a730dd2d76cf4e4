//! Identity of a user, as text that a header field can carry

use memchr::memchr_iter;
use thiserror::Error;

/// Separates the groups in one header value, as Headlamp and most applications expect.
pub const GROUP_SEPARATOR: char = ',';
const SEPARATOR_BYTE: u8 = b',';

/// A signed-in user.
///
/// A header field can carry each text: it has no control character, and no white space at its beginning or end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    subject: String,
    user: String,
    email: String,
    groups: String,
}

/// Why a header field cannot carry a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidHeaderText {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// A control character would end the header field, or a proxy would drop it.
    #[error("it holds a control character")]
    Control,
    /// HTTP removes white space at the ends, which would result in another name.
    #[error("it begins or ends with white space")]
    Space,
    /// The separator would split the group into two.
    #[error("it holds a comma, which separates groups")]
    Separator,
    /// An address without `@`, with more than one, or with nothing on one side.
    #[error("it is not one e-mail address")]
    NotAnAddress,
}

impl Identity {
    /// Builds an identity from the provider's `sub` and the name that applications see.
    pub fn new(subject: &str, user: &str) -> Result<Self, InvalidHeaderText> {
        let checked = |text: &str| check_header_text(text).map(|()| text.to_owned());
        Ok(Self {
            subject: checked(subject)?,
            user: checked(user)?,
            email: String::new(),
            groups: String::new(),
        })
    }

    /// Sets the e-mail address.
    pub fn set_email(&mut self, email: &str) -> Result<(), InvalidHeaderText> {
        check_header_text(email)?;
        let (local, domain) = email.split_once('@').ok_or(InvalidHeaderText::NotAnAddress)?;
        let has_space = email.contains(char::is_whitespace);
        if has_space || local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(InvalidHeaderText::NotAnAddress);
        }
        email.clone_into(&mut self.email);
        Ok(())
    }

    /// Adds a group. A group that a header cannot carry unchanged is rejected, never split or altered.
    pub fn add_group(&mut self, group: &str) -> Result<(), InvalidHeaderText> {
        check_header_text(group)?;
        if group.contains(GROUP_SEPARATOR) {
            return Err(InvalidHeaderText::Separator);
        }
        if !self.groups.is_empty() {
            self.groups.push(GROUP_SEPARATOR);
        }
        self.groups.push_str(group);
        Ok(())
    }

    /// Returns the identity, borrowed.
    pub fn as_ref(&self) -> IdentityRef<'_> {
        IdentityRef { subject: &self.subject, user: &self.user, email: &self.email, groups: &self.groups }
    }
}

/// A borrowed [`Identity`]. A check reads it from an opened session without copying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityRef<'a> {
    /// The provider's identifier of the user (`sub`, OpenID Connect Core §2).
    pub subject: &'a str,
    /// The user name that applications see.
    pub user: &'a str,
    /// The e-mail address, or empty.
    pub email: &'a str,
    /// The groups, joined with [`GROUP_SEPARATOR`], or empty.
    pub groups: &'a str,
}

impl<'a> IdentityRef<'a> {
    /// Returns each group.
    pub fn each_group(self) -> impl Iterator<Item = &'a str> {
        let groups = self.groups;
        let mut start = 0;
        let ends = memchr_iter(SEPARATOR_BYTE, groups.as_bytes()).chain([groups.len()]);
        ends.filter_map(move |end| {
            let group = groups.get(start..end);
            start = end + 1;
            group.filter(|group| !group.is_empty())
        })
    }
}

fn check_header_text(text: &str) -> Result<(), InvalidHeaderText> {
    if text.is_empty() {
        return Err(InvalidHeaderText::Empty);
    }
    if text.contains(char::is_control) {
        return Err(InvalidHeaderText::Control);
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(InvalidHeaderText::Space);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_a_header_cannot_carry_unchanged_is_rejected() {
        assert_eq!(Identity::new("1", "a\r\nX-Forwarded-User: root"), Err(InvalidHeaderText::Control));
        assert_eq!(Identity::new("1", "a\u{85}b"), Err(InvalidHeaderText::Control));
        assert_eq!(Identity::new("1", "alice "), Err(InvalidHeaderText::Space));
        assert_eq!(Identity::new("", "alice"), Err(InvalidHeaderText::Empty));
        let mut identity = Identity::new("1", "alice").unwrap();
        assert_eq!(identity.add_group("dev,system:masters"), Err(InvalidHeaderText::Separator));
        assert_eq!(identity.add_group("sales & marketing"), Ok(()));
        assert_eq!(identity.add_group("größe"), Ok(()));
        assert_eq!(identity.as_ref().groups, "sales & marketing,größe");
        assert_eq!(identity.as_ref().each_group().count(), 2);
    }

    #[test]
    fn email_must_be_exactly_one_address() {
        let mut identity = Identity::new("1", "alice").unwrap();
        for bad in ["alice", "@example.com", "alice@", "alice@evil.test@example.com", "a b@example.com"] {
            assert_eq!(identity.set_email(bad), Err(InvalidHeaderText::NotAnAddress), "{bad}");
        }
        assert_eq!(identity.set_email("alice@example.com"), Ok(()));
    }
}
