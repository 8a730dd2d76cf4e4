//! Sessions in Redis

mod contract;
mod gateway;
mod probe;
mod replicas;
mod servers;
mod slow_provider;
