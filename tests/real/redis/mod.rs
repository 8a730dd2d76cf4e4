//! Sessions in Redis

mod contract;
mod gateway;
mod history;
mod linearizable;
mod probe;
mod replicas;
mod servers;
mod slow_provider;
