//! Entry of one session in the registry, and its transitions

use std::time::Duration;

use super::super::users::UserKey;
use super::facts::{Delivery, Listed, Presentation, RefreshLease};
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{Standing, UnixTime};

/// A cookie that responses have carried for this time has reached the browser, if it can.
const DELIVERY_SECONDS: u64 = 2;
/// How long a request with an older cookie may still be on its way after the browser presented a newer one.
const STRAGGLER_TIME: Duration = Duration::from_mins(1);

/// The place of a session's newest generation.
pub(super) enum State<H> {
    /// The browser has presented it.
    InBrowser,
    /// The browser presented it a moment ago. Requests that it sent before may still arrive with an older cookie.
    Arrived {
        /// The result of the refresh.
        result: H,
        /// When the browser presented it first.
        since: UnixTime,
    },
    /// The registry holds it, because the browser has not presented it.
    Pending {
        /// The result of the refresh.
        result: H,
        /// When a response carried it first.
        offered_at: Option<UnixTime>,
    },
    /// The session has ended.
    Ended,
}

/// The registry's answer for a presented cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Presented<H> {
    /// The registry does not know the session.
    Unknown,
    /// The cookie is of the newest generation.
    Newest {
        /// The lease of the newest generation.
        lease: RefreshLease,
        /// The values that apply to all cookies of the session.
        latest: Latest,
    },
    /// There is a newer generation, which the browser has not presented, or only a moment ago.
    Newer {
        /// The newer generation.
        result: H,
        /// The lease of the newest generation.
        lease: RefreshLease,
        /// The values that apply to all cookies of the session.
        latest: Latest,
    },
    /// There is a newer generation, and the browser has had it for some time. The cookie can be used until its tokens expire.
    Older {
        /// The values that apply to all cookies of the session.
        latest: Latest,
    },
    /// The session has ended.
    Ended,
}

/// Values that apply to all cookies of a session, including old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Latest {
    /// When the user was last active.
    pub(in crate::session) active_at: UnixTime,
    /// The last doubt (see `provider_marks`) that the session's tokens answer.
    pub(in crate::session) answered: u64,
}

/// One session.
pub(super) struct Entry<H> {
    state: State<H>,
    generation: u64,
    pub(super) ends_at: UnixTime,
    active_at: UnixTime,
    /// The last doubt that its tokens answer.
    answered: u64,
    /// The last doubt that the refresh in progress will answer.
    answering: u64,
    lease: RefreshLease,
    /// The verdicts of the last refresh.
    policies: Option<PolicyVerdicts>,
    user: UserKey,
}

impl<H: Clone> Entry<H> {
    pub(super) fn new(listed: Listed<'_>, lease: RefreshLease, user: UserKey) -> Self {
        let Listed { generation, ends_at, active_at, .. } = listed;
        let (answered, answering) = (0, 0);
        Self {
            state: State::InBrowser,
            generation,
            ends_at,
            active_at,
            answered,
            answering,
            lease,
            policies: None,
            user,
        }
    }

    /// The newest generation, unless the browser has had it for some time.
    pub(super) fn recent_result(&self) -> Option<H> {
        match &self.state {
            State::Pending { result, .. } | State::Arrived { result, .. } => Some(result.clone()),
            State::InBrowser | State::Ended => None,
        }
    }

    /// Ends the session, and keeps the entry until no cookie of it can be valid. Returns the user if it had not ended
    /// before.
    pub(super) fn end(&mut self, ends_at: UnixTime) -> Option<UserKey> {
        self.ends_at = self.ends_at.max(ends_at);
        let was_active = !self.has_ended();
        self.state = State::Ended;
        was_active.then_some(self.user)
    }

