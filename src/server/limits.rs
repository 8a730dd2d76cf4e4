//! Limits of each listener

use std::time::Duration;

/// The limits of one listener.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The limit of open connections.
    pub(super) connections: usize,
    /// The limit of open connections for each address that is not a trusted proxy's.
    pub(super) per_ip: usize,
    /// The time from the connection to the end of the TLS handshake, if the listener uses TLS.
    pub(super) handshake_timeout: Duration,
    /// The time from the end of a request to the last byte of the next head, for a trusted proxy.
    pub(super) proxy_head_timeout: Duration,
    /// The same time for any other client.
    pub(super) client_head_timeout: Duration,
}

/// Any client may connect, and half of the connections may come from one address translator.
pub(super) const PUBLIC: Limits = Limits {
    connections: 8192,
    per_ip: 4096,
    handshake_timeout: HANDSHAKE_TIMEOUT,
    proxy_head_timeout: HEAD_TIMEOUT,
    client_head_timeout: HEAD_TIMEOUT,
};
/// A proxy keeps its connections open between checks. If they were closed early, each check would need a new connection.
pub(super) const CHECK: Limits = Limits {
    connections: 4096,
    per_ip: 64,
    handshake_timeout: HANDSHAKE_TIMEOUT,
    proxy_head_timeout: Duration::from_secs(100),
    client_head_timeout: HEAD_TIMEOUT,
};
/// Only a few probes connect.
pub(super) const OPS: Limits = Limits {
    connections: 64,
    per_ip: 32,
    handshake_timeout: HANDSHAKE_TIMEOUT,
    proxy_head_timeout: HEAD_TIMEOUT,
    client_head_timeout: HEAD_TIMEOUT,
};

impl Limits {
    /// Returns the limits for a proxy that only its certificate identifies. Its address cannot be trusted before the
    /// handshake, so one address may hold half of the connections.
    pub(super) fn by_certificate(self) -> Self {
        Self { per_ip: self.connections / 2, ..self }
    }
}

/// Enough for two round trips and a signature on a slow line.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Enough because a client usually sends a head in one write.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
