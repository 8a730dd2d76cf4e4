//! The decision of one check
//!
//! 1. While the tokens of a session are valid, no request waits. If a refresh is due, it starts in the background.
//! 2. If the tokens have expired, a navigation is redirected to the gateway's page that refreshes them.
//! 3. Any other request with expired tokens waits for the refresh, within bounds. That includes a request that may be a
//!    navigation or one of a script: after the wait, either of them passes.
//! 4. A script without a session gets no 401 while the provider does not answer.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};

use super::audit::Outcome;
use super::caller::Caller;
use super::ports::{
    Absence, Clock, Markers, Opened, Refreshable, SessionRequest, SessionState, Sessions, UnixTime,
};
use super::redirect_loop::{Reload, next_reload};
use super::refresh::{Refresh, RefreshWait};
use super::snapshot::{CurrentSnapshot, Snapshot};
use crate::access::credential::Credential;
use crate::access::decision::{Challenge, Decision, Denial, Outage, decide, refresh_challenge};
use crate::access::request::AccessRequest;
use crate::access::surface::{Surface, is_page_or_data};
use crate::access::target::Target;

/// How long a request waits for a second refresh, if the first one began too early to count.
const SECOND_WAIT_BUDGET: Duration = Duration::from_secs(1);

/// Answers checks: opens the session and applies the rules.
pub struct Check {
    /// The rules.
    pub snapshot: CurrentSnapshot,
    /// Opens sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Counts page reloads.
    pub markers: Arc<dyn Markers>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Refreshes sessions.
    pub refresh: Arc<Refresh>,
}

/// A decision, and what the response carries in addition.
pub struct Checked {
    /// The decision.
    pub decision: Decision,
    /// Whether the page must reload itself.
    pub reload: PageReload,
    /// `Set-Cookie` values that the browser has not presented yet.
    pub pending_cookies: Option<Arc<[HeaderValue]>>,
}

/// Whether a page must reload itself, because a script of it sent a request without a session.
pub enum PageReload {
    /// No: the request is of another kind, or reloading did not help.
    No,
    /// Yes, and the reload is counted already.
    Yes,
    /// Yes, and this `Set-Cookie` value counts it.
    YesAndCount(HeaderValue),
}

/// A decision as the log records it.
pub struct DecisionRecord<'a> {
    /// The decision.
    pub decision: &'a Decision,
    /// Why there was no session, if there was none.
    pub absence: Option<Absence>,
    /// The subject, if known.
    pub subject: Option<&'a str>,
}

/// The input of a check.
#[derive(Clone, Copy)]
struct Question<'q> {
    snapshot: &'q Snapshot,
    request: &'q AccessRequest<'q>,
    caller: Caller,
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

/// The next step of a check, after the session was opened.
enum Step {
    Answer(Checked),
    /// New tokens are worth waiting for.
    Wait(Box<Refreshable>),
}

/// The next step of a request that would be challenged, if it may have a session.
enum AfterChallenge {
    Challenge,
    Answer(Decision),
    Wait(Box<Refreshable>),
}

