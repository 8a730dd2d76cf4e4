//! Invariants of the model

use stateright::Property;

use super::recovery;
use super::state::{SignOut, State};
use super::{Cause, Settings};
use crate::session::records::LeaseState;

/// Returns the invariants. A state that the settings excuse meets all of them.
pub(crate) fn all(settings: &Settings) -> Vec<Property<Settings>> {
    let mut properties = vec![
        Property::always("no refresh token is sent twice", |settings: &Settings, state: &State| {
            settings.excuses(state) || !state.seen.reuse
        }),
        Property::always("confirmed generations increase", |settings: &Settings, state: &State| {
            settings.excuses(state) || !(state.seen.regression || is_older_than_confirmed(state))
        }),
        Property::always("a confirmed sign-out is final", |settings: &Settings, state: &State| {
            settings.excuses(state) || !(state.seen.found_after_end || is_stored_after_end(state))
        }),
        Property::always(
            "a holder that lost its lease changes nothing",
            |settings: &Settings, state: &State| settings.excuses(state) || !state.seen.intrusion,
        ),
        Property::always("no session is stuck", |settings: &Settings, state: &State| {
            settings.excuses(state) || state.seen.reuse || recovery::is_possible(settings, state)
        }),
    ];
    if settings.is_timely {
        properties.push(Property::always(
            "no token counts as spent without a fault",
            |_: &Settings, state: &State| {
                !state.store.primary.is_some_and(|row| row.lease == LeaseState::TokenSpent)
            },
        ));
    }
    if settings.old_may_live && settings.budget.sign_outs > 0 {
        properties.push(Property::sometimes(
            "a primary that is cut off shows an ended session",
            |_: &Settings, state: &State| state.seen.found_at_old,
        ));
    }
    properties.extend(settings.expected.iter().map(|cause| match cause {
        Cause::LostConfirmed => {
            Property::sometimes("a lost confirmed write causes a reuse", |_: &Settings, state: &State| {
                state.seen.reuse && only(state, Cause::LostConfirmed)
            })
        }
        Cause::ForgottenTakeover => {
            Property::sometimes("a forgotten takeover causes a reuse", |_: &Settings, state: &State| {
                state.seen.reuse && only(state, Cause::ForgottenTakeover)
            })
        }
        Cause::RepeatedRevision => {
            Property::sometimes("a repeated revision causes a reuse", |_: &Settings, state: &State| {
                state.seen.reuse && only(state, Cause::RepeatedRevision)
            })
        }
    }));
    properties
}

impl Cause {
    fn happened(self, state: &State) -> bool {
        match self {
            Self::LostConfirmed => state.seen.lost_confirmed,
            Self::ForgottenTakeover => state.seen.forgot_takeover,
            Self::RepeatedRevision => state.seen.replaced_unseen,
        }
    }
}

/// Returns whether this is the only cause that happened.
fn only(state: &State, cause: Cause) -> bool {
    Cause::ALL.into_iter().all(|other| other.happened(state) == (other == cause))
}

impl Settings {
    /// Returns whether something happened that the gateway and its settings do not exclude.
    fn excuses(&self, state: &State) -> bool {
        self.expected.iter().any(|cause| cause.happened(state))
    }
}

fn is_older_than_confirmed(state: &State) -> bool {
    state.store.primary.zip(state.seen.confirmed).is_some_and(|(row, confirmed)| {
        row.generation < confirmed.generation
            || (row.generation == confirmed.generation && row.token != confirmed.token)
    })
}

fn is_stored_after_end(state: &State) -> bool {
    state.sign_out == SignOut::Confirmed && state.store.primary.is_some()
}
