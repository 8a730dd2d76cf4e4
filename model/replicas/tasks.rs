//! Tasks of a gateway, as `session::ticket_store::refreshing` and `flow::refresh` run them
//!
//! Each decision about a lease is that of `session::records::lease`. The order of the steps is repeated here.

use super::state::{Answer, Call, Release, Row, Session, SignOut, State, Swap, Task};
use super::store::Written;
use super::{LEASE_TIME, Settings};
use crate::flow::ports::UnixTime;
use crate::session::records::{Holder, LeaseState, ResultVerdict};

/// What becomes of a call to the store or to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// It is executed and answered.
    Answered,
    /// It is executed, and the answer is lost.
    AnswerLost,
    /// It is not executed, and there is no answer.
    Lost,
    /// It is executed after its caller stopped waiting, if at all.
    Late,
    /// The provider answers with an error, and does not use the token.
    Unavailable,
}

impl State {
    /// A request finds that the tokens are due. What it knows of the session may soon be outdated.
    pub(crate) fn start_refresh(&mut self, gateway: usize) {
        let Some(row) = self.row_for(gateway) else { return };
        self.left.refreshes = self.left.refreshes.saturating_sub(1);
        let started = &mut self.gateways[gateway];
        started.fence += 1;
        started.task = Task::Acquire { session: row.session(), is_takeover: false, call: Call::Find };
    }

    /// The task continues with the next call.
    pub(crate) fn step(&mut self, gateway: usize, fate: Fate, settings: &Settings) {
        if matches!(fate, Fate::AnswerLost | Fate::Lost | Fate::Late) {
            self.left.lost -= 1;
        }
        match self.gateways[gateway].task {
            Task::Idle => {}
            Task::Leased(session) => self.send_token(gateway, session, fate, settings),
            Task::Exchange(session, answer) => self.take_answer(gateway, session, answer, settings),
            Task::Acquire { call, .. } | Task::Commit { call, .. } | Task::Release(_, call) => {
                self.run_call(gateway, call, fate, settings);
            }
        }
        if !self.gateways[gateway].is_leaseholder() {
            self.gateways[gateway].renewal = None;
        }
    }

    fn run_call(&mut self, gateway: usize, call: Call, fate: Fate, settings: &Settings) {
        match (call, fate) {
            (Call::Find, _) => {
                self.find(gateway, settings);
                if let (false, Some(&mut call @ Call::Swap(_))) =
                    (settings.reads_may_be_old, self.gateways[gateway].call())
                {
                    self.run_call(gateway, call, fate, settings);
                }
            }
            (Call::Wait { .. }, Fate::Answered) => self.complete(gateway, settings),
            (Call::Wait { .. }, _) => self.fail_call(gateway),
            (Call::Swap(swap), Fate::Lost | Fate::Late) => {
                if fate == Fate::Late {
                    self.gateways[gateway].late = Some(swap);
                }
                self.fail_call(gateway);
            }
            (Call::Swap(swap), _) => {
                let written = self.write(gateway, swap, settings);
                if fate == Fate::AnswerLost {
                    self.fail_call(gateway);
                } else {
                    self.continue_after(gateway, swap, written, settings);
                }
            }
        }
    }

    /// Writes a row for the task, and records whether it may.
    fn write(&mut self, gateway: usize, swap: Swap, settings: &Settings) -> Written {
        let replaced = self.row_for(gateway);
        let written = self.swap(gateway, swap, settings);
        if let (Written::Stored, Some(row)) = (written, replaced) {
            let holds = self.holds(gateway, row);
            let task = self.gateways[gateway].task;
            self.seen.forgot_takeover |=
                matches!(task, Task::Release(Release::Unused { is_takeover: true }, _))
                    && swap.write.lease != LeaseState::TokenSpent;
            self.seen.intrusion |= match task {
                Task::Release(..) => !holds,
                Task::Commit { session, token, .. } => row.session() != session && row.token != token,
                Task::Idle | Task::Acquire { .. } | Task::Leased(_) | Task::Exchange(..) => false,
            };
        }
        written
    }

