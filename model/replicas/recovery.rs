//! Recovery of a session when there are no further faults

use super::Settings;
use super::events::Event;
use super::state::{Budget, State, Task};
use super::tasks::Fate;
use crate::session::records::LeaseState;

/// The number of events within which a session must be usable again.
const MAX_EVENTS: usize = 80;

/// Returns whether the session ends, needs a sign-in, or is refreshed if all gateways run on and no fault occurs.
///
/// It is enough to know that of states in which no gateway has a task: those that have one come to such a state.
pub(crate) fn is_possible(settings: &Settings, state: &State) -> bool {
    if state.gateways.iter().any(|gateway| gateway.task != Task::Idle) {
        return true;
    }
    let Some(generation) = state.store.primary.map(|row| row.generation) else { return true };
    let mut state = State { left: Budget { refreshes: 1, ticks: 1, ..Budget::NONE }, ..state.clone() };
    for _ in 0..MAX_EVENTS {
        match state.store.primary {
            None => return true,
            Some(row) if row.generation > generation || row.lease == LeaseState::TokenSpent => return true,
            Some(_) if state.seen.reuse => return false,
            Some(_) => {}
        }
        state.left = Budget { refreshes: 1, ticks: 1, ..Budget::NONE };
        let mut events = Vec::new();
        settings.add_events(&state, &mut events);
        events.sort_by_key(|event| order(*event));
        let Some(next) = events.into_iter().find_map(|event| settings.after(&state, event)) else {
            return false;
        };
        state = next;
    }
    false
}

/// Gateways first notice a failover, then all run on, and time passes only when nothing else can happen.
fn order(event: Event) -> u8 {
    match event {
        Event::NoticeFailover(_) => 0,
        Event::Replicate | Event::ConfirmSignOut => 1,
        Event::LateWrite(_) => 2,
        Event::Step(_, Fate::Answered) => 3,
        Event::Start(_) => 4,
        Event::Tick => 5,
        _ => 6,
    }
}
