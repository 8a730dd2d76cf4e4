//! Page of the demo application, which shows the request that it received

use askama::Template;

use super::STYLE;
use super::utc_time::UtcTime;
use crate::flow::ports::UnixTime;

/// The maximum length of a value that is not folded. An ID token would fill the screen of a phone.
const MAX_UNFOLDED_BYTES: usize = 160;

/// The length of the visible beginning of a folded value.
const PREVIEW_CHARACTERS: usize = 20;

/// The only page of the demo application: the identity headers, then the rest of the request.
#[derive(Template)]
#[template(path = "echo.html")]
pub struct Echo<'a> {
    /// The header fields that arrived.
    pub headers: &'a [Field<'a>],
    /// The user name.
    pub user: &'a str,
    /// The beginning of the ID token's validity, if known.
    pub token_begins_at: Option<UnixTime>,
    /// The end of the ID token's validity, if known.
    pub token_ends_at: Option<UnixTime>,
    /// The URL to sign out.
    pub sign_out_url: &'a str,
}

/// A header field that arrived.
pub struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value, as text.
    pub value: &'a str,
    /// Whether it is an identity header, which the gateway set.
    pub identity: bool,
}

impl Field<'_> {
    fn preview(&self) -> Option<String> {
        (self.value.len() > MAX_UNFOLDED_BYTES).then(|| self.value.chars().take(PREVIEW_CHARACTERS).collect())
    }
}