    fn continue_after(&mut self, gateway: usize, swap: Swap, written: Written, settings: &Settings) {
        match written {
            Written::Refused => self.fail_call(gateway),
            Written::Gone => self.gateways[gateway].task = Task::Idle,
            Written::Changed => self.set_call(gateway, Call::Find),
            // Such a write counts at once.
            Written::Stored if matches!(self.gateways[gateway].task, Task::Release(..)) => {
                self.complete(gateway, settings)
            }
            Written::Stored => {
                let has_replica = self.has_replica(gateway);
                let is_replicated = !has_replica || self.left.failovers == 0;
                self.set_call(gateway, Call::Wait { written: swap.write, is_replicated });
                if !has_replica {
                    self.acknowledge_alone(gateway);
                }
            }
        }
    }

    fn acknowledge_alone(&mut self, gateway: usize) {
        if self.gateways[gateway].is_at_old {
            self.seen.lost_confirmed = true;
        } else {
            self.store.is_ahead = true;
        }
    }

    fn set_call(&mut self, gateway: usize, next: Call) {
        if let Some(call) = self.gateways[gateway].call() {
            *call = next;
        }
    }

    /// The read of a change, and the decision on the row.
    fn find(&mut self, gateway: usize, settings: &Settings) {
        let found = self.row_for(gateway);
        if found.is_some() && self.sign_out == SignOut::Confirmed {
            // A primary that is cut off answers reads.
            let seen = &mut self.seen;
            *if self.gateways[gateway].is_at_old {
                &mut seen.found_at_old
            } else {
                &mut seen.found_after_end
            } = true;
        }
        if found.is_some_and(|row| self.must_wait(gateway, row)) {
            return;
        }
        let changed = found.and_then(|row| Some((row, self.change(gateway, row, settings)?)));
        match changed {
            None => self.gateways[gateway].task = Task::Idle,
            Some((read, (changed, takes_over))) => {
                if let Task::Acquire { is_takeover, .. } = &mut self.gateways[gateway].task {
                    *is_takeover = takes_over;
                }
                let write = Row { revision: read.revision + 1, ..changed };
                self.set_call(gateway, Call::Swap(Swap { read, write }));
            }
        }
    }

    /// Returns whether the task writes the row that its next read finds.
    pub(crate) fn will_write(&self, gateway: usize, settings: &Settings) -> bool {
        self.row_for(gateway).is_some_and(|row| self.change(gateway, row, settings).is_some())
    }

    /// Returns whether a commit is tried again because another gateway has the lease.
    fn must_wait(&self, gateway: usize, row: Row) -> bool {
        let Task::Commit { session, token, is_retry, .. } = self.gateways[gateway].task else { return false };
        let was_recorded = row.token == token || (is_retry && row.generation > session.generation);
        let at = (self.holder(gateway), UnixTime(self.now));
        let verdict = row.lease.judge_result(at, row.generation == session.generation);
        !was_recorded && verdict == ResultVerdict::Undecided
    }

    /// Returns what the task makes of a row, and whether it takes a lease over. Returns `None` if it leaves the row.
    fn change(&self, gateway: usize, row: Row, settings: &Settings) -> Option<(Row, bool)> {
        let by = self.holder(gateway);
        match self.gateways[gateway].task {
            Task::Acquire { session, .. } => {
                let times = (UnixTime(self.now), UnixTime(self.now + LEASE_TIME));
                let acquired = row.lease.acquire(by, times, false)?;
                (row.generation == session.generation)
                    .then_some((Row { lease: acquired.lease, ..row }, acquired.is_takeover))
            }
            Task::Release(how, _) => {
                let lease = match how {
                    Release::Unused { is_takeover: true } if settings.rules.takeovers_stay_spent => {
                        LeaseState::Held { by, until: self.now }
                    }
                    Release::TokenSpent => LeaseState::TokenSpent,
                    Release::RetryAt | Release::Unused { .. } => LeaseState::RetryAt(self.now + 1),
                };
                row.lease.is_held_by(by).then_some((Row { lease, ..row }, false))
            }
            Task::Commit { session, token, is_retry, .. } => {
                let at = (by, UnixTime(self.now));
                Some((commit(row, session, token, is_retry, at)?, false))
            }
            Task::Idle | Task::Leased(_) | Task::Exchange(..) => None,
        }
    }

