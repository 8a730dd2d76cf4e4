//! Explanation of a user claim that is missing
//!
//! It names claims, never their values.

use super::path::ClaimPath;
use super::value::{Claim, Claims};
use crate::access::quoted::quoted;

/// Claims of the protocol, which name no user.
const PROTOCOL_CLAIMS: [&str; 18] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "azp",
    "jti",
    "sid",
    "auth_time",
    "acr",
    "amr",
    "typ",
    "_claim_names",
    "_claim_sources",
];

/// Returns whether a claim belongs to the protocol, so that it names no user.
pub fn is_of_protocol(name: &str) -> bool {
    PROTOCOL_CLAIMS.contains(&name)
}

/// The limit of names in a message.
const MAX_NAMES: usize = 20;
/// The limit of all names in a message, in characters. The remedy follows them, and must not be cut off in the log.
const MAX_NAME_CHARACTERS: usize = 200;

/// What would work, or is used already.
#[derive(Clone, Copy)]
pub(super) struct Alternatives {
    /// Whether `email` would be accepted as user name.
    pub(super) email_counts: bool,
    /// Whether the claims include those of userinfo.
    pub(super) has_userinfo: bool,
}

/// Returns what is missing at the path, which claims there are, and which settings would work for these claims.
pub(super) fn explain(path: &ClaimPath, known: Alternatives, claims: &Claims) -> String {
    let (no_source, has) = if known.has_userinfo {
        ("neither the ID token nor userinfo has", "they have")
    } else {
        ("the ID token has no", "it has")
    };
    let problem = match path.find(claims) {
        Some(value) if *value != Claim::Null => {
            format!("this claim is {}, not a text; there are", value.type_name())
        }
        _ => format!("{no_source} text there; {has}"),
    };
    let names = list_names(claims);
    // Userinfo adds no claim that the ID token has.
    let userinfo_may_help = !known.has_userinfo && path.is_absent(claims);
    let remedy = if userinfo_may_help && has_only_subject(claims) {
        "set provider.userinfo = true, because the claims may be there; or set claims.user = \"sub\""
            .to_owned()
    } else {
        let is_verified = claims.get("email_verified") == Some(&Claim::Flag(true));
        let email = match (known.email_counts, is_verified) {
            (true, true) => " or email, which is verified",
            (true, false) => " or email",
            (false, _) => "",
        };
        let userinfo = if userinfo_may_help {
            format!("; or set provider.userinfo = true, because the provider may send {path} there")
        } else {
            String::new()
        };
        format!("set claims.user to one that users cannot change, such as sub{email}{userinfo}")
    };
    format!("claims.user is {path}, but {problem} {names}; {remedy}")
}

/// Returns whether the ID token names the user by nothing but `sub`. The claims are then probably in userinfo.
fn has_only_subject(claims: &Claims) -> bool {
    claims.keys().all(|name| name == "sub" || is_of_protocol(name))
}

fn list_names(claims: &Claims) -> String {
    let names: Vec<_> = claims.keys().filter(|name| !is_of_protocol(name)).collect();
    let mut list = String::new();
    for (index, name) in names.iter().enumerate() {
        let name = quoted(name);
        if index == MAX_NAMES || list.chars().count() + name.chars().count() > MAX_NAME_CHARACTERS {
            return format!("{list} and {} more", names.len() - index);
        }
        list.push_str(if index == 0 { "" } else { ", " });
        list.push_str(&name);
    }
    if list.is_empty() { "no other claims".to_owned() } else { list }
}
