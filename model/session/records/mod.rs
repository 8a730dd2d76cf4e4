//! The rules of leases that the gateway uses

mod lease;

pub(crate) use self::lease::{Acquired, Holder, LeaseState, ResultVerdict};
