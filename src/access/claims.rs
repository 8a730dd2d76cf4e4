//! Conversion of claims to an identity
//!
//! 1. The value of `email` counts only with `email_verified: true`, and that of `phone_number` only with
//!    `phone_number_verified: true` (OpenID Connect Core §5.1). At many providers, users enter these values
//!    themselves.
//! 2. Another claim holds an e-mail address if its name says so, or if it is `claims.email`. No claim verifies it, so
//!    it counts only if the operator accepts unverified addresses. Another claim that is named `phone_number` never
//!    counts.
//! 3. These rules apply to each use of the value: user name, e-mail address and group. Policies see only values that
//!    count. The namespace of a name makes no difference: `https://example.com/email` holds an address.
//! 4. A claim has one place: rules about names apply to the place where it was found, not to the spelling of its path.
//! 5. A value in another shape than those of `shape`, or that does not count, is omitted, and the omission is logged.

mod no_user;
mod omitted;
mod path;
mod shape;
mod value;

use thiserror::Error;

use self::no_user::Alternatives;
pub use self::no_user::is_of_protocol;
pub use self::omitted::{OmissionReason, Omissions, OmittedClaim, Unverified};
use self::path::local_name;
pub use self::path::{ClaimPath, ClaimPathError};
pub use self::shape::BadShape;
pub use self::value::{Claim, Claims};
use super::identity::{Identity, InvalidHeaderText};

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
const PHONE_NUMBER: &str = "phone_number";

/// The claims about a user in OpenID Connect Core §5.1, except `sub`. A token that has one of them is not silent on the
/// user.
const USER_CLAIMS: [&str; 19] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
];

/// The claims that an identity is made of.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ClaimRules {
    /// The path of the name that applications see.
    pub user: ClaimPath,
    /// The path of the e-mail address.
    pub email: ClaimPath,
    /// The paths of the groups. The lists are joined in this order.
    pub groups: Vec<ClaimPath>,
    /// Whether to remove a slash at the beginning of a group, so that `/dev` and `dev` are one group.
    pub strip_group_slash: bool,
    /// Whether commas in a text that is not in a list separate groups.
    pub comma_separated_groups: bool,
    /// Whether an address counts without `email_verified: true`.
    pub accept_unverified_email: bool,
    /// Whether the claims include those of userinfo.
    pub userinfo: bool,
}

/// Why claims do not make an identity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// The claim that names the user is absent, or is neither a string nor an integer. The message names the setting,
    /// the claims that there are, and what would work.
    #[error("{0}")]
    NoUser(String),
    /// A header cannot carry the user name or the subject.
    #[error("a header cannot carry the user name or subject: {0}")]
    InvalidUser(InvalidHeaderText),
    /// The user name is a value that the user may have entered.
    #[error("the user name comes from a claim that is not verified: {0}")]
    UnverifiedUser(Unverified),
}

impl ClaimRules {
    /// Returns the identity in the `sub` and the claims of a verified ID token, and the omitted values.
    pub fn identity(&self, subject: &str, claims: &Claims) -> Result<(Identity, Omissions), ClaimError> {
        let user = self.user.find(claims).and_then(Claim::as_text);
        let Some(user) = user else {
            // The explanation suggests `sub`.
            Identity::new(subject, subject).map_err(ClaimError::InvalidUser)?;
            return Err(ClaimError::NoUser(self.explain_no_user(subject, claims)));
        };
        self.verify(&self.user, claims).map_err(ClaimError::UnverifiedUser)?;
        let mut identity = Identity::new(subject, &user).map_err(ClaimError::InvalidUser)?;
        let mut omitted = Omissions::default();
        self.set_email(&mut identity, claims, &mut omitted);
        for path in &self.groups {
            self.add_groups(path, &mut identity, claims, &mut omitted);
        }
        Ok((identity, omitted))
    }

    fn explain_no_user(&self, subject: &str, claims: &Claims) -> String {
        let email_counts = ClaimPath::parse("email").is_ok_and(|email| match email.find(claims) {
            Some(Claim::Text(address)) => {
                self.verify(&email, claims).is_ok() && Identity::new(subject, address).is_ok()
            }
            _ => false,
        });
        no_user::explain(&self.user, Alternatives { email_counts, has_userinfo: self.userinfo }, claims)
    }

