//! What the gateway does: one file per flow, over ports that the layers above implement.

pub mod audit;
pub mod backchannel;
pub mod callback;
pub mod caller;
pub mod check;
mod labels;
pub mod login;
pub mod logout;
pub mod ports;
pub mod redirect_loop;
pub mod refresh;
pub mod snapshot;
#[cfg(test)]
mod testing;
