//! Facts about a token that its faults refer to.

use crate::key::SigningKey;

/// What a fault may need to know.
pub(crate) struct Facts<'a> {
    /// What a healthy header has for `typ`.
    pub(crate) typ: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    /// The base of URLs at another host that only count who comes.
    pub(crate) elsewhere: &'a str,
    /// Seconds of the Unix epoch.
    pub(crate) now: u64,
    pub(crate) key: &'a SigningKey,
    /// A published key of another algorithm.
    pub(crate) other_kid: Option<&'a str>,
    /// A key of the same algorithm that was never published; there when a fault wants one.
    pub(crate) stranger: Option<&'a SigningKey>,
}
