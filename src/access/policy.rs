//! Who of the signed-in may pass?
//!
//! A policy holds two conditions; each that is set must hold:
//!
//! 1. the person is in one of the allowed groups;
//! 2. the person's e-mail address is one of the allowed, or lies in one of the allowed domains.
//!
//! A policy without conditions lets every signed-in person pass.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use thiserror::Error;

use super::identity::IdentityRef;

/// The name of the policy that applies where none is named.
pub const DEFAULT: &str = "default";

/// One named set of conditions.
#[derive(Clone, Debug, Default, Hash)]
pub struct Policy {
    groups: Vec<String>,
    /// One for each group, in the same order.
    group_marks: Vec<u64>,
    emails: Vec<String>,
    email_domains: Vec<String>,
}

/// Which condition a person does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// In none of the allowed groups.
    #[error("in none of the allowed groups")]
    Group,
    /// No allowed address, and no allowed domain.
    #[error("no allowed e-mail address or domain")]
    Email,
}

impl Policy {
    /// Builds one. Addresses and domains compare without case; a domain `.example.com` means every host below it.
    pub fn new(groups: Vec<String>, emails: Vec<String>, email_domains: Vec<String>) -> Self {
        let group_marks = groups.iter().map(|group| mark(group)).collect();
        Self { groups, group_marks, emails, email_domains }
    }

    /// Whether a person may pass.
    pub fn permits(&self, person: IdentityRef<'_>) -> Result<(), Refusal> {
        if !self.groups.is_empty() && !person.each_group().any(|group| self.allows(group)) {
            return Err(Refusal::Group);
        }
        let by_email = !self.emails.is_empty() || !self.email_domains.is_empty();
        if by_email && !self.permits_email(person.email) {
            return Err(Refusal::Email);
        }
        Ok(())
    }

    /// A person may be in hundreds of groups: all but a few are told apart by one number.
    fn allows(&self, group: &str) -> bool {
        let wanted = mark(group);
        self.group_marks.iter().zip(&self.groups).any(|(mark, one)| *mark == wanted && one == group)
    }

    fn permits_email(&self, email: &str) -> bool {
        let Some((_, domain)) = email.split_once('@') else { return false };
        self.emails.iter().any(|one| one.eq_ignore_ascii_case(email))
            || self.email_domains.iter().any(|allowed| domain_matches(allowed, domain))
    }
}

/// The last eight bytes, which differ where names are counted through; or all of a shorter name, and its length.
fn mark(group: &str) -> u64 {
    let bytes = group.as_bytes();
    bytes.last_chunk().map_or_else(
        || bytes.iter().fold(bytes.len() as u64, |mark, byte| mark << 8 | u64::from(*byte)),
        |last| u64::from_le_bytes(*last),
    )
}

fn domain_matches(allowed: &str, domain: &str) -> bool {
    if !allowed.starts_with('.') {
        return allowed.eq_ignore_ascii_case(domain);
    }
    let start = domain.len().checked_sub(allowed.len()).filter(|start| *start > 0);
    start.and_then(|start| domain.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(allowed))
}

/// All policies by name.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    by_name: BTreeMap<String, Policy>,
    generation: u64,
}

/// Which policies a person met when their session was sealed: so that a check need not ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The policies that were asked; other ones have another generation, and are asked anew.
    pub generation: u64,
    /// One bit for each of the first 64 policies, in the order of their names.
    pub met: u64,
}

/// Why a policy does not let a person pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMet {
    /// There is no policy of that name.
    Unknown,
    /// A condition is not met.
    Refused(Refusal),
}

impl Policies {
    /// Takes the policies over; where none is named [`DEFAULT`], that one lets every signed-in person pass.
    pub fn new(mut by_name: BTreeMap<String, Policy>) -> Self {
        by_name.entry(DEFAULT.to_owned()).or_default();
        let mut hasher = DefaultHasher::new();
        by_name.hash(&mut hasher);
        // Another release may judge otherwise: it asks anew.
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        Self { by_name, generation: hasher.finish() }
    }

