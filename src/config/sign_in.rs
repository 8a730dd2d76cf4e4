//! What does a person meet when signing in, and when signing out?

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;

pub(super) const SECTION: Section = Section {
    path: "sign_in",
    example: "",
    about: "What a person meets when signing in, and when signing out.",
    keys: &[
        Key {
            name: "page",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether a page with a button comes first. Without it people go to the provider at once.",
            right: "true or false",
        },
        Key {
            name: "provider_logout",
            kind: Kind::Switch,
            need: Need::Default("true"),
            about: "Whether signing out ends the session at the provider too, where it has an end_session_endpoint. \
                    <address>/oauth2/signed_out must then be registered there as a post logout redirect URI.",
            right: "true or false",
        },
    ],
};

/// What a person meets when signing in, and when signing out.
pub struct SignIn {
    /// Whether a page with a button comes before the provider.
    pub page: bool,
    /// Whether signing out ends the session at the provider too.
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
