//! The contract of the port to sessions
//!
//! What every store promises, in docs/sessions.md and in the documentation of the port. A rule that depends on the nature
//! of a store names the capability ([`Nature`](super::subject::Nature)) and says what holds without it.

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
