//! On which ports do programs listen that must be told one before they start?
//!
//! Ports from which no system takes the near end of a connection: one that is free now is free when the program comes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// An address on loopback that nothing listens on, given to nobody else in this process.
pub(crate) fn free_address() -> SocketAddr {
    // Processes that run beside each other begin far apart.
    let begin = std::process::id().wrapping_mul(7919) % u32::from(COUNT);
    let begin = u16::try_from(begin).unwrap();
    let next = || (begin + TAKEN.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT + FIRST;
    let mut addresses = std::iter::repeat_with(|| SocketAddr::from((Ipv4Addr::LOCALHOST, next())));
    let free = addresses.by_ref().take(usize::from(COUNT)).find(|address| TcpListener::bind(address).is_ok());
    free.unwrap()
}
