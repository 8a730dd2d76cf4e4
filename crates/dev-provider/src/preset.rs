//! Presets: settings with the shape of a known provider
//!
//! 1. A preset states only what its source states. All other properties are those of the default settings.
//! 2. The issuer stays at this provider, and the users stay the same.

use std::fmt;
use std::str::FromStr;

use serde_json::json;

use crate::algorithm::SigningAlgorithm;
use crate::settings::{Settings, User};
use crate::shape::{RefreshTokenRule, Rotation, Shape, UnknownScopes, UserClaims};

/// A provider whose shape [`Settings::like`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Dex with its static users.
    Dex,
    /// Entra ID, endpoints of version 2.0.
    Entra,
    /// Google accounts.
    Google,
    /// Ory Hydra. Its consent application sets the claims.
    Hydra,
    /// Kanidm.
    Kanidm,
    /// Keycloak with its default realm settings.
    Keycloak,
    /// `LemonLDAP::NG`.
    Lemonldap,
    /// The Python package oidc-provider-mock.
    Mock,
    /// Spring Authorization Server without customised tokens.
    Spring,
    /// The example provider of the library zitadel/oidc.
    Zitadel,
}

/// The error for a name that no preset has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no preset is named {0:?}")]
pub struct UnknownPreset(String);

impl Preset {
    /// All presets, sorted by name.
    pub const ALL: [Self; 10] = [
        Self::Dex,
        Self::Entra,
        Self::Google,
        Self::Hydra,
        Self::Kanidm,
        Self::Keycloak,
        Self::Lemonldap,
        Self::Mock,
        Self::Spring,
        Self::Zitadel,
    ];

    /// Returns the name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dex => "dex",
            Self::Entra => "entra",
            Self::Google => "google",
            Self::Hydra => "hydra",
            Self::Kanidm => "kanidm",
            Self::Keycloak => "keycloak",
            Self::Lemonldap => "lemonldap",
            Self::Mock => "mock",
            Self::Spring => "spring",
            Self::Zitadel => "zitadel",
        }
    }

    /// Returns the provider or the library that the preset is named after.
    pub fn title(self) -> &'static str {
        match self {
            Self::Dex => "Dex with its static users",
            Self::Entra => "Microsoft Entra ID",
            Self::Google => "Google accounts",
            Self::Hydra => "Ory Hydra",
            Self::Kanidm => "Kanidm",
            Self::Keycloak => "Keycloak",
            Self::Lemonldap => "LemonLDAP::NG",
            Self::Mock => "the Python package oidc-provider-mock",
            Self::Spring => "Spring Authorization Server",
            Self::Zitadel => "the example provider of the library zitadel/oidc, not ZITADEL",
        }
    }

    /// Returns the properties that differ from the default settings.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Dex => {
                "No `preferred_username`; `groups` only with the scope `groups`. A refresh token only with \
                 `offline_access`. No `end_session_endpoint`."
            }
            Self::Entra => {
                "`oid` and `tid`; `preferred_username` is an address; no `email_verified` and no `sid`; each group is \
                 a GUID. A refresh token only with `offline_access`; old ones stay valid. No `revocation_endpoint`, no \
                 `iss` in the authorization response, and the metadata does not list PKCE."
            }
            Self::Google => {
                "No `preferred_username` and no `groups`. A refresh token only with `access_type=offline`; a refresh \
                 returns none. No `end_session_endpoint`. The scopes are `openid`, `profile` and `email`."
            }
            Self::Hydra => {
                "A refresh token only with `offline_access`. A scope that the client may not request is refused with \
                 `invalid_scope`."
            }
            Self::Kanidm => {
                "ES256 only. `preferred_username` is `NAME@localhost`; each group is a UUID and a name with \
                 `@localhost`, with the scope `groups`. No scope `offline_access`; another scope leads to an error \
                 page. No `end_session_endpoint`."
            }
            Self::Keycloak => {
                "`given_name` and `family_name`. A refresh returns a new token; old ones stay valid."
            }
            Self::Lemonldap => {
                "The claims about the user are in userinfo only, without `email_verified`. The issuer ends in a slash."
            }
            Self::Mock => "No `preferred_username` and no `email_verified`. A refresh returns no ID token.",
            Self::Spring => "Only `sub` in the ID token and in userinfo.",
            Self::Zitadel => {
                "The claims about the user are in userinfo only. A refresh token only with `offline_access`. The \
                 issuer ends in a slash. No redirect URI after logout is registered."
            }
        }
    }

    /// Returns the source of the rule: the measured version, or public documentation.
    pub fn source(self) -> &'static str {
        match self {
            Self::Dex => "measured: Dex 2.45.0",
            Self::Entra => "documentation of Microsoft; not measured",
            Self::Google => "documentation of Google; not measured",
            Self::Hydra => "measured: Ory Hydra 2.3.0",
            Self::Kanidm => "measured: Kanidm 1.10.5",
            Self::Keycloak => "measured: Keycloak 26.7.3",
            Self::Lemonldap => "measured: LemonLDAP::NG 2.16.1",
            Self::Mock => "measured: oidc-provider-mock 0.3.4",
            Self::Spring => "measured: Spring Boot 3.5.6",
            Self::Zitadel => "measured: zitadel/oidc 3.52.0",
        }
    }
}