    fn set_email(&self, identity: &mut Identity, claims: &Claims, omitted: &mut Omissions) {
        let Some(value) = self.email.find(claims).filter(|value| **value != Claim::Null) else { return };
        let mut omit = |text, why| omitted.add(self.email.to_string(), text, why);
        if let Err(why) = self.verify(&self.email, claims) {
            return omit("", why.into());
        }
        let Claim::Text(email) = value else {
            return omit("", BadShape::WrongType(value.type_name()).into());
        };
        if let Err(why) = identity.set_email(email) {
            omit(email, why.into());
        }
    }

    fn add_groups(
        &self,
        path: &ClaimPath,
        identity: &mut Identity,
        claims: &Claims,
        omitted: &mut Omissions,
    ) {
        let groups =
            path.find(claims).map(|claim| claim.groups(self.comma_separated_groups)).unwrap_or_default();
        if let Err(why) = self.verify(path, claims)
            && !groups.is_empty()
        {
            return omitted.add(path.to_string(), "", why.into());
        }
        for (place, group) in groups {
            let place = || format!("{path}{place}");
            match group {
                Err(why) => omitted.add(place(), "", why.into()),
                Ok(group) => {
                    let group = self.strip_slash(&group);
                    if let Err(why) = identity.add_group(group) {
                        omitted.add(place(), group, why.into());
                    }
                }
            }
        }
    }

    fn strip_slash<'g>(&self, group: &'g str) -> &'g str {
        group.strip_prefix('/').filter(|_| self.strip_group_slash).unwrap_or(group)
    }

    /// Returns whether the claims of a refresh contain nothing about the user.
    ///
    /// That is: no name, address or group, no object that would enclose one of them, and no other claim about the user.
    /// Nor does a claim say where the groups are. Some providers omit all of these at a refresh. Many omit `groups` alone
    /// when it is empty, so absent groups of a named user are no groups. A user may remove the claim of their name at the
    /// provider, so its absence alone proves nothing. Userinfo is never silent: it says what the provider knows now.
    pub fn are_silent_on_user(&self, claims: &Claims) -> bool {
        let mut paths = [&self.user, &self.email].into_iter().chain(&self.groups);
        !self.userinfo
            && paths.all(|path| path.is_absent(claims))
            && !USER_CLAIMS.iter().any(|name| claims.contains_key(*name))
            && !self.groups_are_unknown(claims)
    }

    /// Returns whether the provider omitted the groups because there are too many.
    ///
    /// It then refers to another address, with `_claim_names` (OpenID Connect Core §5.6.2) or with the `hasgroups` of
    /// Entra ID. The gateway does not request that address, because the author of the token would choose it.
    pub fn groups_are_unknown(&self, claims: &Claims) -> bool {
        let is_distributed = |name: &str| match claims.get("_claim_names") {
            Some(Claim::Object(names)) => names.contains_key(name),
            _ => false,
        };
        let has_groups = is_true(claims, "hasgroups");
        let is_omitted = |path: &ClaimPath| {
            path.outermost_names().any(is_distributed) || (has_groups && path.location(claims) == ["groups"])
        };
        self.groups.iter().any(|path| path.find(claims).is_none() && is_omitted(path))
    }

    /// Returns whether the claims have none of the groups' claims, and `groups` is one of them.
    pub fn lack_groups(&self, claims: &Claims) -> bool {
        let is_named_groups = |path: &ClaimPath| path.outermost_names().any(|name| name == "groups");
        self.groups.iter().any(is_named_groups)
            && self.groups.iter().all(|path| path.is_absent(claims))
            && !self.groups_are_unknown(claims)
    }

    /// Returns whether the value at a path counts, by the rules of this module.
    fn verify(&self, path: &ClaimPath, claims: &Claims) -> Result<(), Unverified> {
        let place = path.location(claims);
        let name = place.last().map(|name| local_name(name)).unwrap_or_default();
        let has_email_name = EMAIL_CLAIM_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
        let is_address = has_email_name || place == self.email.location(claims);
        if is_address && self.accept_unverified_email {
            return Ok(());
        }
        if place == ["email"] {
            return if is_true(claims, "email_verified") { Ok(()) } else { Err(Unverified::Email) };
        }
        let is_verified_number = place == [PHONE_NUMBER] && is_true(claims, "phone_number_verified");
        if name.eq_ignore_ascii_case(PHONE_NUMBER) && !is_verified_number {
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

#[cfg(test)]
mod tests;
