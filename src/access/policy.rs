//! Who of the signed-in may pass?
//!
//! A policy holds two conditions; each that is set must hold:
//!
//! 1. the person is in one of the allowed groups;
//! 2. the person's e-mail address is one of the allowed, or lies in one of the allowed domains.
//!
//! A policy without conditions lets every signed-in person pass.

use std::collections::BTreeMap;

use thiserror::Error;

use super::identity::IdentityRef;

/// The name of the policy that applies where none is named.
pub const DEFAULT: &str = "default";

/// One named set of conditions.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    groups: Vec<String>,
    group_lengths: u64,
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
        let group_lengths = groups.iter().fold(0, |lengths, group| lengths | length_bit(group));
        Self { groups, group_lengths, emails, email_domains }
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

    /// A person may be in hundreds of groups: most are passed over by their length alone.
    fn allows(&self, group: &str) -> bool {
        self.group_lengths & length_bit(group) != 0 && self.groups.iter().any(|one| one == group)
    }

    fn permits_email(&self, email: &str) -> bool {
        let Some((_, domain)) = email.split_once('@') else { return false };
        self.emails.iter().any(|one| one.eq_ignore_ascii_case(email))
            || self.email_domains.iter().any(|allowed| domain_matches(allowed, domain))
    }
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
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
pub struct Policies(BTreeMap<String, Policy>);

impl Policies {
    /// Takes the policies over; where none is named [`DEFAULT`], that one lets every signed-in person pass.
    pub fn new(mut policies: BTreeMap<String, Policy>) -> Self {
        policies.entry(DEFAULT.to_owned()).or_default();
        Self(policies)
    }

    /// The policy of that name.
    pub fn get(&self, name: &str) -> Option<&Policy> {
        self.0.get(name)
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
        assert!(policies.get("admin").is_none());
        assert_eq!(policies.get(DEFAULT).unwrap().permits(person("", "")), Ok(()));
    }
}