impl Check {
    /// Decides about one request, and passes the decision to `record`.
    pub async fn check(
        &self,
        snapshot: &Snapshot,
        request: &AccessRequest<'_>,
        caller: Caller,
        record: impl Fn(&DecisionRecord<'_>),
    ) -> Checked {
        let question = Question { snapshot, request, caller };
        let mut waited = None;
        for budget in [caller.patience, SECOND_WAIT_BUDGET.min(caller.patience)] {
            let expired = match self.step(question, waited, &record).await {
                Step::Answer(checked) => return checked,
                Step::Wait(expired) => expired,
            };
            if waited.is_none() {
                self.refresh.audit.waits(caller);
            }
            waited = Some(self.refresh.finish(*expired, caller, budget).await);
        }
        match self.step(question, waited, &record).await {
            Step::Answer(checked) => checked,
            Step::Wait(_) => {
                let decision = Decision::Fail(self.refresh.outage());
                let absence = Some(Absence::Expired);
                record(&DecisionRecord { decision: &decision, absence, subject: None });
                Checked::of(decision)
            }
        }
    }

    async fn step(
        &self,
        question: Question<'_>,
        waited: Option<RefreshWait>,
        record: &impl Fn(&DecisionRecord<'_>),
    ) -> Step {
        let Question { snapshot, request, .. } = question;
        let now = self.clock.now();
        let active = !snapshot.background_paths.matches(request.method, request.origin, request.target);
        let (headers, origin) = (request.headers, request.origin);
        let session = SessionRequest { headers, origin, now, active, found: None };
        self.sessions.read(session, |opened| self.decide(question, (waited, now), opened, record)).await
    }

    fn decide(
        &self,
        question: Question<'_>,
        (waited, now): (Option<RefreshWait>, UnixTime),
        opened: Opened<'_>,
        record: &impl Fn(&DecisionRecord<'_>),
    ) -> Step {
        let Question { snapshot, request, caller } = question;
        let Opened { state, other_cookies, pending_cookies } = opened;
        let (credential, due, no_session) = match state {
            SessionState::Usable(session) => (Credential::Session(session.credential), session.due, None),
            SessionState::Absent(absence) => (Credential::None, None, Some(NoSession::Absent(absence))),
            SessionState::Undetermined(outage) => {
                (Credential::None, None, Some(NoSession::Undetermined(outage)))
            }
            SessionState::Refreshable(expired) => (Credential::None, None, Some(NoSession::Expired(expired))),
        };
        let absence = no_session.as_ref().and_then(NoSession::absence);
        let mut decision = decide(&snapshot.rules, &AccessRequest { credential, ..*request }, other_cookies);
        if let (Decision::Challenge(challenge), Some(no_session)) = (&decision, no_session) {
            match after_challenge(challenge, no_session, waited, question) {
                AfterChallenge::Challenge => {}
                AfterChallenge::Answer(replacement) => decision = replacement,
                AfterChallenge::Wait(expired) => return Step::Wait(expired),
            }
        }
        if let (Decision::Allow(_), Some(due)) = (&decision, due) {
            self.refresh.start(*due, caller);
        }
        if matches!(decision, Decision::Fail(Outage::Provider)) {
            decision = Decision::Fail(self.refresh.outage());
        }
        if matches!(decision, Decision::Challenge(Challenge::Unauthenticated))
            && !self.refresh.provider.answers()
        {
            // The page would reload itself, and leave for a provider that does not answer.
            decision = Decision::Fail(Outage::Provider);
        }
        let subject = match credential {
            Credential::Session(known) => Some(known.user.subject),
            Credential::None => None,
        };
        record(&DecisionRecord { decision: &decision, absence, subject });
        let reload = match decision {
            Decision::Challenge(Challenge::Unauthenticated) => self.decide_reload(request, now),
            Decision::Deny(Denial::Policy { was_lost: true, .. }) if shows_denial(snapshot, request) => {
                self.decide_reload(request, now)
            }
            _ => PageReload::No,
        };
        let pending_cookies = pending_cookies.filter(|_| may_carry_cookies(question));
        Step::Answer(Checked { decision, reload, pending_cookies })
    }

    fn decide_reload(&self, request: &AccessRequest<'_>, now: UnixTime) -> PageReload {
        match next_reload(self.markers.reload_count(request.headers, request.origin), now) {
            Reload::Count(reloads) => {
                let counter = self.markers.set_reload_count(reloads, request.origin);
                counter.map_or(PageReload::Yes, PageReload::YesAndCount)
            }
            Reload::AlreadyCounted => PageReload::Yes,
            Reload::LimitReached => PageReload::No,
        }
    }
}

/// Returns whether an open page of Headlamp shows why it is denied if it reloads itself: then a page load is denied too.
fn shows_denial(snapshot: &Snapshot, request: &AccessRequest<'_>) -> bool {
    let Some(headlamp) = &snapshot.rules.headlamp else { return false };
    let home = headlamp.home();
    let is_public = Target::parse(home.as_bytes())
        .is_ok_and(|home| snapshot.rules.public_paths.matches(&Method::GET, request.origin, home));
    !is_public && !request.surface().may_have_user()
}

/// Returns whether the response may carry pending cookies. A shared cache would deliver the cookies of a cacheable
/// response to every user, so a later response carries them.
fn may_carry_cookies(question: Question<'_>) -> bool {
    let Question { snapshot, request, .. } = question;
    let is_public = snapshot.rules.public_paths.matches(request.method, request.origin, request.target);
    !is_public && is_page_or_data(request.headers)
}

fn after_challenge(
    challenge: &Challenge,
    no_session: NoSession,
    waited: Option<RefreshWait>,
    question: Question<'_>,
) -> AfterChallenge {
    match (no_session, waited) {
        (NoSession::Absent(_), _) => AfterChallenge::Challenge,
        (NoSession::Undetermined(outage), _) => AfterChallenge::Answer(Decision::Fail(outage)),
        // The session has not ended. A challenge would discard what the user has typed into the page.
        (NoSession::Expired(_), Some(RefreshWait::NotNow | RefreshWait::TimedOut)) => {
            AfterChallenge::Answer(Decision::Fail(Outage::Provider))
        }
        (NoSession::Expired(_), None) if is_redirected_navigation(challenge, question.request) => {
            let challenge = refresh_challenge(&question.snapshot.rules, question.request);
            AfterChallenge::Answer(Decision::Challenge(challenge))
        }
        // The refresh that ended may have begun too early to count, or another process has the lease.
        (NoSession::Expired(expired), None | Some(RefreshWait::Ended)) => AfterChallenge::Wait(expired),
    }
}

fn is_redirected_navigation(challenge: &Challenge, request: &AccessRequest<'_>) -> bool {
    matches!(challenge, Challenge::SignIn(_)) && request.surface() == Surface::Navigation
}

impl Checked {
    fn of(decision: Decision) -> Self {
        Self { decision, reload: PageReload::No, pending_cookies: None }
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

#[cfg(test)]
mod tests;
