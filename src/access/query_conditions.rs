//! Conditions that the query of a check adds to its policy
//!
//! oauth2-proxy reads them from the query of `/oauth2/auth`. Setups that name that path may depend on them, so they are
//! never ignored.
//!
//! 1. `allowed_groups`, `allowed_emails` and `allowed_email_domains` have values that are separated by commas.
//! 2. A user must meet each parameter, and the policy. So the query can only make the policy narrower.
//! 3. A repeated, unknown or empty parameter is refused, because programs read it in different ways.

use std::borrow::Cow;

use thiserror::Error;
use url::form_urlencoded;

use super::identity::IdentityRef;
use super::policy::{Policy, Refusal};

/// The path at which oauth2-proxy answers checks.
pub const OAUTH2_PROXY_PATH: &str = "/oauth2/auth";

/// The conditions of a query.
#[derive(Clone, Debug)]
pub struct QueryConditions(Vec<Policy>);

/// No conditions.
pub static NO_CONDITIONS: QueryConditions = QueryConditions(Vec::new());

/// Why the query of a check is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// The parameter has no meaning here.
    #[error("the query of the check has the unknown parameter {0}")]
    Unknown(String),
    /// The parameter is there more than once.
    #[error("the query of the check has the parameter {0} more than once")]
    Repeated(String),
    /// The parameter has no value.
    #[error("the query of the check has the parameter {0} without a value")]
    Empty(String),
}

impl QueryConditions {
    /// Reads the query of a check, without the question mark.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut known: Vec<Cow<'_, str>> = Vec::new();
        let mut policies = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let values: Vec<String> = value
                .split(',')
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .collect();
            let policy = match &*name {
                "allowed_groups" => Policy::new(values.clone(), Vec::new(), Vec::new()),
                "allowed_emails" => Policy::new(Vec::new(), values.clone(), Vec::new()),
                "allowed_email_domains" => {
                    let domains =
                        values.iter().map(|domain| domain.trim_start_matches('*').to_owned()).collect();
                    Policy::new(Vec::new(), Vec::new(), domains)
                }
                _ => return Err(QueryError::Unknown(name.into_owned())),
            };
            if values.is_empty() {
                return Err(QueryError::Empty(name.into_owned()));
            }
            if known.contains(&name) {
                return Err(QueryError::Repeated(name.into_owned()));
            }
            known.push(name);
            policies.push(policy);
        }
        Ok(Self(policies))
    }

    /// Returns an error for the first condition that the user does not meet.
    pub fn permits(&self, user: IdentityRef<'_>) -> Result<(), Refusal> {
        self.0.iter().try_for_each(|policy| policy.permits(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: IdentityRef<'static> =
        IdentityRef { subject: "1", user: "alice", email: "alice@a.test", groups: "dev,ops" };

    fn permits(query: &str) -> bool {
        QueryConditions::parse(query).unwrap().permits(ALICE).is_ok()
    }

    #[test]
    fn user_must_meet_each_parameter() {
        for query in [
            "",
            "allowed_groups=dev",
            "allowed_groups=sales,ops",
            "allowed_groups=sales%2Cops",
            "allowed_emails=bob@a.test,alice@a.test",
            "allowed_email_domains=a.test",
            "allowed_email_domains=*.test",
            "allowed_groups=dev&allowed_email_domains=a.test",
        ] {
            assert!(permits(query), "{query}");
        }
        for query in [
            "allowed_groups=sales",
            "allowed_emails=bob@a.test",
            "allowed_email_domains=b.test",
            "allowed_groups=dev&allowed_emails=bob@a.test",
            "allowed_emails=bob@a.test&allowed_email_domains=a.test",
        ] {
            assert!(!permits(query), "{query}");
        }
    }

    #[test]
    fn repeated_unknown_or_empty_parameter_is_refused() {
        let error = |query: &str| QueryConditions::parse(query).unwrap_err();
        let name = |name: &str| name.to_owned();
        assert_eq!(
            error("allowed_groups=a&allowed_groups=dev"),
            QueryError::Repeated(name("allowed_groups"))
        );
        assert_eq!(error("allowed_group=dev"), QueryError::Unknown(name("allowed_group")));
        assert_eq!(error("ALLOWED_GROUPS=dev"), QueryError::Unknown(name("ALLOWED_GROUPS")));
        for query in ["allowed_groups", "allowed_groups=", "allowed_groups=,%20,"] {
            assert_eq!(error(query), QueryError::Empty(name("allowed_groups")), "{query}");
        }
    }
}
