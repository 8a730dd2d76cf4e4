//! Conversion of claims to an identity
//!
//! 1. The value of `email` counts only with `email_verified: true`, and that of `phone_number` only with
//!    `phone_number_verified: true` (OpenID Connect Core §5.1). At many providers, users enter these values
//!    themselves.
//! 2. Another claim holds an e-mail address if its name says so, or if it is `claims.email`. No claim verifies it, so
//!    it counts only if the operator accepts unverified addresses.
//! 3. These rules apply to each use of the value: user name, e-mail address and group. Policies see only values that
//!    count.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::identity::{Identity, InvalidHeaderText};

/// The value of a claim: JSON, without the values of numbers and null, which an identity does not need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A JSON string.
    Text(String),
    /// A JSON boolean.
    Flag(bool),
    /// A JSON array.
    List(Vec<Self>),
    /// A JSON object.
    Object(Claims),
    /// A number or null, which names no user and no group.
    Other,
}

/// Claims by name (OpenID Connect Core §5.1).
pub type Claims = BTreeMap<String, Claim>;

/// Returns `sid`, the provider's identifier of its session (OpenID Connect Front-Channel Logout §3).
///
/// The text is empty if the claim is absent, is not a string, or is longer than 255 bytes.
pub fn sid(claims: &Claims) -> &str {
    match claims.get("sid") {
        Some(Claim::Text(sid)) if sid.len() <= MAX_SID_BYTES => sid,
        _ => "",
    }
}

const MAX_SID_BYTES: usize = 255;

/// Names of claims in which providers send e-mail addresses.
const EMAIL_CLAIM_NAMES: [&str; 5] = ["email", "emails", "mail", "email_address", "emailAddress"];

/// The path of a claim, such as `groups` or `realm_access.roles`.
///
/// If a name contains a dot, the path is a JSON pointer (RFC 6901): `/resource_access/my.client/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

/// A text that is not a claim path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not a claim path such as groups, realm_access.roles or /resource_access/my.client/roles")]
pub struct NotAPath;

impl ClaimPath {
    /// Parses a path.
    pub fn parse(text: &str) -> Result<Self, NotAPath> {
        let steps: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        if steps.iter().any(String::is_empty) { Err(NotAPath) } else { Ok(Self(steps)) }
    }

    /// Returns the names of the enclosing objects, and last the name of the claim.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns whether the name of the claim says that it holds an e-mail address.
    fn has_email_name(&self) -> bool {
        self.0
            .last()
            .is_some_and(|name| EMAIL_CLAIM_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)))
    }

    fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Claim> {
        let (name, parents) = self.0.split_last()?;
        let mut object = claims;
        for parent in parents {
            let Claim::Object(inner) = object.get(parent)? else { return None };
            object = inner;
        }
        object.get(name)
    }

    fn text<'c>(&self, claims: &'c Claims) -> Option<&'c str> {
        match self.find(claims)? {
            Claim::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Display for ClaimPath {
    /// Writes the path as [`Self::parse`] reads it: with dots, or as a JSON pointer if a name holds a dot or a slash.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.0.iter().any(|step| step.contains(['.', '/'])) {
            return f.write_str(&self.0.join("."));
        }
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// The claims that an identity is made of.
#[derive(Clone, Debug)]
pub struct ClaimRules {
    /// The path of the name that applications see.
    pub user: ClaimPath,
    /// The path of the e-mail address.
    pub email: ClaimPath,
    /// The paths of the groups. The lists are joined in this order.
    pub groups: Vec<ClaimPath>,
    /// Whether to remove a slash at the beginning of a group, so that `/dev` and `dev` are one group.
    pub strip_group_slash: bool,
    /// Whether an address counts without `email_verified: true`.
    pub accept_unverified_email: bool,
}

/// Why claims do not make an identity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// The claim at this path, which names the user, is absent or not a string.
    #[error("the ID token has no text at `{0}` (claims.user)")]
    NoUser(ClaimPath),
    /// A header cannot carry the user name or the subject.
    #[error("a header cannot carry the user name or subject: {0}")]
    InvalidUser(InvalidHeaderText),
    /// The user name is a value that the user may have entered.
    #[error("the user name comes from a claim that is not verified: {0}")]
    UnverifiedUser(Unverified),
}

