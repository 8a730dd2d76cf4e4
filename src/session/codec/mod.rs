//! The encoding of a session: what is in it, in which bytes, and sealed how

pub(super) mod contents;
pub mod jwt;
pub mod layout;
pub mod seal;
