//! Servers of the store
//!
//! 1. A write is on the primary at once, and on the replica later. A failover makes the replica the primary.
//! 2. The earlier primary may live on, cut off from the replica. Gateways that do not notice the failover still use it.

use super::Settings;
use super::state::{Call, Row, SignOut, State, Swap, Task};

/// The result of a write on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Stored,
    Changed,
    Gone,
    /// The server has too few replicas, and its operator asks for one (`min-replicas-to-write`).
    Refused,
}

impl State {
    /// Returns the row as the gateway's server has it.
    pub(crate) fn row_for(&self, gateway: usize) -> Option<Row> {
        if self.gateways[gateway].is_at_old { self.store.old } else { self.store.primary }
    }

    /// Returns whether the server of the gateway has a replica.
    pub(crate) fn has_replica(&self, gateway: usize) -> bool {
        !self.gateways[gateway].is_at_old && self.store.is_followed
    }

    /// Runs `swap.lua` on the gateway's server.
    pub(crate) fn swap(&mut self, gateway: usize, swap: Swap, settings: &Settings) -> Written {
        if settings.min_replicas && !self.has_replica(gateway) {
            return Written::Refused;
        }
        let Some(row) = self.row_for(gateway) else { return Written::Gone };
        if row.revision != swap.read.revision || (settings.rules.revisions_are_unique && row != swap.read) {
            return Written::Changed;
        }
        self.seen.replaced_unseen |= row != swap.read;
        let server =
            if self.gateways[gateway].is_at_old { &mut self.store.old } else { &mut self.store.primary };
        *server = Some(swap.write);
        self.replicate_unless_lag_matters();
        Written::Stored
    }

    /// Replicates at once if no failover can follow: then nothing depends on what the replica has.
    pub(crate) fn replicate_unless_lag_matters(&mut self) {
        if self.left.failovers == 0 {
            self.replicate();
        }
    }

    /// The replica receives all that the primary has, and confirms it.
    pub(crate) fn replicate(&mut self) {
        self.store.replica = self.store.primary;
        self.store.is_followed = true;
        self.store.is_ahead = false;
        for gateway in self.gateways.iter_mut().filter(|gateway| !gateway.is_at_old) {
            if let Some(Call::Wait { is_replicated, .. }) = gateway.call() {
                *is_replicated = true;
            }
        }
        if let SignOut::Waiting { is_replicated } = &mut self.sign_out {
            *is_replicated = true;
        }
    }

    /// The replica becomes the primary. If the earlier primary lives on, the gateways notice that one by one.
    pub(crate) fn fail_over(&mut self, old_lives: bool, settings: &Settings) {
        self.left.failovers -= 1;
        self.seen.lost_confirmed |= self.store.is_ahead;
        let old = std::mem::replace(&mut self.store.primary, self.store.replica);
        for gateway in 0..settings.gateways {
            if old_lives {
                self.gateways[gateway].is_at_old = true;
            } else {
                self.gateways[gateway].late = None;
                self.lose_unconfirmed(gateway);
            }
        }
        self.store.old = old.filter(|_| old_lives);
        if self.sign_out == (SignOut::Waiting { is_replicated: false }) {
            self.sign_out = SignOut::Not;
        }
        // The old server or another one follows the new primary.
        self.store.is_followed = true;
        self.store.is_ahead = false;
        self.replicate_unless_lag_matters();
    }

    /// A gateway notices that its server is no longer the primary.
    pub(crate) fn notice_failover(&mut self, gateway: usize) {
        self.gateways[gateway].is_at_old = false;
        self.gateways[gateway].late = None;
        self.lose_unconfirmed(gateway);
        if !self.gateways.iter().any(|gateway| gateway.is_at_old) {
            self.store.old = None;
        }
    }

    fn lose_unconfirmed(&mut self, gateway: usize) {
        if let Some(Call::Wait { is_replicated: false, .. }) = self.gateways[gateway].call() {
            self.fail_call(gateway);
        }
    }

    /// A process ends, and another one starts in its place.
    pub(crate) fn crash(&mut self, gateway: usize) {
        self.left.crashes -= 1;
        let crashed = &mut self.gateways[gateway];
        (crashed.task, crashed.renewal) = (Task::Idle, None);
    }
}
