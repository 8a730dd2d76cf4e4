//! What does the demo application show of the request it received?

use askama::Template;
use jiff::Timestamp;

use super::STYLE;
use crate::flow::ports::UnixTime;

/// Longer values are folded: an ID token fills a phone's screen.
const LONG: usize = 160;

const START: usize = 20;

/// The demo application's only page: the request, the identity in it first.
#[derive(Template)]
#[template(path = "echo.html")]
pub struct Echo<'a> {
    /// The header fields that arrived.
    pub headers: &'a [Field<'a>],
    /// The person.
    pub user: &'a str,
    /// Since when the ID token is good, where known.
    pub token_begins_at: Option<UnixTime>,
    /// Until when the ID token is good, where known.
    pub token_ends_at: Option<UnixTime>,
    /// Where to sign out.
    pub sign_out_url: &'a str,
}

/// A header field that arrived.
pub struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value, as text.
    pub value: &'a str,
    /// Whether the gateway set it, to say who the person is.
    pub identity: bool,
}

impl Field<'_> {
    fn long_start(&self) -> Option<String> {
        (self.value.len() > LONG).then(|| self.value.chars().take(START).collect())
    }
}

/// A time that can be shown; in UTC, since a page without script does not know the person's time zone.
struct Moment(Timestamp);

impl Moment {
    fn new(time: UnixTime) -> Option<Self> {
        let seconds = i64::try_from(time.0).ok()?;
        Timestamp::from_second(seconds).ok().map(Self)
    }

    fn machine(&self) -> impl std::fmt::Display {
        self.0
    }

    fn human(&self) -> impl std::fmt::Display {
        self.0.strftime("%-d %b %Y, %H:%M UTC")
    }
}
