//! Who is at the other end of the connection: may it ask us at all?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

/// The peers whose forwarded headers we believe: the proxy, and nobody else.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// An entry that is no address, network or the word `private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not an address, a network such as 10.0.0.0/8, or the word private")]
pub struct NotANetwork;

impl TrustedProxies {
    /// This machine alone: what a listener on a loopback address can be reached from.
    pub fn loopback() -> Self {
        Self(vec![
            Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
            Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
        ])
    }

    /// Adds an address, a CIDR network, or `private`: RFC 1918, unique local, link-local and carrier-grade NAT.
    pub fn add(&mut self, entry: &str) -> Result<(), NotANetwork> {
        if entry == "private" {
            self.0.extend(private_networks());
            return Ok(());
        }
        let network = entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
        self.0.push(network.map_err(|_| NotANetwork)?);
        Ok(())
    }

    /// Whether a peer is answered. Where no address is trusted, a client certificate that the listener has asked for
    /// decides; where some are, the address decides, and the certificate was a condition before.
    pub fn answers(&self, peer: IpAddr, certified: bool) -> bool {
        (self.is_empty() && certified) || self.trusts(peer)
    }

    /// Whether a peer is one of them; an IPv4-mapped IPv6 address counts as the IPv4 address it is.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn private_networks() -> [IpNet; 7] {
    let v4 = |a, b, c, d, length| IpNet::from(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length));
    let v6 =
        |head, length| IpNet::from(Ipv6Net::new_assert(Ipv6Addr::new(head, 0, 0, 0, 0, 0, 0, 0), length));
    [
        v4(10, 0, 0, 0, 8),
        v4(172, 16, 0, 0, 12),
        v4(192, 168, 0, 0, 16),
        v4(169, 254, 0, 0, 16),
        v4(100, 64, 0, 0, 10),
        v6(0xfc00, 7),
        v6(0xfe80, 10),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_means_private_and_a_mapped_address_is_the_address() {
        let mut trusted = TrustedProxies::default();
        trusted.add("private").unwrap();
        trusted.add("203.0.113.7").unwrap();
        for yes in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "203.0.113.7",
        ] {
            assert!(trusted.trusts(yes.parse().unwrap()), "{yes}");
        }
        for no in ["8.8.8.8", "172.32.0.1", "127.0.0.1", "::1", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(!trusted.trusts(no.parse().unwrap()), "{no}");
        }
        assert_eq!(trusted.add("Private"), Err(NotANetwork));
    }

    #[test]
    fn a_certificate_decides_where_no_address_does() {
        let (peer, mut trusted) = ("10.0.0.7".parse().unwrap(), TrustedProxies::default());
        assert!(trusted.answers(peer, true));
        assert!(!trusted.answers(peer, false));
        trusted.add("10.0.0.8").unwrap();
        assert!(!trusted.answers(peer, true), "both must be right");
        trusted.add("10.0.0.7").unwrap();
        assert!(trusted.answers(peer, true) && trusted.answers(peer, false));
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        assert!(!TrustedProxies::default().trusts(Ipv4Addr::LOCALHOST.into()));
        assert!(TrustedProxies::loopback().trusts("127.9.9.9".parse().unwrap()));
    }
}
