//! Who opened the connection?

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;

/// The other end of the connection, put into each request by the server.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether it has shown a certificate of an authority whose peers may connect.
    pub certified: bool,
}

impl Peer {
    /// Its IP address.
    pub fn ip(self) -> IpAddr {
        self.address.ip()
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    /// A request without one gets the unspecified address, which no network of trusted proxies holds.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let unknown = Self { address: (Ipv6Addr::UNSPECIFIED, 0).into(), certified: false };
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(unknown))
    }
}
