//! Reasons why the process does not start

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why the process does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(
        "{setting} = '{address}': cannot listen there: {cause}; set {setting} to an address of this machine with a free port"
    )]
    Listen {
        /// The key.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// A part cannot be built of the settings.
    #[error("{0}")]
    Build(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_address_is_logged_as_toml() {
        let cause = io::ErrorKind::AddrInUse.into();
        let error =
            StartError::Listen { setting: "public.listen", address: ([127, 0, 0, 1], 4180).into(), cause };
        assert!(error.to_string().starts_with("public.listen = '127.0.0.1:4180':"), "{error}");
    }
}
