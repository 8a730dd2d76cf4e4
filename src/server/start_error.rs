//! Reasons why the process does not start

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why the process does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be bound.
    #[error(
        "{setting} = '{address}': cannot listen on this address: {cause}; set {setting} to an address of this machine with a free port"
    )]
    Listen {
        /// The configuration key.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        cause: io::Error,
    },
    /// A part cannot be built from the settings.
    #[error("{0}")]
    Build(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_for_an_unusable_address_shows_it_as_toml() {
        let cause = io::ErrorKind::AddrInUse.into();
        let error =
            StartError::Listen { setting: "public.listen", address: ([127, 0, 0, 1], 4180).into(), cause };
        assert!(error.to_string().starts_with("public.listen = '127.0.0.1:4180':"), "{error}");
    }
}
