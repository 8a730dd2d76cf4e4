//! What is asked of the place where sign-ins wait for their callback?

use http::{HeaderMap, HeaderValue};

use super::{NoEntropy, UnixTime};
use crate::access::origin::Origin;
use crate::access::return_to::ReturnTo;
use crate::flow::circle::Landed;
use crate::secret::Secret;

/// One attempt to sign in, from `/oauth2/start` to the callback.
pub struct LoginTransaction {
    /// `state`: what the provider gives back.
    pub state: String,
    /// `nonce`: what the ID token must hold.
    pub nonce: Secret,
    /// The PKCE verifier.
    pub code_verifier: Secret,
    /// Where the person wanted to go.
    pub return_to: ReturnTo,
}

/// Where login transactions live: in the browser that began them.
pub trait LoginStore: Send + Sync {
    /// Keeps a transaction: the `Set-Cookie` values for it, and that drop the oldest where there are too many.
    fn keep(
        &self,
        transaction: &LoginTransaction,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy>;

    /// The transaction of a `state`, if this browser began it and it is not over; it is given out once.
    fn take(
        &self,
        state: &str,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Option<LoginTransaction>;

    /// The `Set-Cookie` value that removes the transaction of a `state`.
    fn forget(&self, state: &str, origin: &Origin) -> Option<HeaderValue>;

    /// The mark that a sign-in left in the browser some seconds ago.
    fn landed(&self, headers: &HeaderMap, origin: &Origin, return_to: &ReturnTo) -> Option<Landed>;

    /// The `Set-Cookie` value that leaves the mark.
    fn land(&self, times: u8, return_to: &ReturnTo, origin: &Origin) -> Option<HeaderValue>;

    /// The `Set-Cookie` value that removes it, where the request carries one.
    fn take_off(&self, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue>;
}
