//! Peer of a connection

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;

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
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    /// A request without a peer gets the unspecified address, which no network of trusted proxies contains.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let unknown = Self { address: (Ipv6Addr::UNSPECIFIED, 0).into(), certified: false };
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(unknown))
    }
}
