//! Conditions that the query of a check adds to its policy
//!
//! oauth2-proxy reads them from the query of `/oauth2/auth`. Setups that come from there may depend on them, so they are
//! never ignored.
//!
//! 1. `allowed_groups`, `allowed_emails` and `allowed_email_domains` have values that are separated by commas.
//! 2. A user must meet each parameter, and the policy. So the query can only make the policy narrower.
//! 3. A repeated, unknown or empty parameter is refused, because programs read it in different ways. If the query may be
//!    the client's, other parameters are ignored.
//! 4. A client must not request the check itself: its reply would contain the ID token.

use std::borrow::Cow;

use thiserror::Error;
use url::form_urlencoded;

use super::identity::IdentityRef;
use super::policy::{Policy, Refusal};
use super::target::Target;

/// The path at which oauth2-proxy answers checks.
pub const OAUTH2_PROXY_PATH: &str = "/oauth2/auth";

/// The conditions of a query.
#[derive(Clone, Debug, Default)]
pub struct QueryConditions {
    policies: Vec<Policy>,
    is_oauth2_proxy: bool,
}

/// No conditions.
pub static NO_CONDITIONS: QueryConditions = QueryConditions { policies: Vec::new(), is_oauth2_proxy: false };

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
            policies.push(condition(&name, &value)?);
            if known.contains(&name) {
                return Err(QueryError::Repeated(name.into_owned()));
            }
            known.push(name);
        }
        Ok(Self { policies, is_oauth2_proxy: false })
    }

    /// Reads a query that may be the client's. It can only make the policy narrower.
    pub fn parse_known(query: &str) -> Self {
        let parameters = form_urlencoded::parse(query.as_bytes());
        let policies = parameters.filter_map(|(name, value)| condition(&name, &value).ok()).collect();
        Self { policies, is_oauth2_proxy: false }
    }

    /// Says whether the check came to the path of oauth2-proxy, which clients may be able to request.
    #[must_use]
    pub fn of_oauth2_proxy(self, is_oauth2_proxy: bool) -> Self {
        Self { is_oauth2_proxy, ..self }
    }

    /// Returns whether the client requested the check itself.
    pub fn is_check_itself(&self, target: Target<'_>) -> bool {
        let path = target.as_bytes().split(|byte| *byte == b'?').next();
        self.is_oauth2_proxy && path == Some(OAUTH2_PROXY_PATH.as_bytes())
    }

    /// Returns an error for the first condition that the user does not meet.
    pub fn permits(&self, user: IdentityRef<'_>) -> Result<(), Refusal> {
        self.policies.iter().try_for_each(|policy| policy.permits(user))
    }
}

/// Returns the condition of a parameter.
fn condition(name: &str, value: &str) -> Result<Policy, QueryError> {
    let values: Vec<String> =
        value.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect();
    let is_empty = values.is_empty();
    let policy = match name {
        "allowed_groups" => Policy::new(values, Vec::new(), Vec::new()),
        "allowed_emails" => Policy::new(Vec::new(), values, Vec::new()),
        "allowed_email_domains" => {
            let domains = values.iter().map(|domain| domain.trim_start_matches('*').to_owned()).collect();
            Policy::new(Vec::new(), Vec::new(), domains)
        }
        _ => return Err(QueryError::Unknown(name.to_owned())),
    };
    if is_empty { Err(QueryError::Empty(name.to_owned())) } else { Ok(policy) }
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

    #[test]
    fn query_that_may_be_the_clients_only_narrows() {
        let permits = |query: &str| QueryConditions::parse_known(query).permits(ALICE).is_ok();
        for query in ["", "a=b", "allowed_groups=", "allowed_groups=dev&a=b"] {
            assert!(permits(query), "{query}");
        }
        for query in
            ["allowed_groups=sales", "a=b&allowed_groups=sales", "allowed_groups=sales&allowed_groups=dev"]
        {
            assert!(!permits(query), "{query}");
        }
    }

    #[test]
    fn check_itself_is_recognised_at_the_path_of_oauth2_proxy_only() {
        let target = |text: &'static str| Target::parse(text.as_bytes()).unwrap();
        let of_oauth2_proxy = QueryConditions::default().of_oauth2_proxy(true);
        assert!(of_oauth2_proxy.is_check_itself(target("/oauth2/auth?allowed_groups=dev")));
        assert!(!of_oauth2_proxy.is_check_itself(target("/oauth2/authors")));
        assert!(!QueryConditions::default().is_check_itself(target("/oauth2/auth")));
    }
}
