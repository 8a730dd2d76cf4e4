//! Sessions in Redis

mod contract;
mod servers;
