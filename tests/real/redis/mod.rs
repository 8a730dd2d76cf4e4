//! Sessions in Redis

mod contract;
mod gateway;
mod servers;
