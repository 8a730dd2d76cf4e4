//! Access rules, as pure functions over values
//!
//! They use no async, I/O, clock or serialisation. Each rule gets its input as arguments, so it can be read and
//! tested alone.

pub mod claims;
pub mod client;
pub mod credential;
pub mod decision;
pub mod field_names;
pub mod headers;
pub mod headlamp;
pub mod identity;
pub mod origin;
pub mod own_page;
pub mod own_path;
pub mod policy;
pub mod public_paths;
pub mod query_conditions;
pub mod quoted;
pub mod refused_fields;
pub mod request;
pub mod return_to;
pub mod stripped;
pub mod surface;
pub mod target;
pub mod token;
pub mod websocket;
