//! Where sessions live: the only place that knows cookies.

pub mod cookie;
pub mod jwt;
pub mod layout;
pub mod login;
pub mod seal;
pub mod sealed;
pub mod set_cookie;
