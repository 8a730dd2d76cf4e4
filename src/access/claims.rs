//! Claims to identity
//!
//! 1. The value of `email` counts only beside `email_verified: true`, and that of `phone_number` only beside
//!    `phone_number_verified: true` (OpenID Connect Core §5.1): users type them in at many providers.
//! 2. Another claim that holds an address, by its name or because it is `claims.email`, counts only if the operator
//!    accepts unverified addresses: no claim verifies it.
//! 3. This holds wherever the value goes: user name, address or group. Policies see only what counts.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::identity::{Identity, InvalidHeaderText};

/// A claim's value, as far as an identity needs it (JSON without numbers' and nulls' values).
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
    /// A number or null: nothing that names a person or a group.
    Other,
}

/// Claims by name (OpenID Connect Core §5.1).
pub type Claims = BTreeMap<String, Claim>;

/// `sid`: the provider's name for its session (OpenID Connect Front-Channel Logout §3); empty where there is none that
/// can be kept.
pub fn sid(claims: &Claims) -> &str {
    match claims.get("sid") {
        Some(Claim::Text(sid)) if sid.len() <= MAX_SID_BYTES => sid,
        _ => "",
    }
}

const MAX_SID_BYTES: usize = 255;

/// Names under which providers send e-mail addresses.
const ADDRESSES: [&str; 5] = ["email", "emails", "mail", "email_address", "emailAddress"];

/// The way to a claim: `groups`, `realm_access.roles`, or a JSON pointer (RFC 6901) where a name holds a dot:
/// `/resource_access/my.client/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

/// A path that leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not a claim path such as groups, realm_access.roles or /resource_access/my.client/roles")]
pub struct NotAPath;

impl ClaimPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, NotAPath> {
        let steps: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        if steps.iter().any(String::is_empty) { Err(NotAPath) } else { Ok(Self(steps)) }
    }

    /// The names on the way to the claim, its own last.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether its own name says that it holds an e-mail address.
    fn names_an_address(&self) -> bool {
        self.0.last().is_some_and(|name| ADDRESSES.iter().any(|one| name.eq_ignore_ascii_case(one)))
    }

    fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Claim> {
        let (last, way) = self.0.split_last()?;
        let mut here = claims;
        for step in way {
            let Claim::Object(next) = here.get(step)? else { return None };
            here = next;
        }
        here.get(last)
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

/// Which claims are read.
#[derive(Clone, Debug)]
pub struct ClaimRules {
    /// The name applications see.
    pub user: ClaimPath,
    /// The e-mail address.
    pub email: ClaimPath,
    /// The groups: the lists at these paths, one after the other.
    pub groups: Vec<ClaimPath>,
    /// Whether a slash before a group is taken away: `/dev` and `dev` are then one group.
    pub strip_group_slash: bool,
    /// Whether an address counts without `email_verified: true`.
    pub accept_unverified_email: bool,
}

/// Why claims make no identity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// The claim at this path, which names the user, is absent or no string.
    #[error("the ID token has no text at `{0}` (claims.user)")]
    NoUser(ClaimPath),
    /// The name cannot be carried in a header.
    #[error("the person's name or subject cannot be carried in a header: {0}")]
    UnfitUser(InvalidHeaderText),
    /// The user name is a value that users may have typed in themselves.
    #[error("the user name comes from a claim that is not verified: {0}")]
    UnverifiedUser(Unverified),
}

/// Why the value of a claim does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unverified {
    /// `email` without `email_verified: true`.
    #[error(
        "the provider does not send email_verified: true beside email; let it verify addresses, or set \
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
    #[error(
        "the provider does not send phone_number_verified: true beside phone_number; choose another claim"
    )]
    PhoneNumber,
}

/// Why a value is left out of the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OmissionReason {
    /// No header can carry it.
    #[error("no header can carry it: {0}")]
    InvalidHeaderText(#[from] InvalidHeaderText),
    /// It does not count.
    #[error(transparent)]
    Unverified(#[from] Unverified),
}

/// A value of the provider that is left out of the identity, and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedClaim {
    /// `email` or `group`.
    pub what: &'static str,
    /// The value as the provider sent it.
    pub value: String,
    /// Why.
    pub why: OmissionReason,
}

impl ClaimRules {
    /// Makes the identity of a verified ID token's `sub` and claims, and says what had to be left out.
    pub fn identity(
        &self,
        subject: &str,
        claims: &Claims,
    ) -> Result<(Identity, Vec<OmittedClaim>), ClaimError> {
        let user = self.user.text(claims).ok_or_else(|| ClaimError::NoUser(self.user.clone()))?;
        self.verify(&self.user, claims).map_err(ClaimError::UnverifiedUser)?;
        let mut identity = Identity::new(subject, user).map_err(ClaimError::UnfitUser)?;
        let mut omitted_claim = Vec::new();
        let counts = self.verify(&self.email, claims).is_ok();
        if let Some(email) = self.email.text(claims).filter(|_| counts)
            && let Err(why) = identity.set_email(email)
        {
            omitted_claim.push(OmittedClaim { what: "email", value: email.to_owned(), why: why.into() });
        }
        for path in &self.groups {
            let verified = self.verify(path, claims);
            for group in path.find(claims).into_iter().flat_map(texts) {
                let group = group.strip_prefix('/').filter(|_| self.strip_group_slash).unwrap_or(group);
                let added = verified.map_err(OmissionReason::from);
                let added = added.and_then(|()| Ok(identity.add_group(group)?));
                if let Err(why) = added {
                    omitted_claim.push(OmittedClaim { what: "group", value: group.to_owned(), why });
                }
            }
        }
        Ok((identity, omitted_claim))
    }

    /// Whether the provider kept groups back because there are too many: it then points to another place instead, with
    /// `_claim_names` (OpenID Connect Core §5.6.2) or with Entra ID's `hasgroups`. Nobody goes there: whoever wrote the
    /// token would choose what we call.
    pub fn groups_are_unknown(&self, claims: &Claims) -> bool {
        let elsewhere = |name: &String| match claims.get("_claim_names") {
            Some(Claim::Object(names)) => names.contains_key(name),
            _ => false,
        };
        let has_groups = is_true(claims, "hasgroups");
        let points_away =
            |path: &ClaimPath| path.0.first().is_some_and(elsewhere) || (has_groups && path.0 == ["groups"]);
        self.groups.iter().any(|path| path.find(claims).is_none() && points_away(path))
    }

    /// Whether the value at a path counts, by the rules of this module.
    fn verify(&self, path: &ClaimPath, claims: &Claims) -> Result<(), Unverified> {
        let is_email = path.0 == ["email"];
        let holds_an_address = *path == self.email || path.names_an_address();
        if holds_an_address && self.accept_unverified_email {
            return Ok(());
        }
        if is_email {
            return if is_true(claims, "email_verified") { Ok(()) } else { Err(Unverified::Email) };
        }
        if path.0 == ["phone_number"] && !is_true(claims, "phone_number_verified") {
            return Err(Unverified::PhoneNumber);
        }
        if holds_an_address { Err(Unverified::OtherEmail) } else { Ok(()) }
    }
}

/// Some providers send booleans as text.
fn is_true(claims: &Claims, name: &str) -> bool {
    match claims.get(name) {
        Some(Claim::Flag(flag)) => *flag,
        Some(Claim::Text(text)) => text == "true",
        _ => false,
    }
}

/// The strings of a list; a single string is a list of one.
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
