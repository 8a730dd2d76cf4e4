//! Which claims of the provider make the identity?

use std::collections::BTreeMap;

use thiserror::Error;

use super::identity::{Identity, Unfit};

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
        Some(Claim::Text(sid)) if sid.len() <= LONGEST_SID => sid,
        _ => "",
    }
}

const LONGEST_SID: usize = 255;

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
    /// The claim that names the person is absent or no string.
    #[error("the ID token has no text at the claim set by claims.user")]
    NoUser,
    /// The name cannot be carried in a header.
    #[error("the person's name or subject cannot be carried in a header: {0}")]
    UnfitUser(Unfit),
}

/// Something the provider said that no header can carry: left out, and told to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// `email` or `group`.
    pub what: &'static str,
    /// The value as the provider sent it.
    pub value: String,
    /// Why.
    pub why: Unfit,
}

impl ClaimRules {
    /// Makes the identity of a verified ID token's `sub` and claims, and says what had to be left out.
    pub fn identity(&self, subject: &str, claims: &Claims) -> Result<(Identity, Vec<LeftOut>), ClaimError> {
        let user = self.user.text(claims).ok_or(ClaimError::NoUser)?;
        let mut identity = Identity::new(subject, user).map_err(ClaimError::UnfitUser)?;
        let mut left_out = Vec::new();
        if let Some(email) = self.email.text(claims).filter(|_| self.counts_as_verified(claims))
            && let Err(why) = identity.set_email(email)
        {
            left_out.push(LeftOut { what: "email", value: email.to_owned(), why });
        }
        for group in self.groups.iter().filter_map(|path| path.find(claims)).flat_map(texts) {
            let group = group.strip_prefix('/').filter(|_| self.strip_group_slash).unwrap_or(group);
            if let Err(why) = identity.add_group(group) {
                left_out.push(LeftOut { what: "group", value: group.to_owned(), why });
            }
        }
        Ok((identity, left_out))
    }

    /// Whether the provider kept groups back because there are too many: it then points to another place instead, with
    /// `_claim_names` (OpenID Connect Core §5.6.2) or with Entra ID's `hasgroups`. Nobody goes there: whoever wrote the
    /// token would choose what we call.
    pub fn groups_are_unknown(&self, claims: &Claims) -> bool {
        let elsewhere = |name: &String| match claims.get("_claim_names") {
            Some(Claim::Object(names)) => names.contains_key(name),
            _ => false,
        };
        let has_groups = match claims.get("hasgroups") {
            Some(Claim::Flag(has)) => *has,
            Some(Claim::Text(text)) => text == "true",
            _ => false,
        };
        let points_away =
            |path: &ClaimPath| path.0.first().is_some_and(elsewhere) || (has_groups && path.0 == ["groups"]);
        self.groups.iter().any(|path| path.find(claims).is_none() && points_away(path))
    }

