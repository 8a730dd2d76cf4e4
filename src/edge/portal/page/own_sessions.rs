//! Pages for the user's own sessions

use askama::Template;

use super::STYLE;
use super::utc_time::{UtcTime, ago};
use crate::flow::ports::UnixTime;

/// The number of sessions on the page. The button for all others ends the rest too.
const MAX_ROWS: usize = 100;

/// The list of the user's own sessions.
#[derive(Template)]
#[template(path = "own_sessions.html")]
pub struct OwnSessionsPage<'a> {
    /// The user name.
    pub user: &'a str,
    /// The sessions, the current one first.
    pub rows: &'a [OwnSessionRow<'a>],
    /// Whether the page has buttons to end sessions.
    pub permission: Permission,
    /// The URL that the forms are posted to.
    pub action: &'a str,
    /// The URL to authenticate again.
    pub sign_in_url: &'a str,
    /// The URL to sign out.
    pub sign_out_url: &'a str,
}

/// Whether the user may end other sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// The user authenticated a short time ago.
    Granted,
    /// The user must authenticate again.
    NeedsSignIn,
    /// The user has signed in again, and the provider did not confirm an authentication.
    NotConfirmed,
}

/// A session on the page.
pub struct OwnSessionRow<'a> {
    /// The value that the form sends.
    pub id: &'a str,
    /// Browser and system.
    pub device: &'a str,
    /// The host of the sign-in, if it is not that of the page.
    pub other_host: Option<&'a str>,
    /// The address of the sign-in, if known.
    pub address: Option<String>,
    /// When it began.
    pub began_at: UnixTime,
    /// When its user was last known to be active.
    pub active_at: UnixTime,
    /// The time of the page.
    pub now: UnixTime,
    /// Whether it is the session that sees the page.
    pub is_current: bool,
}

/// Says that the store keeps no list of sessions.
#[derive(Template)]
#[template(path = "no_session_list.html")]
pub struct NoSessionList<'a> {
    /// The URL to sign out.
    pub sign_out_url: &'a str,
}

impl OwnSessionsPage<'_> {
    fn shown(&self) -> impl Iterator<Item = &OwnSessionRow<'_>> {
        self.rows.iter().take(MAX_ROWS)
    }

    fn hidden(&self) -> usize {
        self.rows.len().saturating_sub(MAX_ROWS)
    }

    fn has_others(&self) -> bool {
        self.rows.iter().any(|row| !row.is_current)
    }

    fn may_end(&self) -> bool {
        self.permission == Permission::Granted
    }
}

impl OwnSessionRow<'_> {
    fn began(&self) -> Option<UtcTime> {
        UtcTime::new(self.began_at)
    }

    fn used(&self) -> Option<UtcTime> {
        UtcTime::new(self.active_at)
    }

    fn used_ago(&self) -> String {
        ago(self.active_at, self.now)
    }
}
