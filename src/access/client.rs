//! Who is at the other end of the connection: may it ask us at all, and for whom does it ask?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

/// The peers whose forwarded headers we believe: the proxy, and nobody else.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// An entry that is no address, network or the word `private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not an address, a network such as 10.0.0.0/8, or the word private")]
pub struct NotANetwork;

/// No way to us leads through more proxies.
const MAX_HOPS: usize = 32;

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

    /// The client that a trusted peer's `X-Forwarded-For` tells of: read from the right, the first address that is no
    /// trusted proxy's own. `None` where the last entry is no address.
    ///
    /// Each proxy adds the address it was asked from, so what stands left of a stranger's is that stranger's word. An
    /// entry that cannot be read ends the walk, as does the end of the list: the last address before it counts.
    pub fn client(&self, forwarded_for: &[u8]) -> Option<IpAddr> {
        let mut client = None;
        for entry in forwarded_for.rsplit(|byte| *byte == b',').take(MAX_HOPS) {
            let Some(address) = address(entry.trim_ascii()) else { break };
            client = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An address as proxies write it: bare, or with a port as some balancers do; IPv4-mapped ones as what they are.
fn address(entry: &[u8]) -> Option<IpAddr> {
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
