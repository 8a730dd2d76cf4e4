//! Several gateways with one store, in every order of events and faults
//!
//! A run explores every state that its events reach. Gateways crash, stop for longer than a lease, and get no answer. The
//! store replicates later than it answers, and fails over. The provider ends the grant if a token is presented twice.
//! The rules of leases are the gateway's own, from `session::records::lease`. In each state:
//!
//! 1. No refresh token is sent twice.
//! 2. Confirmed generations increase: no later row is older than a confirmed write, or has another token.
//! 3. After a confirmed sign-out, no row is stored or found.
//! 4. A holder that lost its lease changes nothing, except by a result that is newest.
//! 5. If no further fault occurs, the session is refreshed, or has ended, or needs a sign-in.
//! 6. Without a fault, no token counts as spent.
//!
//! Each [`Cause`] is an exception. A run that expects one also fails if that cause breaks no rule any more. A gateway
//! that uses a primary which is cut off may find a session that was ended: that primary answers reads.
//!
//! All gateways have one clock. There is one session, and a process has one task for it at a time.

mod events;
mod properties;
mod recovery;
mod renewal;
mod state;
mod store;
mod tasks;

use stateright::{Checker, HasDiscoveries, Model, Property};

use self::events::Event;
use self::state::{Budget, State};

/// How long a lease lasts.
const LEASE_TIME: u64 = 2;

/// What a run explores.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    name: &'static str,
    gateways: usize,
    budget: Budget,
    rules: Rules,
    /// Why the run may break a rule.
    expected: &'static [Cause],
    /// Whether a primary without a replica refuses writes (`min-replicas-to-write 1`).
    min_replicas: bool,
    /// Whether the earlier primary may live on after a failover.
    old_may_live: bool,
    /// Whether the provider accepts a token again (`provider.tolerates_refresh_token_reuse`).
    bears_reuse: bool,
    /// Whether gateways run without pauses.
    is_timely: bool,
    /// Whether other events may occur between the read and the write of a change.
    reads_may_be_old: bool,
}

/// Rules of the gateway that a run may leave out.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// No two writes ever have the same revision, even if a failover lost the first one.
    revisions_are_unique: bool,
    /// A takeover that was perhaps recorded is given back as a lease that has expired, so that the next holder knows it.
    takeovers_stay_spent: bool,
}

/// Why a token may be sent twice, or a confirmed write may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// A primary acknowledged a write while no replica followed it, and a failover lost the write.
    LostConfirmed,
    /// A lease was taken over without an answer, and given back as one whose token was not sent.
    ForgottenTakeover,
    /// A failover lost a write, another write got its revision, and a gateway took that for the row that it had read.
    RepeatedRevision,
}

impl Cause {
    const ALL: [Self; 3] = [Self::LostConfirmed, Self::ForgottenTakeover, Self::RepeatedRevision];
}

impl Budget {
    const NONE: Self = Self {
        refreshes: 0,
        ticks: 0,
        touches: 0,
        refusals: 0,
        sign_outs: 0,
        crashes: 0,
        lost: 0,
        failovers: 0,
        detachments: 0,
    };
}

/// The rules that the gateway has.
const GATEWAY: Rules = Rules { revisions_are_unique: true, takeovers_stay_spent: true };
/// Rules that permit a reuse. They show that the model finds one.
const WITHOUT: Rules = Rules { revisions_are_unique: false, takeovers_stay_spent: false };

/// Gateways that pause, and a store that fails over only if the budget says so.
const PAUSES: Settings = Settings {
    name: "pauses",
    gateways: 2,
    budget: Budget { refreshes: 3, ticks: 3, ..Budget::NONE },
    rules: GATEWAY,
    expected: &[],
    min_replicas: true,
    old_may_live: false,
    bears_reuse: false,
    is_timely: false,
    reads_may_be_old: false,
};

/// The runs of the gateway, and two without a rule that it has.
fn runs() -> [Settings; 9] {
    let budget = PAUSES.budget;
    [
        Settings {
            name: "no fault",
            gateways: 3,
            budget: Budget { touches: 1, refusals: 1, sign_outs: 1, ..budget },
            is_timely: true,
            reads_may_be_old: true,
            ..PAUSES
        },
        Settings {
            name: "crash, pause and lost answer",
            gateways: 3,
            budget: Budget { refusals: 1, sign_outs: 1, crashes: 1, lost: 1, ..budget },
            ..PAUSES
        },
        Settings {
            name: "crash, pause and lost answer, if a takeover is forgotten",
            budget: Budget { crashes: 1, lost: 1, ..budget },
            rules: WITHOUT,
            expected: &[Cause::ForgottenTakeover],
            ..PAUSES
        },
        Settings {
            name: "crash, pause and lost answer, if a token may be sent again",
            budget: Budget { refusals: 1, crashes: 1, lost: 1, ..budget },
            bears_reuse: true,
            ..PAUSES
        },
        Settings {
            name: "failover",
            budget: Budget { refreshes: 2, sign_outs: 1, crashes: 1, lost: 1, failovers: 1, ..budget },
            old_may_live: true,
            ..PAUSES
        },
        Settings {
            name: "two failovers",
            budget: Budget { refusals: 1, crashes: 1, failovers: 2, ..budget },
            ..PAUSES
        },
        Settings {
            name: "failover between a read and its write",
            budget: Budget { refreshes: 2, touches: 1, sign_outs: 1, failovers: 1, ..budget },
            reads_may_be_old: true,
            ..PAUSES
        },
        Settings {
            name: "failover between a read and its write, if revisions repeat",
            budget: Budget { refreshes: 2, touches: 1, sign_outs: 1, failovers: 1, ..budget },
            rules: WITHOUT,
            expected: &[Cause::RepeatedRevision],
            reads_may_be_old: true,
            ..PAUSES
        },
        Settings {
            name: "failover without min-replicas-to-write",
            budget: Budget { refreshes: 2, sign_outs: 1, failovers: 1, detachments: 1, ..budget },
            expected: &[Cause::LostConfirmed],
            min_replicas: false,
            old_may_live: true,
            ..PAUSES
        },
    ]
}

/// Explores every run.
pub(crate) fn check_all() {
    let states: usize = runs().iter().map(Settings::check).sum();
    println!("replicas: {states} states in all");
}

impl Settings {
    /// Explores the run, and returns the number of states. Panics with the events of a counterexample.
    fn check(&self) -> usize {
        let checker =
            self.clone().checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        checker.assert_properties();
        println!("replicas: {}: {} states", self.name, checker.unique_state_count());
        checker.unique_state_count()
    }
}

impl Model for Settings {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.budget)]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        self.add_events(state, events);
    }

    fn next_state(&self, before: &State, event: Event) -> Option<State> {
        self.after(before, event)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}