    /// The call succeeded.
    fn complete(&mut self, gateway: usize, settings: &Settings) {
        if let Some(&mut Call::Wait { written, .. }) = self.gateways[gateway].call() {
            self.confirm(written.session());
        }
        let completed = &mut self.gateways[gateway];
        completed.task = match completed.task {
            Task::Acquire { is_takeover: true, .. } if !settings.bears_reuse => {
                Task::Release(Release::TokenSpent, Call::Find)
            }
            Task::Acquire { session, .. } => Task::Leased(session),
            _ => Task::Idle,
        };
    }

    /// The call failed: the store may have executed it.
    pub(crate) fn fail_call(&mut self, gateway: usize) {
        let failed = &mut self.gateways[gateway];
        failed.task = match failed.task {
            Task::Acquire { is_takeover, .. } => Task::Release(Release::Unused { is_takeover }, Call::Find),
            Task::Commit { session, token, .. } => {
                Task::Commit { session, token, is_retry: true, call: Call::Find }
            }
            Task::Release(Release::TokenSpent, _) => Task::Idle,
            Task::Release(how, _) => Task::Release(how, Call::Find),
            other => other,
        };
    }

    fn confirm(&mut self, session: Session) {
        let newest = self.seen.confirmed.unwrap_or(session);
        self.seen.regression |= session.generation == newest.generation && session.token != newest.token;
        if session.generation >= newest.generation {
            self.seen.confirmed = Some(session);
        }
    }

    fn send_token(&mut self, gateway: usize, session: Session, fate: Fate, settings: &Settings) {
        let is_used = matches!(fate, Fate::Answered | Fate::AnswerLost);
        if is_used {
            let bit = 1 << session.token;
            self.seen.reuse |= self.provider.presented & bit != 0 && !settings.bears_reuse;
            self.provider.presented |= bit;
            self.provider.newest += 1;
        }
        let answer = match fate {
            Fate::Answered => Answer::Token(self.provider.newest),
            Fate::Unavailable => {
                self.left.refusals -= 1;
                Answer::Unavailable
            }
            Fate::AnswerLost | Fate::Lost | Fate::Late => Answer::Lost,
        };
        self.gateways[gateway].task = Task::Exchange(session, answer);
    }

    fn take_answer(&mut self, gateway: usize, session: Session, answer: Answer, settings: &Settings) {
        self.gateways[gateway].task = match answer {
            Answer::Token(token) => Task::Commit { session, token, is_retry: false, call: Call::Find },
            Answer::Unavailable => Task::Release(Release::RetryAt, Call::Find),
            Answer::Lost if settings.bears_reuse => Task::Release(Release::RetryAt, Call::Find),
            Answer::Lost => Task::Release(Release::TokenSpent, Call::Find),
        };
    }
}

/// Returns the row with new tokens, or `None` if the session does not accept them.
fn commit(row: Row, session: Session, token: u8, is_retry: bool, at: (Holder, UnixTime)) -> Option<Row> {
    if row.token == token {
        // An earlier try was recorded, but perhaps not on a replica.
        return Some(row);
    }
    let was_recorded = is_retry && row.generation > session.generation;
    let verdict = row.lease.judge_result(at, row.generation == session.generation);
    (!was_recorded && verdict == ResultVerdict::Accepted).then_some(Row {
        generation: session.generation + 1,
        lease: LeaseState::Available,
        token,
        ..row
    })
}
