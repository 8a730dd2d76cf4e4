//! The flows of the gateway
//!
//! Each flow is one file. It uses ports, which the layers above implement.

pub mod audit;
pub mod backchannel;
pub mod callback;
pub mod caller;
pub mod check;
mod labels;
pub mod login;
pub mod logout;
pub mod not_kept;
pub mod own_sessions;
pub mod ports;
pub mod redirect_loop;
pub mod refresh;
pub mod session_end;
pub mod snapshot;
#[cfg(test)]
mod testing;
