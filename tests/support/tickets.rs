//! Ticket stores for the benchmarks and the allocation test

use std::sync::Arc;
use std::time::Duration;

use foregate::server::{SystemClock, SystemEntropy};
use foregate::session::records::Records;
use foregate::session::ticket_store::{TicketSettings, TicketStore};

use crate::support::{CLIENT, keys, lifetimes, origins};

/// Returns a ticket store that reads each of these records at most once in `fresh`.
pub(crate) fn ticket_store<R: Records>(records: R, fresh: Duration) -> Arc<TicketStore<R>> {
    let system = (Arc::new(SystemEntropy) as _, Arc::new(SystemClock) as _);
    let settings = TicketSettings {
        lifetimes: lifetimes(),
        keeps_id_token: true,
        fresh,
        stale_if_error: Duration::from_secs(30),
        is_exclusive: false,
    };
    TicketStore::new(records, keys(), system, (&origins(), CLIENT), settings).unwrap()
}
