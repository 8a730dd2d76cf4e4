//! Claims that make the identity

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::claims::{ClaimPath, ClaimPathError, ClaimRules};

const RIGHT: &str = "a claim's name such as groups or https://example.com/roles, a path to it such as \
     realm_access.roles, or a JSON pointer if a name contains a dot: /resource_access/my.client/roles";

/// Claims of the user profile (OpenID Connect Core §5.1), which most providers let users edit. The standard also lists
/// `preferred_username` there, but providers use it as the login name.
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
    about: "The claims of the ID token that identify the user. A claim inside another claim is written with dots \
            (realm_access.roles). If the token has a claim with that whole name, that claim is used. A name that \
            begins with a URI is written as it is (https://example.com/roles). If a name inside another claim \
            contains a dot, the path is a JSON pointer (/resource_access/my.client/roles). docs/claims.md lists the \
            accepted values.",
    keys: &[
        Key {
            name: "user",
            kind: Kind::Text,
            need: Need::Default("\"preferred_username\""),
            about: "The user name that applications receive: a text or an integer. Choose a claim that users cannot \
                    change themselves, such as sub. email counts only if the provider has verified it, unless accept_unverified_email is true. \
                    phone_number counts only together with phone_number_verified.",
            right: RIGHT,
        },
        Key {
            name: "email",
            kind: Kind::Text,
            need: Need::Default("\"email\""),
            about: "The user's e-mail address. It counts only if the provider has verified it, unless \
                    accept_unverified_email is true. The log names an address that does not count.",
            right: RIGHT,
        },
        Key {
            name: "groups",
            kind: Kind::List,
            need: Need::Default("[\"groups\"]"),
            about: "The user's groups. The gateway collects the values of all these claims, one claim after the \
                    other. The log names a value that is omitted.",
            right: RIGHT,
        },
        Key {
            name: "strip_group_slash",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether the slash at the beginning of a group is removed, so that Keycloak's group path /dev \
                    becomes the group dev. Policies and applications then see dev. A group that is named \
                    /system:masters then becomes system:masters.",
            right: "true or false",
        },
        Key {
            name: "comma_separated_groups",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether a claim of groups that is one text, and not a list, has several groups with commas between \
                    them. Do not set it if users can name groups: a group x,admins would then be the group admins too.",
            right: "true or false",
        },
        Key {
            name: "accept_unverified_email",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether an e-mail address counts that the provider does not mark as verified. It then counts \
                    as address, as user name and as group. If users can enter their own address at the provider, \
                    they can then take the address of any other user.",
            right: "true or false",
        },
    ],
};

pub(super) fn read(reader: &mut Reader) -> Result<ClaimRules, Reported> {
    let path = |text: &str| {
        ClaimPath::parse(text).map_err(|error| match &error {
            ClaimPathError::EmptyStep => Wrong::new(error.to_string()),
            ClaimPathError::UriInside { pointer } => {
                Wrong::new(error.to_string()).right(format!("the JSON pointer {pointer}"))
            }
        })
    };
    let user = reader.read_required("claims.user", path);
    let email = reader.read_required("claims.email", path);
    let groups = reader.read_list("claims.groups", path);
    let accept_unverified_email = reader.switch("claims.accept_unverified_email");
    if accept_unverified_email {
        reader.report.warn(
            "claims.accept_unverified_email",
            "e-mail addresses count even if the provider has not verified them",
        );
    }
    let named = user.iter().map(|path| ("claims.user", path));
    for (key, path) in named.chain(groups.iter().flatten().map(|path| ("claims.groups", path))) {
        if let Some(claim) = path.local_names().find(|name| is_self_asserted(name)) {
            reader
                .report
                .warn(key, &format!("users can usually change {claim} themselves; choose another claim"));
        }
    }
    let strip_group_slash = reader.switch("claims.strip_group_slash");
    let comma_separated_groups = reader.switch("claims.comma_separated_groups");
    let userinfo = reader.switch("provider.userinfo");
    let (user, email, groups) = (user?, email?, groups?);
    Ok(ClaimRules {
        user,
        email,
        groups,
        strip_group_slash,
        comma_separated_groups,
        accept_unverified_email,
        userinfo,
    })
}

fn is_self_asserted(name: &str) -> bool {
    SELF_ASSERTED.iter().any(|known| name.eq_ignore_ascii_case(known))
}