    /// `email_verified` speaks of the claim `email` and of no other (OpenID Connect Core §5.1).
    fn counts_as_verified(&self, claims: &Claims) -> bool {
        if self.email.0 != ["email"] {
            return self.accept_unverified_email;
        }
        let verified = match claims.get("email_verified") {
            Some(Claim::Flag(verified)) => *verified,
            Some(Claim::Text(text)) => text == "true",
            _ => false,
        };
        verified || self.accept_unverified_email
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
mod tests {
    use super::*;

    fn text(value: &str) -> Claim {
        Claim::Text(value.to_owned())
    }

    fn list(values: &[&str]) -> Claim {
        Claim::List(values.iter().map(|value| text(value)).collect())
    }

    fn rules(groups: &[&str]) -> ClaimRules {
        ClaimRules {
            user: ClaimPath::parse("preferred_username").unwrap(),
            email: ClaimPath::parse("email").unwrap(),
            groups: groups.iter().map(|path| ClaimPath::parse(path).unwrap()).collect(),
            strip_group_slash: false,
            accept_unverified_email: false,
        }
    }

    fn alice(more: &[(&str, Claim)]) -> Claims {
        let mut claims = Claims::from([("preferred_username".to_owned(), text("alice"))]);
        claims.extend(more.iter().map(|(name, claim)| ((*name).to_owned(), claim.clone())));
        claims
    }

    #[test]
    fn groups_come_from_every_path_and_a_single_string_is_a_list() {
        let realm = Claims::from([("roles".to_owned(), list(&["admin"]))]);
        let claims = alice(&[("groups", text("dev")), ("realm_access", Claim::Object(realm))]);
        let (identity, left_out) =
            rules(&["groups", "/realm_access/roles", "absent.path"]).identity("1", &claims).unwrap();
        assert_eq!(identity.as_ref().groups, "dev,admin");
        assert_eq!(left_out, []);
    }

    #[test]
    fn a_group_that_cannot_be_carried_is_left_out_and_told() {
        let claims = alice(&[("groups", list(&["dev", "a,system:masters"]))]);
        let (identity, left_out) = rules(&["groups"]).identity("1", &claims).unwrap();
        assert_eq!(identity.as_ref().groups, "dev");
        assert_eq!(left_out[0].why, Unfit::Separator);
    }

    #[test]
    fn a_slash_before_a_group_stays_unless_it_is_to_go() {
        let claims = alice(&[("groups", list(&["/dev", "ops", "/a/b", "//c", "/"]))]);
        let with_slash = rules(&["groups"]);
        let (identity, left_out) = with_slash.identity("1", &claims).unwrap();
        assert_eq!((identity.as_ref().groups, left_out.len()), ("/dev,ops,/a/b,//c,/", 0));
        let without = ClaimRules { strip_group_slash: true, ..with_slash };
        let (identity, left_out) = without.identity("1", &claims).unwrap();
        assert_eq!((identity.as_ref().groups, left_out.len()), ("dev,ops,a/b,/c", 1));
    }

    #[test]
    fn groups_that_the_provider_keeps_back_are_unknown() {
        let names = |name: &str| Claim::Object(Claims::from([(name.to_owned(), text("src1"))]));
        let unknown = |paths: &[&str], more: &[(&str, Claim)]| rules(paths).groups_are_unknown(&alice(more));
        assert!(unknown(&["groups"], &[("_claim_names", names("groups"))]));
        assert!(unknown(&["realm.roles"], &[("_claim_names", names("realm"))]));
        assert!(unknown(&["roles", "groups"], &[("roles", list(&[])), ("hasgroups", Claim::Flag(true))]));
        assert!(unknown(&["groups"], &[("hasgroups", text("true"))]));
        assert!(!unknown(&["groups"], &[]), "none is none");
        assert!(!unknown(&["groups"], &[("hasgroups", Claim::Flag(false))]));
        assert!(!unknown(&["groups"], &[("_claim_names", names("address"))]));
        assert!(!unknown(&["roles"], &[("_claim_names", names("groups")), ("hasgroups", Claim::Flag(true))]));
        assert!(!unknown(&["groups"], &[("_claim_names", names("groups")), ("groups", list(&["dev"]))]));
    }

    #[test]
    fn an_unverified_email_is_not_an_email() {
        let claims = alice(&[("email", text("alice@example.com"))]);
        assert_eq!(rules(&[]).identity("1", &claims).unwrap().0.as_ref().email, "");
        let verified = alice(&[("email", text("alice@example.com")), ("email_verified", Claim::Flag(true))]);
        assert_eq!(rules(&[]).identity("1", &verified).unwrap().0.as_ref().email, "alice@example.com");
    }

    #[test]
    fn email_verified_vouches_for_no_other_claim() {
        let claims = alice(&[("upn", text("ceo@example.com")), ("email_verified", Claim::Flag(true))]);
        let by_upn = ClaimRules { email: ClaimPath::parse("upn").unwrap(), ..rules(&[]) };
        assert_eq!(by_upn.identity("1", &claims).unwrap().0.as_ref().email, "");
        let accepted = ClaimRules { accept_unverified_email: true, ..by_upn };
        assert_eq!(accepted.identity("1", &claims).unwrap().0.as_ref().email, "ceo@example.com");
    }

    #[test]
    fn nobody_is_nobody() {
        assert_eq!(rules(&[]).identity("1", &Claims::new()), Err(ClaimError::NoUser));
        assert_eq!(ClaimPath::parse("a..b"), Err(NotAPath));
        assert_eq!(ClaimPath::parse(""), Err(NotAPath));
    }
}
