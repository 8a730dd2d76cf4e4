//! Trusted proxies, and the client address in `X-Forwarded-For`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

/// The networks of the proxies whose forwarded headers the gateway trusts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// An entry that is neither an address, nor a network, nor the word `private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not an address, a network such as 10.0.0.0/8, or the word private")]
pub struct NotANetwork;

/// The maximum number of entries that are read. No deployment has more proxies in a row.
const MAX_HOPS: usize = 32;

impl TrustedProxies {
    /// Returns the loopback networks: only this machine can reach a listener on a loopback address.
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

    /// Returns whether a peer may send checks.
    ///
    /// If no address is trusted, the client certificate decides. If some are trusted, the address decides: the
    /// listener has already required the certificate.
    pub fn answers(&self, peer: IpAddr, certified: bool) -> bool {
        (self.is_empty() && certified) || self.trusts(peer)
    }

    /// Returns whether a peer is a trusted proxy. An IPv4-mapped IPv6 address counts as the IPv4 address.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }

    /// Returns the client's address in the `X-Forwarded-For` of a trusted peer, or `None` if the last entry is not an
    /// address.
    ///
    /// 1. Each proxy appends the address of its own peer, so the entries are read from the right.
    /// 2. The client is the first address that is not a trusted proxy. Everything left of it was supplied by that
    ///    client and proves nothing.
    /// 3. An unreadable entry ends the search, as does the end of the list. The last address before it is the client.
    pub fn client(&self, forwarded_for: &[u8]) -> Option<IpAddr> {
        let mut client = None;
        for entry in forwarded_for.rsplit(|byte| *byte == b',').take(MAX_HOPS) {
            let Some(address) = parse_address(entry.trim_ascii()) else { break };
            client = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    /// Returns whether no address is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Parses an entry: an address, with a port as some load balancers write it. An IPv4-mapped address becomes IPv4.
fn parse_address(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?;
    let address = entry.parse::<IpAddr>().or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
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
mod tests;
