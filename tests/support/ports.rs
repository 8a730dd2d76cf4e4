//! Free ports for programs that need the port number before they start
//!
//! The ports are outside the ranges from which systems choose the local port of a connection. So a port that is free
//! now is free when the program starts.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST_PORT: u16 = 12_000;
const PORT_COUNT: u16 = 20_000;

static RETURNED: AtomicU16 = AtomicU16::new(0);

/// Returns a loopback address that no program listens on, and that no other call in this process returns.
pub(crate) fn free_address() -> SocketAddr {
    // Processes that run at the same time begin far apart.
    let begin = std::process::id().wrapping_mul(7919) % u32::from(PORT_COUNT);
    let begin = u16::try_from(begin).unwrap();
    let next = || (begin + RETURNED.fetch_add(1, Ordering::Relaxed) % PORT_COUNT) % PORT_COUNT + FIRST_PORT;
    let mut addresses = std::iter::repeat_with(|| SocketAddr::from((Ipv4Addr::LOCALHOST, next())));
    let free =
        addresses.by_ref().take(usize::from(PORT_COUNT)).find(|address| TcpListener::bind(address).is_ok());
    free.unwrap()
}
