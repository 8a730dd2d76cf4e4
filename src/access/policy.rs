//! Policies for signed-in users
//!
//! A policy is a list of conditions. A user must meet all of them:
//!
//! 1. `Groups`: the user is in one of the allowed groups.
//! 2. `Emails`: the user's e-mail address is an allowed address, or is in an allowed domain.
//!
//! A policy without conditions permits every signed-in user.
//!
//! The verdicts about a user are sealed with the session, so that a check need not evaluate the conditions again. A
//! verdict counts only if no condition of its policy depends on the request.

mod condition;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

pub use self::condition::Refusal;
use self::condition::{AllowedEmails, AllowedGroups, Condition};
use super::identity::IdentityRef;

/// The name of the policy that applies if a check names none.
pub const DEFAULT: &str = "default";

/// The maximum number of policies with a sealed verdict: two bits of [`PolicyVerdicts::met`] each.
const MAX_SEALED: usize = 32;

/// A set of conditions.
#[derive(Clone, Debug, Default, Hash)]
pub struct Policy {
    conditions: Vec<Condition>,
}

impl Policy {
    /// Returns a policy with the conditions that have an entry.
    ///
    /// Addresses and domains compare without case. A domain `.example.com` means each host below it.
    pub fn new(groups: Vec<String>, emails: Vec<String>, email_domains: Vec<String>) -> Self {
        let mut conditions = Vec::new();
        if !groups.is_empty() {
            conditions.push(Condition::Groups(AllowedGroups::new(groups)));
        }
        if !emails.is_empty() || !email_domains.is_empty() {
            let allowed = AllowedEmails { addresses: emails, domains: email_domains };
            conditions.push(Condition::Emails(allowed));
        }
        Self { conditions }
    }

    /// Returns an error for the first condition that the user does not meet.
    pub fn permits(&self, user: IdentityRef<'_>) -> Result<(), Refusal> {
        self.conditions.iter().try_for_each(|condition| condition.permits(user))
    }

    fn depends_on_request(&self) -> bool {
        self.conditions.iter().any(Condition::depends_on_request)
    }

    /// Returns whether any request of the user may pass.
    fn may_permit(&self, user: IdentityRef<'_>) -> bool {
        let mut of_user = self.conditions.iter().filter(|condition| !condition.depends_on_request());
        of_user.all(|condition| condition.permits(user).is_ok())
    }
}

/// All policies by name.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    by_name: BTreeMap<String, Policy>,
    generation: u64,
    /// The policies whose verdicts may be sealed, as in [`PolicyVerdicts::met`].
    sealable: u64,
}

/// Which policies a user met when the session was sealed, so that a check need not evaluate them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyVerdicts {
    /// Identifies the set of policies. A set with another generation is evaluated again.
    pub generation: u64,
    /// One bit for each of the first 32 policies, in the order of their names. The upper half has a bit for each policy
    /// that the user met before the last refresh, and no longer meets.
    pub met: u64,
}

impl PolicyVerdicts {
    /// Returns the verdicts of a refresh, given those before it.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        let lost = before.met & !self.met & u64::from(u32::MAX);
        let lost = if before.generation == self.generation { lost } else { 0 };
        Self { met: self.met | lost << MAX_SEALED, ..self }
    }
}

/// Why a policy does not permit a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// There is no policy of that name.
    Unknown,
    /// A condition is not met.
    Refused(Refusal),
}

impl Policies {
    /// Returns these policies. If there is no [`DEFAULT`], a policy is added that permits every signed-in user.
    pub fn new(mut by_name: BTreeMap<String, Policy>) -> Self {
        by_name.entry(DEFAULT.to_owned()).or_default();
        let mut hasher = DefaultHasher::new();
        by_name.hash(&mut hasher);
        // Another release may decide differently, and must evaluate the policies again.
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        let sealable = bits(&by_name, |policy| !policy.depends_on_request());
        Self { by_name, generation: hasher.finish(), sealable }
    }

    /// Returns whether there is a policy of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Checks a policy. `sealed` are the verdicts of the time when the session was sealed.
    pub fn permit(
        &self,
        name: &str,
        user: IdentityRef<'_>,
        sealed: Option<PolicyVerdicts>,
    ) -> Result<(), PolicyError> {
        if sealed.is_some_and(|verdicts| self.was_met(name, verdicts)) {
            return Ok(());
        }
        let policy = self.by_name.get(name).ok_or(PolicyError::Unknown)?;
        policy.permits(user).map_err(PolicyError::Refused)
    }

    /// Returns whether the bit of a policy is set.
    fn was_met(&self, name: &str, verdicts: PolicyVerdicts) -> bool {
        let index = self.by_name.keys().take(MAX_SEALED).position(|known| known == name);
        let met = verdicts.met & self.sealable;
        verdicts.generation == self.generation && index.is_some_and(|index| met >> index & 1 == 1)
    }

    /// Returns whether the last refresh took a policy from the user.
    pub fn was_lost(&self, name: &str, verdicts: PolicyVerdicts) -> bool {
        let lost = PolicyVerdicts { met: verdicts.met >> MAX_SEALED, ..verdicts };
        self.was_met(name, lost)
    }

    /// Returns whether the verdicts refuse a policy. Verdicts about other policies than these refuse none.
    pub fn is_refused(&self, name: &str, verdicts: PolicyVerdicts) -> bool {
        let unmet = PolicyVerdicts { met: !verdicts.met, ..verdicts };
        self.was_met(name, unmet)
    }

    /// Returns whether any policy permits any request of a user.
    pub fn any_permits(&self, user: IdentityRef<'_>) -> bool {
        self.by_name.values().any(|policy| policy.may_permit(user))
    }

    /// Returns the verdicts about a user, to be sealed with the session.
    pub fn verdicts(&self, user: IdentityRef<'_>) -> PolicyVerdicts {
        let met = bits(&self.by_name, |policy| policy.permits(user).is_ok());
        PolicyVerdicts { generation: self.generation, met: met & self.sealable }
    }
}

/// Returns one bit for each of the first policies, in the order of their names.
fn bits(by_name: &BTreeMap<String, Policy>, is_set: impl Fn(&Policy) -> bool) -> u64 {
    let set = by_name.values().take(MAX_SEALED).enumerate().filter(|(_, policy)| is_set(policy));
    set.fold(0, |bits, (index, _)| bits | 1 << index)
}

#[cfg(test)]
mod tests;
