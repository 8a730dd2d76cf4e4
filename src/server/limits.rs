//! Limits of each listener

use std::time::Duration;

/// The limits of one listener.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: usize,
    /// The connections of one address that is no trusted proxy's.
    pub(super) share: usize,
    /// From the connection to the end of the TLS handshake, where there is one.
    pub(super) handshake_within: Duration,
    /// From the end of one request to the last byte of the next one's head: of a trusted proxy, and of any other client.
    pub(super) head_within: [Duration; 2],
}

/// Any client may connect, and half of them from behind one address translator.
pub(super) const PUBLIC: Limits = Limits {
    connections: 8192,
    share: 4096,
    handshake_within: HANDSHAKE_WITHIN,
    head_within: [HEAD_WITHIN, HEAD_WITHIN],
};
/// A proxy keeps its connections open between checks: closing them early costs a new connection for each.
pub(super) const CHECK: Limits = Limits {
    connections: 4096,
    share: 64,
    handshake_within: HANDSHAKE_WITHIN,
    head_within: [Duration::from_secs(100), HEAD_WITHIN],
};
/// A few probes.
pub(super) const OPS: Limits = Limits {
    connections: 64,
    share: 32,
    handshake_within: HANDSHAKE_WITHIN,
    head_within: [HEAD_WITHIN, HEAD_WITHIN],
};

impl Limits {
    /// If only a certificate identifies the proxy, its address says nothing before the handshake.
    pub(super) fn by_certificate(self) -> Self {
        Self { share: self.connections / 2, ..self }
    }
}

/// Two round trips and a signature, on a bad line.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// A head is one write of a program.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
