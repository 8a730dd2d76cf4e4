//! How many of a listener's connections may one address hold?
//!
//! One that we know nothing of gets a share, so that it cannot take all places; many people behind one address translator
//! still fit into it. The trusted proxies have no share: through one of them comes everything.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::client::TrustedProxies;

/// Who holds how many connections of a listener.
pub(super) struct PerIpLimits {
    most: usize,
    known: TrustedProxies,
    /// Never longer than the listener has connections: who holds none is taken out.
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address; given back when dropped.
pub(super) struct PerIpPermit {
    shares: Arc<PerIpLimits>,
    holder: Option<IpAddr>,
}

impl PerIpLimits {
    /// At most `most` connections for each address that is not a known proxy's.
    pub(super) fn new(most: usize, known: TrustedProxies) -> Arc<Self> {
        Arc::new(Self { most, known, held: Mutex::default() })
    }

    /// Whether it is a trusted proxy's address.
    pub(super) fn knows(&self, peer: IpAddr) -> bool {
        self.known.trusts(peer)
    }

    /// One more connection, or `None` where the address has its share already.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<PerIpPermit> {
        if self.knows(peer) {
            return Some(PerIpPermit { shares: Arc::clone(self), holder: None });
        }
        let holder = holder(peer);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(holder).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(PerIpPermit { shares: Arc::clone(self), holder: Some(holder) })
    }
}

impl Drop for PerIpPermit {
    fn drop(&mut self) {
        let Some(holder) = self.holder else { return };
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&holder);
            }
        }
    }
}

/// Whom an address stands for: whoever has one IPv6 address has the whole /64 around it.
fn holder(peer: IpAddr) -> IpAddr {
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
    fn an_address_gets_its_share_and_others_theirs() {
        let shares = PerIpLimits::new(2, TrustedProxies::default());
        let first = shares.take(address("192.0.2.1")).unwrap();
        let _second = shares.take(address("::ffff:192.0.2.1")).unwrap();
        assert!(shares.take(address("192.0.2.1")).is_none());
        assert!(shares.take(address("192.0.2.2")).is_some());
        drop(first);
        assert!(shares.take(address("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_holder() {
        let shares = PerIpLimits::new(1, TrustedProxies::default());
        let _one = shares.take(address("2001:db8::1")).unwrap();
        assert!(shares.take(address("2001:db8::ffff:0:0:2")).is_none());
        assert!(shares.take(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn a_trusted_proxy_has_no_share_and_nothing_is_kept_of_those_who_left() {
        let mut known = TrustedProxies::default();
        known.add("10.0.0.1").unwrap();
        let shares = PerIpLimits::new(1, known);
        let all: Vec<PerIpPermit> = (0..100).map(|_| shares.take(address("10.0.0.1")).unwrap()).collect();
        drop((all, shares.take(address("10.0.0.2")).unwrap()));
        assert!(shares.held.lock().unwrap().is_empty());
    }
}
