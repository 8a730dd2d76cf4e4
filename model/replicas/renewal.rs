//! Renewal of a lease while its holder works

use super::state::{Row, State, Swap};
use super::store::Written;
use super::{LEASE_TIME, Settings};
use crate::session::records::LeaseState;

impl State {
    /// The holder renews its lease: first it reads the row, then it writes the row. The write counts at once.
    pub(crate) fn renew(&mut self, gateway: usize, settings: &Settings) {
        let renewal = self.gateways[gateway].renewal.take();
        let renewal = renewal.or_else(|| self.renewal(gateway).filter(|_| !settings.reads_may_be_old));
        match renewal {
            Some(renewal) => {
                let replaced = self.row_for(gateway);
                let written = self.swap(gateway, renewal, settings);
                self.seen.intrusion |=
                    written == Written::Stored && !replaced.is_some_and(|row| self.holds(gateway, row));
            }
            None => self.gateways[gateway].renewal = self.renewal(gateway),
        }
    }

    /// Returns whether the gateway has the lease of a row, as an observer sees it.
    pub(crate) fn holds(&self, gateway: usize, row: Row) -> bool {
        matches!(row.lease, LeaseState::Held { by, .. } if by == self.holder(gateway))
    }

    /// Returns the next renewal of a lease, if that changes the lease.
    pub(crate) fn renewal(&self, gateway: usize) -> Option<Swap> {
        let by = self.holder(gateway);
        let read = self.row_for(gateway).filter(|row| row.lease.is_held_by(by))?;
        let lease = LeaseState::Held { by, until: self.now + LEASE_TIME };
        let write = Row { revision: read.revision + 1, lease, ..read };
        (self.gateways[gateway].is_leaseholder() && lease != read.lease).then_some(Swap { read, write })
    }
}
