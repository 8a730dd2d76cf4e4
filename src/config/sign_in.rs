//! What does a person see before signing in?

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;

pub(super) const SECTION: Section = Section {
    path: "sign_in",
    example: "",
    about: "What a person sees before signing in.",
    keys: &[Key {
        name: "page",
        kind: Kind::Switch,
        need: Need::Default("false"),
        about: "Whether a page with a button comes first. Without it people go to the provider at once.",
        right: "true or false",
    }],
};

/// What a person sees before signing in.
pub struct SignIn {
    /// Whether a page with a button comes before the provider.
    pub page: bool,
}

impl SignIn {
    pub(super) fn read(reader: &Reader) -> Self {
        Self { page: reader.switch("sign_in.page") }
    }
}
