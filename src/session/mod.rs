//! Sessions and marker cookies
//!
//! Only this module reads and writes cookies of the gateway:
//!
//! - `codec` seals a session into bytes.
//! - `registry` records the sessions of this process.
//! - `provider_marks` records the sessions that the provider ended.
//! - `cookie_store` combines these three.
//! - `records` are the stores of session records, and `ticket_store` is the session store that uses one of them.
//! - `markers` has the cookies that are not sessions.

pub mod codec;
pub mod cookie;
pub mod cookie_store;
mod device;
pub mod markers;
mod place;
mod provider_marks;
pub mod records;
mod registry;
pub mod set_cookie;
mod sync;
pub mod ticket_store;
mod usable;
mod users;
