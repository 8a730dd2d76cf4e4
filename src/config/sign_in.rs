//! Settings of the sign-in and sign-out pages

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;

pub(super) const SECTION: Section = Section {
    path: "sign_in",
    example: "",
    about: "What users see when they sign in and sign out.",
    keys: &[
        Key {
            name: "page",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether a page with a button is shown first. If false, users are redirected to the provider at \
                    once.",
            right: "true or false",
        },
        Key {
            name: "provider_logout",
            kind: Kind::Switch,
            need: Need::Default("true"),
            about: "Whether a sign-out also ends the session at the provider, if the provider has an \
                    end_session_endpoint. <address>/oauth2/signed_out must then be registered there as a post \
                    logout redirect URI.",
            right: "true or false",
        },
    ],
};

/// What users see when they sign in and sign out.
pub struct SignIn {
    /// Whether a page with a button is shown before the redirect to the provider.
    pub page: bool,
    /// Whether a sign-out also ends the session at the provider.
    pub provider_logout: bool,
}

impl SignIn {
    pub(super) fn read(reader: &Reader) -> Self {
        Self {
            page: reader.switch("sign_in.page"),
            provider_logout: reader.switch("sign_in.provider_logout"),
        }
    }
}
