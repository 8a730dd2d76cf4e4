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
    Absence, Clock, Markers, Opened, Refreshable, SessionRequest, SessionState, Sessions, UnixTime,
};
use super::refresh::{Refresh, RefreshWait};
use crate::access::decision::{Challenge, Decision, Outage, Rules, decide, renewing};
use crate::access::public_paths::PublicPaths;
use crate::access::request::AccessRequest;
use crate::access::surface::is_page_or_data;

/// How long a request waits for a refresh, and for one more if the first began too early to count: less than any proxy
/// waits for us, unless its dialect says otherwise.
const PATIENCE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(1)];

/// Answers checks: opens the session, asks the rules.
pub struct Check {
    /// The rules of `access`.
    pub rules: Rules,
    /// Where sessions live.
    pub sessions: Arc<dyn Sessions>,
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

/// Why a request has no usable session.
enum NoSession {
    Absent(Absence),
    Undetermined(Outage),
    Expired(Box<Refreshable>),
}

impl NoSession {
    fn absence(&self) -> Option<Absence> {
        match self {
            Self::Absent(absence) => Some(*absence),
            Self::Expired(_) => Some(Absence::Expired),
            Self::Undetermined(_) => None,
        }
    }
}

/// What follows from looking at a request.
enum Step {
    Answer(Checked),
    /// New tokens are worth waiting for.
    Wait(Box<Refreshable>),
}

/// What is answered to a request that is challenged, if there may yet be a session.
enum Instead {
    Challenge,
    Answer(Decision),
    Wait(Box<Refreshable>),
}

impl Check {
    /// Decides about one request, and records it.
    pub async fn check(
        &self,
        request: &AccessRequest<'_>,
        caller: Dialect,
        tell: impl Fn(&Told<'_>),
    ) -> Checked {
        let mut waited = None;
        for budget in PATIENCE {
            let expired = match self.step(request, caller, waited, &tell).await {
                Step::Answer(checked) => return checked,
                Step::Wait(expired) => expired,
            };
            if waited.is_none() {
                self.refresh.audit.waits(caller);
            }
            waited = Some(self.refresh.finish(*expired, caller, budget).await);
        }
        match self.step(request, caller, waited, &tell).await {
            Step::Answer(checked) => checked,
            Step::Wait(_) => Checked::of(Decision::Fail(Outage::Provider)),
        }
    }

    async fn step(
        &self,
        request: &AccessRequest<'_>,
        caller: Dialect,
        waited: Option<RefreshWait>,
        tell: &impl Fn(&Told<'_>),
    ) -> Step {
        let now = self.clock.now();
        let active = !self.quiet.hold(request.method, request.origin, request.target);
        let (headers, origin) = (request.headers, request.origin);
        let session = SessionRequest { headers, origin, now, active, found: None };
        self.sessions.read(session, |opened| self.decide(request, caller, (waited, now), opened, tell)).await
    }

    fn decide(
        &self,
        request: &AccessRequest<'_>,
        caller: Dialect,
        (waited, now): (Option<RefreshWait>, UnixTime),
        opened: Opened<'_>,
        tell: &impl Fn(&Told<'_>),
    ) -> Step {
        let Opened { state, other_cookies, pending_cookies } = opened;
        let (credential, due, no_session) = match state {
            SessionState::Usable(session) => (Some(session.credential), session.due, None),
            SessionState::Absent(absence) => (None, None, Some(NoSession::Absent(absence))),
            SessionState::Undetermined(outage) => (None, None, Some(NoSession::Undetermined(outage))),
            SessionState::Refreshable(expired) => (None, None, Some(NoSession::Expired(expired))),
        };
        let absence = no_session.as_ref().and_then(NoSession::absence);
        let mut decision = decide(&self.rules, request, credential, other_cookies);
        if let (Decision::Challenge(challenge), Some(no_session)) = (&decision, no_session) {
            match self.instead(challenge, no_session, waited, request) {
                Instead::Challenge => {}
                Instead::Answer(instead) => decision = instead,
                Instead::Wait(expired) => return Step::Wait(expired),
            }
        }
        if let (Decision::Allow(_), Some(due)) = (&decision, due) {
            self.refresh.start(*due, caller);
        }
        tell(&Told { decision: &decision, absence, subject: credential.map(|known| known.person.subject) });
        let reload = match decision {
            Decision::Challenge(Challenge::Unauthenticated) => self.reload(request, now),
            _ => None,
        };
        let deliver = pending_cookies.filter(|_| self.may_carry_cookies(request));
        Step::Answer(Checked { decision, reload, deliver })
    }

    /// A cookie beside an answer that some cache keeps for everybody would be everybody's; the next request delivers it.
    fn may_carry_cookies(&self, request: &AccessRequest<'_>) -> bool {
        let is_public = self.rules.public_paths.hold(request.method, request.origin, request.target);
        !is_public && is_page_or_data(request.headers)
    }

    fn instead(
        &self,
        challenge: &Challenge,
        no_session: NoSession,
        waited: Option<RefreshWait>,
        request: &AccessRequest<'_>,
    ) -> Instead {
        match (no_session, waited) {
            (NoSession::Absent(_), _) => Instead::Challenge,
            (NoSession::Undetermined(outage), _) => Instead::Answer(Decision::Fail(outage)),
            // The session lives on: a challenge would cost a page what is typed into it.
            (NoSession::Expired(_), Some(RefreshWait::NotNow | RefreshWait::TimedOut)) => {
                Instead::Answer(Decision::Fail(Outage::Provider))
            }
            (NoSession::Expired(_), None) if matches!(challenge, Challenge::SignIn(_)) => {
                Instead::Answer(Decision::Challenge(renewing(&self.rules, request)))
            }
            // The refresh that ended may have begun too early to count, or another process has the lease.
            (NoSession::Expired(expired), None | Some(RefreshWait::Ended)) => Instead::Wait(expired),
        }
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