impl Settings {
    /// Returns settings with the shape of this provider, with the default clients and users.
    pub fn like(preset: Preset) -> Self {
        let mut settings = Self { shape: shape(preset), ..Self::default() };
        match preset {
            Preset::Entra => settings.users.iter_mut().for_each(as_entra_user),
            Preset::Google => settings.users.iter_mut().for_each(|user| user.groups.clear()),
            Preset::Kanidm => {
                settings.signing_algorithm = SigningAlgorithm::Es256;
                settings.users.iter_mut().for_each(as_kanidm_user);
            }
            Preset::Keycloak => settings.users.iter_mut().for_each(add_split_name),
            Preset::Zitadel => {
                settings.clients.iter_mut().for_each(|client| client.post_logout_redirect_uris.clear());
            }
            Preset::Dex | Preset::Hydra | Preset::Lemonldap | Preset::Mock | Preset::Spring => (),
        }
        settings
    }
}

fn shape(preset: Preset) -> Shape {
    let shape = Shape::default();
    match preset {
        Preset::Dex => Shape {
            omitted_claims: names(&["preferred_username"]),
            claims_by_scope: true,
            refresh_tokens: RefreshTokenRule::WithOfflineAccess,
            omitted_metadata: names(&["end_session_endpoint"]),
            ..shape
        },
        Preset::Entra => Shape {
            omitted_claims: names(&["email_verified", "sid"]),
            refresh_tokens: RefreshTokenRule::WithOfflineAccess,
            rotation: Rotation::Lenient,
            omitted_metadata: names(&[
                "revocation_endpoint",
                "code_challenge_methods_supported",
                "authorization_response_iss_parameter_supported",
            ]),
            ..shape
        },
        Preset::Google => Shape {
            omitted_claims: names(&["preferred_username"]),
            scopes: names(&["openid", "profile", "email"]),
            refresh_tokens: RefreshTokenRule::WithAccessTypeOffline,
            rotation: Rotation::Absent,
            omitted_metadata: names(&["end_session_endpoint"]),
            ..shape
        },
        Preset::Hydra => Shape {
            refresh_tokens: RefreshTokenRule::WithOfflineAccess,
            unknown_scopes: UnknownScopes::Refused,
            ..shape
        },
        Preset::Kanidm => Shape {
            claims_by_scope: true,
            scopes: names(&["openid", "profile", "email", "groups"]),
            unknown_scopes: UnknownScopes::Page,
            omitted_metadata: names(&["end_session_endpoint"]),
            ..shape
        },
        Preset::Keycloak => Shape { rotation: Rotation::Lenient, ..shape },
        Preset::Lemonldap => Shape {
            issuer_slash: true,
            user_claims: UserClaims::Userinfo,
            omitted_claims: names(&["email_verified"]),
            ..shape
        },
        Preset::Mock => Shape {
            omitted_claims: names(&["preferred_username", "email_verified"]),
            id_token_at_refresh: false,
            ..shape
        },
        Preset::Spring => Shape {
            omitted_claims: names(&["preferred_username", "name", "email", "email_verified", "groups"]),
            ..shape
        },
        Preset::Zitadel => Shape {
            issuer_slash: true,
            user_claims: UserClaims::Userinfo,
            refresh_tokens: RefreshTokenRule::WithOfflineAccess,
            ..shape
        },
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn as_entra_user(user: &mut User) {
    user.extra.insert("preferred_username".to_owned(), json!(user.email));
    user.extra.insert("oid".to_owned(), json!(user.subject));
    user.extra.insert("tid".to_owned(), json!("00000000-0000-4000-8000-00000000000a"));
    user.groups = user.groups.iter().map(|group| uuid(group)).collect();
}

fn as_kanidm_user(user: &mut User) {
    let username = format!("{}@localhost", user.username);
    user.extra.insert("preferred_username".to_owned(), json!(username));
    let both = |group: &String| [uuid(group), format!("{group}@localhost")];
    user.groups = user.groups.iter().flat_map(both).collect();
}

fn add_split_name(user: &mut User) {
    if let Some((given, family)) = user.name.split_once(' ') {
        user.extra.insert("given_name".to_owned(), json!(given));
        user.extra.insert("family_name".to_owned(), json!(family));
    }
}

/// Returns a UUID that is the same for each mention of a group.
fn uuid(group: &str) -> String {
    let number = group.bytes().fold(0_u64, |number, byte| (number << 8) | u64::from(byte));
    // The last part of a UUID has 48 bits.
    format!("00000000-0000-4000-9000-{:012x}", number & 0xffff_ffff_ffff)
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| UnknownPreset(name.to_owned()))
    }
}
