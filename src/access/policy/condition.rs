//! Conditions of a policy

use thiserror::Error;

use crate::access::identity::IdentityRef;

/// A condition that a user must meet.
#[derive(Clone, Debug, Hash)]
pub(super) enum Condition {
    Groups(AllowedGroups),
    Emails(AllowedEmails),
    /// A condition that depends on the request, for tests.
    #[cfg(test)]
    OnRequest {
        permits: bool,
    },
}

#[derive(Clone, Debug, Hash)]
pub(super) struct AllowedGroups {
    names: Vec<String>,
    /// One fingerprint for each name, in the same order.
    fingerprints: Vec<u64>,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct AllowedEmails {
    pub(super) addresses: Vec<String>,
    pub(super) domains: Vec<String>,
}

/// The condition that a user does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The user is in none of the allowed groups.
    #[error("in none of the allowed groups")]
    Group,
    /// The session has no groups.
    #[error(
        "in none of the allowed groups: the session has none, because the provider sent none in claims.groups, or left \
         them out because there are too many, or they are in the log line 'values of claims left out of the identity'"
    )]
    NoGroup,
    /// The user has no allowed address, and no address in an allowed domain.
    #[error("no allowed e-mail address or domain")]
    Email,
    /// The user has no address that counts.
    #[error(
        "no allowed e-mail address or domain: the provider sent none, or does not call it verified; let it verify \
         addresses, or set claims.accept_unverified_email = true if no user can choose an address there"
    )]
    NoEmail,
}

impl Condition {
    pub(super) fn permits(&self, user: IdentityRef<'_>) -> Result<(), Refusal> {
        let (is_met, refusal) = match self {
            Self::Groups(allowed) => {
                let refusal = if user.groups.is_empty() { Refusal::NoGroup } else { Refusal::Group };
                (allowed.contains_any_group(user), refusal)
            }
            Self::Emails(allowed) => {
                let refusal = if user.email.is_empty() { Refusal::NoEmail } else { Refusal::Email };
                (allowed.contains(user.email), refusal)
            }
            #[cfg(test)]
            Self::OnRequest { permits } => (*permits, Refusal::Group),
        };
        if is_met { Ok(()) } else { Err(refusal) }
    }

    /// Returns whether two requests of a user may have different results. Such a result must not be sealed.
    pub(super) fn depends_on_request(&self) -> bool {
        match self {
            Self::Groups(_) | Self::Emails(_) => false,
            #[cfg(test)]
            Self::OnRequest { .. } => true,
        }
    }
}

impl AllowedGroups {
    pub(super) fn new(names: Vec<String>) -> Self {
        let fingerprints = names.iter().map(|name| group_fingerprint(name)).collect();
        Self { names, fingerprints }
    }

    fn contains_any_group(&self, user: IdentityRef<'_>) -> bool {
        user.each_group().any(|group| self.contains(group))
    }

    /// Compares fingerprints first: a user may be in hundreds of groups, and one number distinguishes most of them.
    fn contains(&self, group: &str) -> bool {
        let wanted = group_fingerprint(group);
        let mut allowed = self.fingerprints.iter().zip(&self.names);
        allowed.any(|(fingerprint, name)| *fingerprint == wanted && name == group)
    }
}

/// Returns the last eight bytes, which differ in numbered names. For a shorter name, returns all bytes and the
/// length.
fn group_fingerprint(group: &str) -> u64 {
    let bytes = group.as_bytes();
    bytes.last_chunk().map_or_else(
        || bytes.iter().fold(bytes.len() as u64, |print, byte| print << 8 | u64::from(*byte)),
        |last| u64::from_le_bytes(*last),
    )
}

impl AllowedEmails {
    fn contains(&self, email: &str) -> bool {
        let Some((_, domain)) = email.split_once('@') else { return false };
        self.addresses.iter().any(|allowed| allowed.eq_ignore_ascii_case(email))
            || self.domains.iter().any(|allowed| domain_matches(allowed, domain))
    }
}

fn domain_matches(allowed: &str, domain: &str) -> bool {
    if !allowed.starts_with('.') {
        return allowed.eq_ignore_ascii_case(domain);
    }
    let start = domain.len().checked_sub(allowed.len()).filter(|start| *start > 0);
    start.and_then(|start| domain.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(allowed))
}
