//! Where sessions live: the only place that knows cookies.

pub mod cookie;
mod ended;
pub mod jwt;
pub mod layout;
pub mod markers;
mod persons;
pub mod seal;
pub mod sealed;
mod sealing;
pub mod set_cookie;
mod sync;
mod table;
mod usable;
