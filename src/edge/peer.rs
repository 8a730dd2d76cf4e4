//! Peer of a connection

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use crate::access::client::TrustedProxies;
use crate::access::field_names::{X_FORWARDED_FOR, only_value};

/// The peer of the connection. The server adds it to each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether it presented a certificate of an authority that the listener accepts.
    pub certified: bool,
}

impl Peer {
    /// Returns its IP address.
    pub fn ip(self) -> IpAddr {
        self.address.ip()
    }

    /// Returns the address of the client: that in the `X-Forwarded-For` of a trusted proxy, and otherwise that of the
    /// peer.
    pub fn client(self, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
        let peer = self.ip().to_canonical();
        let forwarded = only_value(headers, &X_FORWARDED_FOR).filter(|_| trusted.trusts(peer));
        forwarded.and_then(|forwarded| trusted.client(forwarded.as_bytes())).unwrap_or(peer)
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    /// A request without a peer gets the unspecified address, which no network of trusted proxies contains.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let unknown = Self { address: (Ipv6Addr::UNSPECIFIED, 0).into(), certified: false };
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_names_the_client() {
        let mut trusted = TrustedProxies::default();
        trusted.add("10.0.0.0/8").unwrap();
        let client = |peer: &str, fields: &[&str]| {
            let fields = fields.iter().map(|value| (X_FORWARDED_FOR, value.parse().unwrap()));
            let peer = Peer { address: peer.parse().unwrap(), certified: false };
            peer.client(&fields.collect(), &trusted).to_string()
        };
        assert_eq!(client("10.0.0.1:9", &["192.0.2.7, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("[::ffff:10.0.0.1]:9", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("192.0.2.7:9", &["203.0.113.9"]), "192.0.2.7");
        for unclear in [&["203.0.113.9", "203.0.113.10"][..], &["unknown"], &[]] {
            assert_eq!(client("10.0.0.1:9", unclear), "10.0.0.1", "{unclear:?}");
        }
    }
}
