//! How each proxy asks and is answered. Thin: no decision is made here.

pub mod beside;
pub mod checker;
pub mod direct;
pub mod peer;
pub mod portal;
pub mod read;
pub mod reply;
pub mod request_id;
pub mod traefik;
