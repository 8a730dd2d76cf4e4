//! Encoding of a session: contents, byte layout and seal

pub(super) mod contents;
pub mod jwt;
pub mod layout;
pub mod seal;
pub(super) mod summary;
pub(super) mod ticket;
pub(super) mod ticket_roots;
