//! Contract of the session port
//!
//! Every store keeps these rules, which docs/sessions.md and the documentation of the port promise. A rule may depend
//! on a capability of the store ([`Capabilities`](super::fixture::Capabilities)). It then names the capability, and
//! says what holds without it.

mod carriage;
mod endings;
mod lifetimes;
mod logout_tokens;
mod outages;
mod refreshes;
mod releases;

pub(crate) use self::carriage::*;
pub(crate) use self::endings::*;
pub(crate) use self::lifetimes::*;
pub(crate) use self::logout_tokens::*;
pub(crate) use self::outages::*;
pub(crate) use self::refreshes::*;
pub(crate) use self::releases::*;
