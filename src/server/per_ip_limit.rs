//! Limit of connections per address
//!
//! 1. An unknown address has a limit, so that it cannot occupy all connections of a listener. The limit leaves room for
//!    many users behind one address translator.
//! 2. A trusted proxy has no limit, because all requests pass through it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::client::TrustedProxies;

/// The open connections of each address at a listener.
pub(super) struct PerIpLimits {
    max_per_network: usize,
    trusted_proxies: TrustedProxies,
    /// Connections by address, or by IPv6 network. An entry without connections is removed, so that the map is never
    /// longer than the number of connections.
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// The permit for one connection of an address. It is released when dropped.
pub(super) struct PerIpPermit {
    limits: Arc<PerIpLimits>,
    /// The address or network; none for a trusted proxy.
    network: Option<IpAddr>,
}

impl PerIpLimits {
    /// Limits each address that is not a trusted proxy's to `max_per_network` connections.
    pub(super) fn new(max_per_network: usize, trusted_proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self { max_per_network, trusted_proxies, counts: Mutex::default() })
    }

    /// Returns whether `peer` is a trusted proxy's address.
    pub(super) fn is_trusted_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.trusts(peer)
    }

    /// Returns a permit for one more connection, or `None` if the address has reached its limit.
    pub(super) fn acquire(self: &Arc<Self>, peer: IpAddr) -> Option<PerIpPermit> {
        if self.is_trusted_proxy(peer) {
            return Some(PerIpPermit { limits: Arc::clone(self), network: None });
        }
        let network = limited_network(peer);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network).or_default();
        if *count >= self.max_per_network {
            return None;
        }
        *count += 1;
        Some(PerIpPermit { limits: Arc::clone(self), network: Some(network) })
    }
}

impl Drop for PerIpPermit {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut counts = self.limits.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&network);
            }
        }
    }
}

/// Returns the address or network that a limit applies to. A client with an IPv6 address has the whole /64 network.
fn limited_network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_own_limit() {
        let limits = PerIpLimits::new(2, TrustedProxies::default());
        let first = limits.acquire(address("192.0.2.1")).unwrap();
        let _second = limits.acquire(address("::ffff:192.0.2.1")).unwrap();
        assert!(limits.acquire(address("192.0.2.1")).is_none());
        assert!(limits.acquire(address("192.0.2.2")).is_some());
        drop(first);
        assert!(limits.acquire(address("192.0.2.1")).is_some());
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_limit() {
        let limits = PerIpLimits::new(1, TrustedProxies::default());
        let _one = limits.acquire(address("2001:db8::1")).unwrap();
        assert!(limits.acquire(address("2001:db8::ffff:0:0:2")).is_none());
        assert!(limits.acquire(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn trusted_proxy_has_no_limit_and_closed_connections_leave_no_entry() {
        let mut trusted_proxies = TrustedProxies::default();
        trusted_proxies.add("10.0.0.1").unwrap();
        let limits = PerIpLimits::new(1, trusted_proxies);
        let all: Vec<PerIpPermit> = (0..100).map(|_| limits.acquire(address("10.0.0.1")).unwrap()).collect();
        drop((all, limits.acquire(address("10.0.0.2")).unwrap()));
        assert!(limits.counts.lock().unwrap().is_empty());
    }
}
