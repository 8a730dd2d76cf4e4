//! May this request pass? The way of one check.
//!
//! While a session's tokens are good, nobody waits for anything: where they are due, a renewal is begun beside the
//! answer. Where they are over, a person who goes to a page is sent to our page that renews them; anything else waits
//! for the renewal, within bounds.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::audit::{Dialect, Outcome};
use super::circle::{Reload, reload};
use super::ports::{
    Absence, Clock, Markers, Opened, Opening, Renewable, SessionStore, Shown, UnixTime, Workspace,
};
use super::refresh::{Refresh, Waited};
use crate::access::decision::{Challenge, Decision, Outage, Rules, decide, renewing};
use crate::access::public_paths::PublicPaths;
use crate::access::request::AccessRequest;
use crate::access::surface::is_page_or_data;

/// What a request waits for new tokens: less than any proxy waits for us, unless its dialect says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers checks: opens the session, asks the rules.
pub struct Check {
    /// The rules of `access`.
    pub rules: Rules,
    /// Where sessions live.
    pub sessions: Arc<dyn SessionStore>,
    /// Where reloads are counted.
    pub markers: Arc<dyn Markers>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What scripts ask for by themselves: it does not show that the person is there.
    pub quiet: PublicPaths,
    /// What renews sessions.
    pub refresh: Arc<Refresh>,
}

/// A decision, and what goes to the browser beside it.
pub struct Checked {
    /// The decision.
    pub decision: Decision,
    /// Whether the page shall reload itself (boxed, because a check that passes has none), where a script of it is told
    /// that nobody is signed in.
    pub reload: Option<Box<PageReload>>,
    /// `Set-Cookie` values that the browser should have.
    pub deliver: Option<Arc<[HeaderValue]>>,
}

/// The page shall reload itself.
pub struct PageReload {
    /// The `Set-Cookie` value that counts it, where it is not counted already.
    pub counts: Option<HeaderValue>,
}

/// What the log shall know of a decision.
pub struct Told<'a> {
    /// The decision.
    pub decision: &'a Decision,
    /// Why there was no session, where there was none.
    pub absence: Option<Absence>,
    /// The person, where known.
    pub subject: Option<&'a str>,
}

/// Why there is nobody.
enum Nobody {
    Absent(Absence),
    Unknown(Outage),
    Stale(Box<Renewable>),
}

impl Nobody {
    fn absence(&self) -> Option<Absence> {
        match self {
            Self::Absent(absence) => Some(*absence),
            Self::Stale(_) => Some(Absence::Expired),
            Self::Unknown(_) => None,
        }
    }
}

impl Check {
    /// Decides about one request, and tells of it.
    pub async fn check(
        &self,
        request: &AccessRequest<'_>,
        caller: Dialect,
        tell: impl Fn(&Told<'_>),
    ) -> Checked {
        match self.once(request, caller, None, &tell) {
            Ok(checked) => checked,
            Err(stale) => {
                self.refresh.audit.waits(caller);
                let waited = self.refresh.finish(*stale, caller, PATIENCE).await;
                let second = self.once(request, caller, Some(waited), &tell);
                second.unwrap_or_else(|_| Checked::of(Decision::Fail(Outage::Provider)))
            }
        }
    }

    /// `Err` where new tokens are worth waiting for, which one may do once.
    fn once(
        &self,
        request: &AccessRequest<'_>,
        caller: Dialect,
        waited: Option<Waited>,
        tell: &impl Fn(&Told<'_>),
    ) -> Result<Checked, Box<Renewable>> {
        let now = self.clock.now();
        let mut workspace = Workspace::new();
        let Opening { opened, other_cookies, deliver } =
            self.sessions.open(&mut workspace, self.shown(request, now));
        let (credential, due, nobody) = match opened {
            Opened::Session(session) => (Some(session.credential), session.due, None),
            Opened::Absent(absence) => (None, None, Some(Nobody::Absent(absence))),
            Opened::Unknown(outage) => (None, None, Some(Nobody::Unknown(outage))),
            Opened::Stale(stale) => (None, None, Some(Nobody::Stale(stale))),
        };
        let absence = nobody.as_ref().and_then(Nobody::absence);
        let mut decision = decide(&self.rules, request, credential, other_cookies);
        if let (Decision::Challenge(challenge), Some(nobody)) = (&decision, nobody)
            && let Some(instead) = self.instead(challenge, nobody, waited, request)?
        {
            decision = instead;
        }
        if let (Decision::Allow(_), Some(due)) = (&decision, due) {
            self.refresh.start(*due, caller);
        }
        tell(&Told { decision: &decision, absence, subject: credential.map(|known| known.person.subject) });
        let reload = match decision {
            Decision::Challenge(Challenge::Unauthenticated) => self.reload(request, now),
            _ => None,
        };
        let deliver = deliver.filter(|_| self.may_carry_cookies(request));
        Ok(Checked { decision, reload, deliver })
    }

    /// A cookie beside an answer that some cache keeps for everybody would be everybody's; the next request delivers it.
    fn may_carry_cookies(&self, request: &AccessRequest<'_>) -> bool {
        let is_public = self.rules.public_paths.hold(request.method, request.origin, request.target);
        !is_public && is_page_or_data(request.headers)
    }

    /// What is answered instead of a challenge, where there may yet be a session.
    fn instead(
        &self,
        challenge: &Challenge,
        nobody: Nobody,
        waited: Option<Waited>,
        request: &AccessRequest<'_>,
    ) -> Result<Option<Decision>, Box<Renewable>> {
        match (nobody, waited) {
            (Nobody::Absent(_), _) | (Nobody::Stale(_), Some(Waited::Ended)) => Ok(None),
            (Nobody::Unknown(outage), _) => Ok(Some(Decision::Fail(outage))),
            // The session lives on: to say that nobody is signed in would cost a page what is typed into it.
            (Nobody::Stale(_), Some(Waited::NotNow | Waited::Longer)) => {
                Ok(Some(Decision::Fail(Outage::Provider)))
            }
            (Nobody::Stale(_), None) if matches!(challenge, Challenge::SignIn(_)) => {
                Ok(Some(Decision::Challenge(renewing(&self.rules, request))))
            }
            (Nobody::Stale(stale), None) => Err(stale),
        }
    }

    fn shown<'r>(&self, request: &AccessRequest<'r>, now: UnixTime) -> Shown<'r> {
        let active = !self.quiet.hold(request.method, request.origin, request.target);
        Shown { headers: request.headers, origin: request.origin, now, active }
    }

    fn reload(&self, request: &AccessRequest<'_>, now: UnixTime) -> Option<Box<PageReload>> {
        match reload(self.markers.reload_count(request.headers, request.origin), now) {
            Reload::Count(reloads) => {
                Some(Box::new(PageReload { counts: self.markers.set_reload_count(reloads, request.origin) }))
            }
            Reload::Counted => Some(Box::new(PageReload { counts: None })),
            Reload::Enough => None,
        }
    }
}

impl Checked {
    fn of(decision: Decision) -> Self {
        Self { decision, reload: None, deliver: None }
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