    /// Whether there is a policy of that name.
    pub fn know(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whether a policy lets a person pass; `sealed` are the answers from when their session was sealed.
    pub fn permit(&self, name: &str, person: IdentityRef<'_>, sealed: Option<Answers>) -> Result<(), NotMet> {
        if sealed.is_some_and(|answers| self.was_met(name, answers)) {
            return Ok(());
        }
        let policy = self.by_name.get(name).ok_or(NotMet::Unknown)?;
        policy.permits(person).map_err(NotMet::Refused)
    }

    fn was_met(&self, name: &str, answers: Answers) -> bool {
        let index = self.by_name.keys().take(64).position(|one| one == name);
        answers.generation == self.generation && index.is_some_and(|index| answers.met >> index & 1 == 1)
    }

    /// Whether there is a policy that lets a person pass.
    pub fn any_permits(&self, person: IdentityRef<'_>) -> bool {
        self.by_name.values().any(|policy| policy.permits(person).is_ok())
    }

    /// The answers for a person, to be sealed with their session.
    pub fn answers(&self, person: IdentityRef<'_>) -> Answers {
        let met =
            self.by_name.values().take(64).enumerate().filter(|(_, policy)| policy.permits(person).is_ok());
        Answers { generation: self.generation, met: met.fold(0, |bits, (index, _)| bits | 1 << index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person<'a>(email: &'a str, groups: &'a str) -> IdentityRef<'a> {
        IdentityRef { subject: "1", user: "alice", email, groups }
    }

    fn policy(groups: &[&str], emails: &[&str], domains: &[&str]) -> Policy {
        let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Policy::new(own(groups), own(emails), own(domains))
    }

    #[test]
    fn groups_compare_whole_and_with_case() {
        let dev = policy(&["dev"], &[], &[]);
        assert_eq!(dev.permits(person("", "ops,dev")), Ok(()));
        for none in ["", "developers", "Dev", "ops"] {
            assert_eq!(dev.permits(person("", none)), Err(Refusal::Group), "{none}");
        }
    }

    #[test]
    fn an_address_or_a_domain_is_enough_and_a_suffix_must_be_written() {
        let mail = policy(&[], &["Bob@else.test"], &["example.com", ".corp.test"]);
        for yes in ["bob@ELSE.test", "x@Example.com", "x@a.corp.test"] {
            assert_eq!(mail.permits(person(yes, "")), Ok(()), "{yes}");
        }
        for no in
            ["", "x@a.example.com", "x@corp.test", "x@evilcorp.test", "x@notexample.com", "x@.corp.test"]
        {
            assert_eq!(mail.permits(person(no, "")), Err(Refusal::Email), "{no}");
        }
    }

    #[test]
    fn every_set_condition_must_hold() {
        let both = policy(&["dev"], &[], &["example.com"]);
        assert_eq!(both.permits(person("x@example.com", "ops")), Err(Refusal::Group));
        assert_eq!(both.permits(person("x@else.test", "dev")), Err(Refusal::Email));
        assert_eq!(both.permits(person("x@example.com", "dev")), Ok(()));
    }

    #[test]
    fn an_unknown_policy_is_none_and_the_default_is_always_there() {
        let policies = Policies::new(BTreeMap::new());
        assert_eq!(policies.permit("admin", person("", ""), None), Err(NotMet::Unknown));
        assert_eq!(policies.permit(DEFAULT, person("", ""), None), Ok(()));
    }

    #[test]
    fn sealed_answers_hold_for_the_policies_they_were_given_for_and_no_others() {
        let ops = |groups: &[&str]| Policies::new([("ops".to_owned(), policy(groups, &[], &[]))].into());
        let (narrow, wide) = (ops(&["ops"]), ops(&["ops", "dev"]));
        let dev = person("", "dev");
        let sealed = Some(wide.answers(dev));
        assert_eq!(wide.permit("ops", person("", "nobody asks"), sealed), Ok(()), "the answer is taken");
        assert_eq!(narrow.permit("ops", dev, sealed), Err(NotMet::Refused(Refusal::Group)));
        assert_eq!(wide.permit("ops", dev, Some(narrow.answers(dev))), Ok(()));
        assert_eq!(wide.permit("admin", dev, sealed), Err(NotMet::Unknown));
    }
}
