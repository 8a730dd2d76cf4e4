//! Small configuration files for known providers
//!
//! Each file has only the settings that its provider needs. docs/providers.md shows the same settings.

/// A configuration file for one provider.
#[derive(Debug)]
pub struct ProviderTemplate {
    /// The name of the provider on the command line.
    pub name: &'static str,
    /// The file, in TOML.
    pub text: &'static str,
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(ProviderTemplate {
            name: $name,
            text: include_str!(concat!("../../config/providers/", $name, ".toml")),
        }),*]
    };
}

/// The files, in the order of docs/providers.md.
pub const PROVIDER_TEMPLATES: &[ProviderTemplate] = templates![
    "keycloak",
    "entra",
    "google",
    "okta",
    "auth0",
    "cognito",
    "gitlab",
    "dex",
    "authentik",
    "authelia",
    "zitadel",
    "kanidm",
    "hydra",
    "lemonldap",
    "spring",
    "django",
];
