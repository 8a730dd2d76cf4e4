//! Facts about a token that its faults refer to

use crate::key::SigningKey;

/// The facts that a fault can use.
pub(crate) struct Facts<'a> {
    /// The `typ` of a header without faults.
    pub(crate) typ: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    /// The base of URLs at another host, which only counts the requests.
    pub(crate) elsewhere: &'a str,
    /// The current time, in seconds since the Unix epoch.
    pub(crate) now: u64,
    pub(crate) key: &'a SigningKey,
    /// A published key of another algorithm.
    pub(crate) other_kid: Option<&'a str>,
    /// A key of the same algorithm that is never published. Present if a fault needs one.
    pub(crate) unpublished_key: Option<&'a SigningKey>,
}