/// Why the value of a claim does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unverified {
    /// `email` without `email_verified: true`.
    #[error(
        "the provider does not send email_verified: true with email; let it verify addresses, or set \
         claims.accept_unverified_email = true if no user can choose an address there"
    )]
    Email,
    /// An address in another claim.
    #[error(
        "it holds an e-mail address that no other claim verifies; set claims.accept_unverified_email = true if no user \
         can choose its value"
    )]
    OtherEmail,
    /// `phone_number` without `phone_number_verified: true`.
    #[error("the provider does not send phone_number_verified: true with phone_number; choose another claim")]
    PhoneNumber,
}

/// Why the identity omits a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OmissionReason {
    /// A header cannot carry it.
    #[error("a header cannot carry it: {0}")]
    InvalidHeaderText(#[from] InvalidHeaderText),
    /// It does not count, because it is not verified.
    #[error(transparent)]
    Unverified(#[from] Unverified),
}

/// A value of the provider that the identity omits. It is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedClaim {
    /// `email` or `group`.
    pub what: &'static str,
    /// The value as the provider sent it.
    pub value: String,
    /// The reason.
    pub why: OmissionReason,
}

impl ClaimRules {
    /// Returns the identity in the `sub` and the claims of a verified ID token, and the omitted values.
    pub fn identity(
        &self,
        subject: &str,
        claims: &Claims,
    ) -> Result<(Identity, Vec<OmittedClaim>), ClaimError> {
        let user = self.user.text(claims).ok_or_else(|| ClaimError::NoUser(self.user.clone()))?;
        self.verify(&self.user, claims).map_err(ClaimError::UnverifiedUser)?;
        let mut identity = Identity::new(subject, user).map_err(ClaimError::InvalidUser)?;
        let mut omitted = Vec::new();
        let counts = self.verify(&self.email, claims).is_ok();
        if let Some(email) = self.email.text(claims).filter(|_| counts)
            && let Err(why) = identity.set_email(email)
        {
            omitted.push(OmittedClaim { what: "email", value: email.to_owned(), why: why.into() });
        }
        for path in &self.groups {
            let verified = self.verify(path, claims);
            for group in path.find(claims).into_iter().flat_map(texts) {
                let group = group.strip_prefix('/').filter(|_| self.strip_group_slash).unwrap_or(group);
                let added = verified.map_err(OmissionReason::from);
                let added = added.and_then(|()| Ok(identity.add_group(group)?));
                if let Err(why) = added {
                    omitted.push(OmittedClaim { what: "group", value: group.to_owned(), why });
                }
            }
        }
        Ok((identity, omitted))
    }

    /// Returns whether the provider omitted the groups because there are too many.
    ///
    /// It then refers to another address, with `_claim_names` (OpenID Connect Core §5.6.2) or with the `hasgroups` of
    /// Entra ID. The gateway does not request that address, because the author of the token would choose it.
    pub fn groups_are_unknown(&self, claims: &Claims) -> bool {
        let is_distributed = |name: &String| match claims.get("_claim_names") {
            Some(Claim::Object(names)) => names.contains_key(name),
            _ => false,
        };
        let has_groups = is_true(claims, "hasgroups");
        let is_omitted = |path: &ClaimPath| {
            path.0.first().is_some_and(is_distributed) || (has_groups && path.0 == ["groups"])
        };
        self.groups.iter().any(|path| path.find(claims).is_none() && is_omitted(path))
    }

    /// Returns whether the value at a path counts, by the rules of this module.
    fn verify(&self, path: &ClaimPath, claims: &Claims) -> Result<(), Unverified> {
        let is_email = path.0 == ["email"];
        let is_address = *path == self.email || path.has_email_name();
        if is_address && self.accept_unverified_email {
            return Ok(());
        }
        if is_email {
            return if is_true(claims, "email_verified") { Ok(()) } else { Err(Unverified::Email) };
        }
        if path.0 == ["phone_number"] && !is_true(claims, "phone_number_verified") {
            return Err(Unverified::PhoneNumber);
        }
        if is_address { Err(Unverified::OtherEmail) } else { Ok(()) }
    }
}

/// Returns whether a claim is true. Some providers send booleans as text.
fn is_true(claims: &Claims, name: &str) -> bool {
    match claims.get(name) {
        Some(Claim::Flag(flag)) => *flag,
        Some(Claim::Text(text)) => text == "true",
        _ => false,
    }
}

/// Returns the strings of a list. A single string counts as a list of one.
fn texts(claim: &Claim) -> Vec<&str> {
    match claim {
        Claim::Text(text) => vec![text],
        Claim::List(list) => list
            .iter()
            .filter_map(|item| if let Claim::Text(text) = item { Some(&**text) } else { None })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
