//! Proxies that forward too few header fields of clients
//!
//! If a proxy has a short list of fields to forward, the gateway cannot distinguish pages, scripts and WebSockets.
//!
//! 1. Checks that show no client ([`shows_no_client`](crate::access::surface::shows_no_client)) are counted for each
//!    trusted proxy. After 50 of them in a row, the proxy is reported. A check that shows a client ends the count.
//! 2. A proxy that sends no such check for an hour is forgotten, because it may have another address by then.
//! 3. At most 256 proxies are counted at the same time. While they are, further ones are not counted. So no proxy can
//!    end the count of another one.
//! 4. While no proxy is counted, a check that shows a client takes no lock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::flow::caller::Caller;
use crate::flow::ports::UnixTime;

/// Checks in a row that show no client, after which a proxy is reported.
const MIN_REPORTED_CHECKS: u32 = 50;
/// Proxies that are counted at the same time.
const MAX_PROXIES: usize = 256;
/// The time without such a check after which a proxy is forgotten, in seconds.
const FORGET_AFTER_SECONDS: u64 = 60 * 60;

/// The proxies whose latest checks show no client.
#[derive(Debug, Default)]
pub struct SparseProxies {
    counts: Mutex<HashMap<IpAddr, Count>>,
    /// The number of entries in `counts`.
    counted: AtomicUsize,
}

/// A proxy that forwards too few header fields.
#[derive(Clone, Copy, Debug)]
pub struct SparseProxy {
    /// Its address.
    pub peer: IpAddr,
    /// The dialect of its latest check.
    pub caller: Caller,
    /// What the operator must change.
    pub remedy: &'static str,
    /// The number of its checks in a row that show no client.
    pub checks: u32,
}

#[derive(Debug)]
struct Count {
    proxy: SparseProxy,
    latest: UnixTime,
}

impl SparseProxies {
    /// Counts a check that shows no client. Returns the proxy if it must be reported.
    pub fn count(
        &self,
        peer: IpAddr,
        caller: Caller,
        remedy: &'static str,
        now: UnixTime,
    ) -> Option<SparseProxy> {
        let peer = peer.to_canonical();
        self.edit(|counts| {
            if counts.len() >= MAX_PROXIES && !counts.contains_key(&peer) {
                counts.retain(|_, count| count.is_recent(now));
                if counts.len() >= MAX_PROXIES {
                    return None;
                }
            }
            let earlier = counts.get(&peer).filter(|count| count.is_recent(now));
            let checks = earlier.map_or(0, |count| count.proxy.checks).saturating_add(1);
            let count = Count { proxy: SparseProxy { peer, caller, remedy, checks }, latest: now };
            let reported = count.is_reported().then_some(count.proxy);
            counts.insert(peer, count);
            reported
        })
    }

    /// Ends the count of a peer, because a check of it shows a client.
    pub fn reset(&self, peer: IpAddr) {
        // A count that begins at the same moment may survive; the next check ends it.
        if self.counted.load(Ordering::Relaxed) > 0 {
            self.edit(|counts| counts.remove(&peer.to_canonical()));
        }
    }

    /// Returns the reported proxies in the order of their addresses.
    pub fn list(&self, now: UnixTime) -> Vec<SparseProxy> {
        let mut found: Vec<SparseProxy> = self.edit(|counts| {
            counts.retain(|_, count| count.is_recent(now));
            counts.values().filter(|count| count.is_reported()).map(|count| count.proxy).collect()
        });
        found.sort_by_key(|proxy| proxy.peer);
        found
    }

    fn edit<R>(&self, edit: impl FnOnce(&mut HashMap<IpAddr, Count>) -> R) -> R {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let result = edit(&mut counts);
        self.counted.store(counts.len(), Ordering::Relaxed);
        result
    }
}

impl Count {
    fn is_reported(&self) -> bool {
        self.proxy.checks >= MIN_REPORTED_CHECKS
    }

    /// A clock that was set back by more than the limit also ends a count. Otherwise it would stay until the clock has
    /// caught up.
    fn is_recent(&self, now: UnixTime) -> bool {
        now.0.abs_diff(self.latest.0) < FORGET_AFTER_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits((10 << 24) + number).into()
    }

