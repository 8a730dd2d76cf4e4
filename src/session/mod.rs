//! Sessions and marker cookies: the only place that knows cookies
//!
//! `codec` seals a session into bytes, `registry` records the sessions of this process, `provider_marks` what the provider
//! ended. `cookie_store` puts them together; `markers` holds what is no session.

pub mod codec;
pub mod cookie;
pub mod cookie_store;
pub mod markers;
mod provider_marks;
mod registry;
pub mod set_cookie;
mod sync;
mod users;
