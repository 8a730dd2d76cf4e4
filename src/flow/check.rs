//! May this request pass? The way of one check.

use std::sync::Arc;

use http::HeaderValue;

use super::audit::Outcome;
use super::circle::{Reload, reload};
use super::ports::{Absence, Clock, Opened, SessionStore, UnixTime, Workspace};
use crate::access::decision::{Challenge, Decision, Rules, decide};
use crate::access::request::AccessRequest;

/// Answers checks: opens the session, asks the rules.
pub struct Check {
    /// The rules of `access`.
    pub rules: Rules,
    /// Where sessions live.
    pub sessions: Arc<dyn SessionStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A decision, and what the log shall know beside it.
pub struct Checked<'w> {
    /// The decision.
    pub decision: Decision,
    /// Why there was no session, where there was none.
    pub absence: Option<Absence>,
    /// The person, where known.
    pub subject: Option<&'w str>,
    /// Whether the page shall reload itself (boxed, because a check that passes has none), where a script of it is told that nobody is signed in.
    pub reload: Option<Box<PageReload>>,
}

/// The page shall reload itself.
pub struct PageReload {
    /// The `Set-Cookie` value that counts it, where it is not counted already.
    pub counts: Option<HeaderValue>,
}

impl Check {
    /// Decides about one request.
    pub fn check<'w>(&self, workspace: &'w mut Workspace, request: &AccessRequest<'_>) -> Checked<'w> {
        let now = self.clock.now();
        let (opened, cookies) = self.sessions.open(workspace, request.headers, request.origin, now);
        let (credential, absence) = match opened {
            Opened::Session(session) => (Some(session.credential), None),
            Opened::Absent(absence) => (None, Some(absence)),
            Opened::Unknown(outage) => {
                return Checked {
                    decision: Decision::Fail(outage),
                    absence: None,
                    subject: None,
                    reload: None,
                };
            }
        };
        let decision = decide(&self.rules, request, credential, cookies);
        let reload = match decision {
            Decision::Challenge(Challenge::Unauthenticated) => self.reload(request, now),
            _ => None,
        };
        Checked { decision, absence, subject: credential.map(|known| known.person.subject), reload }
    }

    fn reload(&self, request: &AccessRequest<'_>, now: UnixTime) -> Option<Box<PageReload>> {
        match reload(self.sessions.reloads(request.headers, request.origin), now) {
            Reload::Count(reloads) => {
                Some(Box::new(PageReload { counts: self.sessions.count_reload(reloads, request.origin) }))
            }
            Reload::Counted => Some(Box::new(PageReload { counts: None })),
            Reload::Enough => None,
        }
    }
}

impl From<&Decision> for Outcome {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Allow(_) => Self::Allow,
            Decision::Challenge(_) => Self::Challenge,
            Decision::Deny(_) => Self::Deny,
            Decision::Fail(_) => Self::Fail,
        }
    }
}
