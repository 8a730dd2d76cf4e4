//! Events that can occur in each state

use super::Settings;
use super::state::{Call, SignOut, State, Task};
use super::tasks::Fate;
use crate::flow::ports::UnixTime;
use crate::session::records::LeaseState;

/// One event. The numbers are those of the gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    Start(usize),
    Step(usize, Fate),
    Renew(usize),
    LateWrite(usize),
    NoticeFailover(usize),
    Crash(usize),
    Replicate,
    Touch,
    SignOut,
    ConfirmSignOut,
    FailOver { old_lives: bool },
    Detach,
    Tick,
}

impl Settings {
    /// Adds the events that can occur in a state.
    pub(crate) fn add_events(&self, state: &State, events: &mut Vec<Event>) {
        // What follows a reuse is the provider's choice.
        if state.seen.reuse {
            return;
        }
        for number in 0..self.gateways {
            self.events_of(state, number, events);
        }
        let (store, accepts) = (&state.store, self.accepts_writes(state));
        let is_due = |(is_possible, event)| if is_possible { Some(event) } else { None };
        let others = [
            (state.needs_replication(), Event::Replicate),
            (state.left.touches > 0 && store.primary.is_some() && accepts, Event::Touch),
            (state.left.sign_outs > 0 && state.sign_out == SignOut::Not && accepts, Event::SignOut),
            (state.sign_out == (SignOut::Waiting { is_replicated: true }), Event::ConfirmSignOut),
            (state.left.failovers > 0, Event::FailOver { old_lives: false }),
            (state.left.failovers > 0 && self.old_may_live, Event::FailOver { old_lives: true }),
            (state.left.detachments > 0 && store.is_followed, Event::Detach),
            (state.left.ticks > 0 && self.may_tick(state), Event::Tick),
        ];
        events.extend(others.into_iter().filter_map(is_due));
    }

    /// Returns the state after an event, if it changes anything.
    pub(crate) fn after(&self, before: &State, event: Event) -> Option<State> {
        let mut state = before.clone();
        match event {
            Event::Start(gateway) => state.start_refresh(gateway),
            Event::Step(gateway, fate) => state.step(gateway, fate, self),
            Event::Renew(gateway) => state.renew(gateway, self),
            Event::LateWrite(gateway) => {
                if let Some(late) = state.gateways[gateway].late.take() {
                    state.swap(gateway, late, self);
                }
            }
            Event::NoticeFailover(gateway) => state.notice_failover(gateway),
            Event::Crash(gateway) => state.crash(gateway),
            Event::Replicate => state.replicate(),
            Event::Touch => state.touch(),
            Event::SignOut => state.sign_out(),
            Event::ConfirmSignOut => state.sign_out = SignOut::Confirmed,
            Event::FailOver { old_lives } => state.fail_over(old_lives, self),
            Event::Detach => {
                state.left.detachments -= 1;
                state.store.is_followed = false;
            }
            Event::Tick => state.tick(self),
        }
        (state != *before).then_some(state)
    }

    fn events_of(&self, state: &State, number: usize, events: &mut Vec<Event>) {
        let gateway = &state.gateways[number];
        if gateway.task == Task::Idle {
            // Gateways are equal, so they begin in the order of their numbers.
            let may_begin = number == 0 || state.gateways[number - 1].fence > 0;
            if may_begin && state.left.refreshes > 0 && state.is_refreshable(number) {
                events.push(Event::Start(number));
            }
        } else {
            events.extend(self.fates(number, state).map(|fate| Event::Step(number, fate)));
            if state.left.crashes > 0 {
                events.push(Event::Crash(number));
            }
        }
        if gateway.renewal.is_some() || state.renewal(number).is_some() {
            events.push(Event::Renew(number));
        }
        if gateway.late.is_some() {
            events.push(Event::LateWrite(number));
        }
        if gateway.is_at_old {
            events.push(Event::NoticeFailover(number));
        }
    }

