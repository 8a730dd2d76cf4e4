//! Which claims make the identity?

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::claims::{ClaimPath, ClaimRules};

const RIGHT: &str = "a claim's name such as groups, a way to it such as realm_access.roles, or a JSON \
     pointer where a name holds a dot: /resource_access/my.client/roles";

/// Claims of a user's own profile (OpenID Connect Core §5.1), which most providers let users edit. `preferred_username`
/// is among them in the standard, but providers treat it as the login name.
const SELF_ASSERTED: [&str; 13] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "address",
];

pub(super) const SECTION: Section = Section {
    path: "claims",
    example: "",
    about: "Which claims of the ID token say who somebody is. A claim inside another is written with dots \
            (realm_access.roles), or as a JSON pointer where a name holds a dot \
            (/resource_access/my.client/roles).",
    keys: &[
        Key {
            name: "user",
            kind: Kind::Text,
            need: Need::Default("\"preferred_username\""),
            about: "The name applications see. Choose a claim that users cannot change themselves. email counts only \
                    if the provider verified it (accept_unverified_email), phone_number only beside \
                    phone_number_verified.",
            right: RIGHT,
        },
        Key {
            name: "email",
            kind: Kind::Text,
            need: Need::Default("\"email\""),
            about: "The e-mail address.",
            right: RIGHT,
        },
        Key {
            name: "groups",
            kind: Kind::List,
            need: Need::Default("[\"groups\"]"),
            about: "The groups: all that is found at these places, one after the other.",
            right: RIGHT,
        },
        Key {
            name: "strip_group_slash",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether the slash before a group goes away, so that Keycloak's group path /dev is the group \
                    dev. Policies and applications then see dev; a group that somebody names \
                    /system:masters is then system:masters.",
            right: "true or false",
        },
        Key {
            name: "accept_unverified_email",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether an e-mail address counts that the provider does not call verified: as address, as user \
                    name and as group. If users can type in their own address, they can then take any other \
                    user's.",
            right: "true or false",
        },
    ],
};

pub(super) fn read(reader: &mut Reader) -> Result<ClaimRules, Reported> {
    let path = |text: &str| {
        ClaimPath::parse(text).map_err(|_| Wrong::new("it has an empty step, so it leads nowhere"))
    };
    let user = reader.need("claims.user", path);
    let email = reader.need("claims.email", path);
    let groups = reader.each("claims.groups", path);
    let accept_unverified_email = reader.switch("claims.accept_unverified_email");
    if accept_unverified_email {
        reader.report.warn("claims.accept_unverified_email", "addresses count that nobody has verified");
    }
    let named = user.iter().map(|path| ("claims.user", path));
    for (key, path) in named.chain(groups.iter().flatten().map(|path| ("claims.groups", path))) {
        if let Some(claim) = path.steps().find(|step| SELF_ASSERTED.contains(step)) {
            reader
                .report
                .warn(key, &format!("users can usually change {claim} themselves: choose another claim"));
        }
    }
    let strip_group_slash = reader.switch("claims.strip_group_slash");
    Ok(ClaimRules { user: user?, email: email?, groups: groups?, strip_group_slash, accept_unverified_email })
}