    /// Counts checks of a peer at a time, and returns the number that the last one reports.
    fn count(proxies: &SparseProxies, peer: IpAddr, checks: u32, now: UnixTime) -> Option<u32> {
        let results = (0..checks).map(|_| proxies.count(peer, Caller::PAGE, "", now));
        results.last().flatten().map(|proxy| proxy.checks)
    }

    fn listed(proxies: &SparseProxies, now: UnixTime) -> Vec<IpAddr> {
        proxies.list(now).into_iter().map(|proxy| proxy.peer).collect()
    }

    fn after(seconds: u64) -> UnixTime {
        UnixTime(NOW.0 + seconds)
    }

    #[test]
    fn proxy_is_reported_from_the_fiftieth_check_in_a_row() {
        let proxies = SparseProxies::default();
        assert_eq!(count(&proxies, address(1), 49, NOW), None);
        assert!(listed(&proxies, NOW).is_empty());
        assert_eq!(count(&proxies, address(1), 1, NOW), Some(50));
        assert_eq!(count(&proxies, address(1), 1, NOW), Some(51));
        assert_eq!(listed(&proxies, NOW), [address(1)]);
    }

    #[test]
    fn check_that_shows_a_client_ends_the_count_of_its_peer_only() {
        let proxies = SparseProxies::default();
        for peer in [2, 1] {
            count(&proxies, address(peer), 50, NOW);
        }
        assert_eq!(listed(&proxies, NOW), [address(1), address(2)]);
        proxies.reset(address(1));
        assert_eq!(listed(&proxies, NOW), [address(2)]);
        assert_eq!(count(&proxies, address(1), 49, NOW), None);
        assert_eq!(count(&proxies, address(2), 1, NOW), Some(51));
    }

    #[test]
    fn mapped_address_is_the_same_peer_as_the_ipv4_address() {
        let proxies = SparseProxies::default();
        let mapped = "::ffff:10.0.0.1".parse().unwrap();
        count(&proxies, mapped, 49, NOW);
        assert_eq!(count(&proxies, address(1), 1, NOW), Some(50));
        assert_eq!(listed(&proxies, NOW), [address(1)]);
        proxies.reset(mapped);
        assert!(listed(&proxies, NOW).is_empty());
    }

    #[test]
    fn proxy_without_checks_for_an_hour_is_forgotten() {
        let proxies = SparseProxies::default();
        count(&proxies, address(1), 49, NOW);
        assert_eq!(count(&proxies, address(1), 1, after(3599)), Some(50));
        assert_eq!(listed(&proxies, after(3599 + 3599)), [address(1)]);
        assert!(listed(&proxies, after(3599 + 3600)).is_empty());
        assert_eq!(proxies.counted.load(Ordering::Relaxed), 0);

        count(&proxies, address(1), 49, NOW);
        assert_eq!(count(&proxies, address(1), 1, after(3600)), None, "the count begins again");
        count(&proxies, address(1), 49, after(3600));
        assert!(listed(&proxies, NOW).is_empty(), "the clock was set back");
    }

    #[test]
    fn proxy_beyond_the_bound_is_counted_only_when_another_leaves() {
        let proxies = SparseProxies::default();
        for peer in 0..256 {
            count(&proxies, address(peer), 49, NOW);
        }
        assert_eq!(count(&proxies, address(256), 100, NOW), None);
        assert_eq!(proxies.counted.load(Ordering::Relaxed), 256);
        assert_eq!(count(&proxies, address(255), 1, NOW), Some(50), "the others are still counted");

        proxies.reset(address(0));
        assert_eq!(count(&proxies, address(256), 50, NOW), Some(50));
        assert_eq!(count(&proxies, address(257), 50, after(3599)), None);
        assert_eq!(count(&proxies, address(257), 50, after(3600)), Some(50), "the others are forgotten");
        assert_eq!(listed(&proxies, after(3600)), [address(257)]);
    }

    #[test]
    fn check_that_shows_a_client_takes_no_lock_while_nothing_is_counted() {
        let proxies = SparseProxies::default();
        count(&proxies, address(1), 50, NOW);
        // An entry that nothing but the lock makes visible.
        proxies.counted.store(0, Ordering::Relaxed);
        proxies.reset(address(1));
        assert_eq!(listed(&proxies, NOW), [address(1)]);
    }
}