    /// Returns the values that the counts need when the entry is removed.
    pub(super) fn removal(&self) -> RemovedEntry {
        RemovedEntry { user: self.user, had_ended: self.has_ended() }
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Returns how long it goes on, by the newest of its cookies.
    pub(super) fn standing(&self) -> Standing {
        if self.has_ended() { Standing::Ended } else { Standing::Until(self.ends_at, self.policies) }
    }

    pub(super) fn record_presented(
        &mut self,
        listed: Listed<'_>,
        presentation: Presentation,
    ) -> Presented<H> {
        let Presentation { now, active, idle, unknown_lease } = presentation;
        let active_at = self.active_at.max(listed.active_at);
        // A request after the idle time does not revive the session.
        let is_within_idle_time = idle.is_none_or(|idle| now < active_at.plus(idle));
        self.active_at = if active && is_within_idle_time { active_at.max(now) } else { active_at };
        self.ends_at = self.ends_at.max(listed.ends_at);
        if self.has_ended() {
            return Presented::Ended;
        }
        let latest = Latest { active_at, answered: self.answered };
        let generation = listed.generation;
        if generation >= self.generation {
            // A greater generation was created by another process with the same keys.
            if generation > self.generation {
                (self.generation, self.lease, self.policies) = (generation, unknown_lease, None);
                self.state = State::InBrowser;
            }
            self.record_arrival(now);
            return Presented::Newest { lease: self.lease, latest };
        }
        match &mut self.state {
            State::Pending { result, offered_at } => {
                offered_at.get_or_insert(now);
                Presented::Newer { result: result.clone(), lease: self.lease, latest }
            }
            State::Arrived { result, since } if since.is_within(STRAGGLER_TIME, now) => {
                Presented::Newer { result: result.clone(), lease: self.lease, latest }
            }
            State::InBrowser | State::Arrived { .. } | State::Ended => Presented::Older { latest },
        }
    }

    /// Records that the browser has the newest generation.
    fn record_arrival(&mut self, now: UnixTime) {
        match &self.state {
            State::Pending { result, .. } => {
                self.state = State::Arrived { result: result.clone(), since: now };
            }
            State::InBrowser | State::Arrived { .. } | State::Ended => self.drop_old_result(now),
        }
    }

    /// Frees the result that no request needs any more.
    pub(super) fn drop_old_result(&mut self, now: UnixTime) {
        if matches!(self.state, State::Arrived { since, .. } if !since.is_within(STRAGGLER_TIME, now)) {
            self.state = State::InBrowser;
        }
    }

    pub(super) fn set_answered(&mut self, doubt: u64) {
        self.answered = doubt;
    }

    pub(super) fn try_lease(&mut self, generation: u64, doubt: u64, now: UnixTime) -> bool {
        let can_lease = self.lease.is_available(now) && generation == self.generation && !self.has_ended();
        if can_lease {
            self.lease = RefreshLease::Held;
            self.answering = doubt;
        }
        can_lease
    }

    fn is_leased(&self, generation: u64) -> bool {
        self.lease == RefreshLease::Held && generation == self.generation && !self.has_ended()
    }

    /// Stores the new generation `listed` and its lease, if the lease of the previous generation is held.
    pub(super) fn commit(
        &mut self,
        listed: Listed<'_>,
        (result, lease): (H, RefreshLease),
        now: UnixTime,
    ) -> Option<Delivery> {
        if !self.is_leased(listed.generation.checked_sub(1)?) {
            return None;
        }
        let offered_at = match self.state {
            State::Pending { offered_at, .. } => offered_at,
            State::InBrowser | State::Arrived { .. } | State::Ended => None,
        };
        self.state = State::Pending { result, offered_at: None };
        self.generation = listed.generation;
        self.ends_at = self.ends_at.max(listed.ends_at);
        self.answered = self.answering;
        self.lease = lease;
        self.policies = listed.policies.or(self.policies);
        let has_failed = offered_at.is_some_and(|offered_at| offered_at.0 + DELIVERY_SECONDS <= now.0);
        Some(if has_failed { Delivery::Failed } else { Delivery::NoFailure })
    }

    /// Ends the session if the lease of `generation` is held. Returns the user if this ended it.
    pub(super) fn end_after_refresh(&mut self, generation: u64) -> Option<UserKey> {
        if self.is_leased(generation) { self.end(self.ends_at) } else { None }
    }

    pub(super) fn release(&mut self, generation: u64, lease: RefreshLease) {
        if self.is_leased(generation) {
            self.lease = lease;
        }
    }
}

/// An entry that was removed.
pub(super) struct RemovedEntry {
    pub(super) user: UserKey,
    pub(super) had_ended: bool,
}