    fn accepts_writes(&self, state: &State) -> bool {
        state.store.is_followed || !self.min_replicas
    }

    /// Without a pause, a lease is recorded long before it expires.
    fn may_tick(&self, state: &State) -> bool {
        let mut tasks = state.gateways.iter().map(|gateway| gateway.task);
        !self.is_timely
            || !tasks
                .any(|task| matches!(task, Task::Acquire { call: Call::Swap(_) | Call::Wait { .. }, .. }))
    }
}

impl Settings {
    /// Returns what can become of the gateway's next call.
    fn fates(&self, number: usize, state: &State) -> impl Iterator<Item = Fate> {
        use Fate::{AnswerLost, Answered, Late, Lost, Unavailable};
        let mut gateway = state.gateways[number];
        let (possible, failures): (&[Fate], &[Fate]) = match (gateway.task, gateway.call()) {
            (Task::Leased(_), _) if state.left.refusals > 0 => {
                (&[Answered, Unavailable], &[AnswerLost, Lost])
            }
            (Task::Leased(_), _) => (&[Answered], &[AnswerLost, Lost]),
            (_, Some(Call::Find)) if self.reads_may_be_old || !state.will_write(number, self) => {
                (&[Answered], &[])
            }
            // One that comes late may also never come.
            (_, Some(Call::Find | Call::Swap(_))) => (&[Answered], &[AnswerLost, Late]),
            (_, Some(Call::Wait { is_replicated: true, .. })) => (&[Answered], &[AnswerLost]),
            // The replica takes too long.
            (_, Some(Call::Wait { .. })) => (&[], &[AnswerLost]),
            (_, None) => (&[Answered], &[]),
        };
        let failures = if state.left.lost > 0 { failures } else { &[] };
        possible.iter().chain(failures).copied()
    }
}

impl State {
    /// Returns whether a request starts a refresh, as its gateway sees the session.
    fn is_refreshable(&self, gateway: usize) -> bool {
        self.row_for(gateway).is_some_and(|row| match row.lease {
            LeaseState::Available => true,
            LeaseState::RetryAt(then) => then <= self.now,
            held @ LeaseState::Held { .. } => held.is_abandoned(gateway as u64, UnixTime(self.now), false),
            LeaseState::TokenSpent => false,
        })
    }

    /// Time passes. Without a pause, every holder has renewed its lease.
    fn tick(&mut self, settings: &Settings) {
        for gateway in 0..self.gateways.len() {
            if let Some(renewal) = self.renewal(gateway).filter(|_| settings.is_timely) {
                self.swap(gateway, renewal, settings);
            }
        }
        self.left.ticks = self.left.ticks.saturating_sub(1);
        self.now += 1;
    }

    fn needs_replication(&self) -> bool {
        let store = &self.store;
        let mut waits = self.gateways.iter().filter(|gateway| !gateway.is_at_old).map(|gateway| {
            let mut gateway = *gateway;
            matches!(gateway.call(), Some(Call::Wait { is_replicated: false, .. }))
        });
        store.replica != store.primary
            || !store.is_followed
            || waits.any(|waits| waits)
            || self.sign_out == (SignOut::Waiting { is_replicated: false })
    }

    /// A write that does not change the lease. It counts at once.
    fn touch(&mut self) {
        self.left.touches -= 1;
        if let Some(row) = &mut self.store.primary {
            row.revision += 1;
        }
        self.replicate_unless_lag_matters();
    }

    /// Runs `remove.lua` on the primary.
    fn sign_out(&mut self) {
        self.left.sign_outs -= 1;
        self.store.primary = None;
        let is_replicated = !self.store.is_followed || self.left.failovers == 0;
        self.store.is_ahead |= !self.store.is_followed;
        self.sign_out = SignOut::Waiting { is_replicated };
        self.replicate_unless_lag_matters();
    }
}
