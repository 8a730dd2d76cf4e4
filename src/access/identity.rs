//! Who is the person, in words that a header field can carry?

use memchr::memchr_iter;
use thiserror::Error;

/// Separates groups in one header value: Headlamp and most applications split there.
pub const GROUP_SEPARATOR: char = ',';
const SEPARATOR_BYTE: u8 = b',';

/// A signed-in person. Every text is fit for a header field: no control character, no white space at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    subject: String,
    user: String,
    email: String,
    groups: String,
}

/// Why an identity, or a part of one, cannot be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidHeaderText {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// A control character would end the header field, or be dropped by a proxy.
    #[error("it holds a control character")]
    Control,
    /// HTTP takes white space at the ends away, which would make another name of it.
    #[error("it begins or ends with white space")]
    Space,
    /// The separator would make two groups of one.
    #[error("it holds a comma, which separates groups")]
    Separator,
    /// An address with no `@`, several, or nothing on one side.
    #[error("it is not one e-mail address")]
    NotAnAddress,
}

impl Identity {
    /// Builds one from the provider's `sub` and the name applications shall see.
    pub fn new(subject: &str, user: &str) -> Result<Self, InvalidHeaderText> {
        let fit = |text: &str| fit(text).map(|()| text.to_owned());
        Ok(Self { subject: fit(subject)?, user: fit(user)?, email: String::new(), groups: String::new() })
    }

    /// Sets the e-mail address.
    pub fn set_email(&mut self, email: &str) -> Result<(), InvalidHeaderText> {
        fit(email)?;
        let (local, domain) = email.split_once('@').ok_or(InvalidHeaderText::NotAnAddress)?;
        let white = email.contains(char::is_whitespace);
        if white || local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(InvalidHeaderText::NotAnAddress);
        }
        email.clone_into(&mut self.email);
        Ok(())
    }

    /// Adds a group; one that cannot be carried unchanged is refused, never split or altered.
    pub fn add_group(&mut self, group: &str) -> Result<(), InvalidHeaderText> {
        fit(group)?;
        if group.contains(GROUP_SEPARATOR) {
            return Err(InvalidHeaderText::Separator);
        }
        if !self.groups.is_empty() {
            self.groups.push(GROUP_SEPARATOR);
        }
        self.groups.push_str(group);
        Ok(())
    }

    /// The same, borrowed.
    pub fn as_ref(&self) -> IdentityRef<'_> {
        IdentityRef { subject: &self.subject, user: &self.user, email: &self.email, groups: &self.groups }
    }
}

/// A borrowed [`Identity`]: what a check reads out of an opened session without copying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityRef<'a> {
    /// The provider's name for the person (`sub`, OpenID Connect Core §2).
    pub subject: &'a str,
    /// The name applications see.
    pub user: &'a str,
    /// The e-mail address, or empty.
    pub email: &'a str,
    /// The groups, joined with [`GROUP_SEPARATOR`], or empty.
    pub groups: &'a str,
}

impl<'a> IdentityRef<'a> {
    /// The groups one by one.
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

fn fit(text: &str) -> Result<(), InvalidHeaderText> {
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
    fn what_a_header_cannot_carry_unchanged_is_refused() {
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
    fn an_email_is_one_address() {
        let mut identity = Identity::new("1", "alice").unwrap();
        for bad in ["alice", "@example.com", "alice@", "alice@evil.test@example.com", "a b@example.com"] {
            assert_eq!(identity.set_email(bad), Err(InvalidHeaderText::NotAnAddress), "{bad}");
        }
        assert_eq!(identity.set_email("alice@example.com"), Ok(()));
    }
}
