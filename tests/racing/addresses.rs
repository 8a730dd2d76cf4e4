//! Addresses of one gateway process, which stay the same when it starts again

use std::net::SocketAddr;

use crate::harness::free_addresses;

/// The addresses.
pub(crate) struct Addresses {
    /// The number of the process, from 0.
    pub(crate) number: usize,
    /// The listener for browsers.
    pub(crate) public: SocketAddr,
    /// The listener for checks.
    pub(crate) check: SocketAddr,
    pub(crate) ops: SocketAddr,
    /// Where the process finds Redis, if it uses it.
    pub(crate) redis: Option<RedisPlace>,
}

/// How a gateway reaches Redis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RedisPlace {
    Server(SocketAddr),
    /// The address of the sentinel, and the name of the service.
    Sentinel(SocketAddr, &'static str),
}

impl Addresses {
    /// Returns addresses on which no program listens.
    pub(crate) fn new(number: usize, redis: Option<RedisPlace>) -> Self {
        let [public, check, ops] = free_addresses();
        Self { number, public, check, ops, redis }
    }
}
