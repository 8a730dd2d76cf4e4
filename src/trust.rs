//! The certificates that we trust when we call another server.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, retry};
use thiserror::Error;

use crate::files;

/// No host that is up needs longer to take a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Why no client could be made: always something the operator can mend.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The text is not PEM, or holds no certificate.
    #[error("it holds no PEM certificate that can be read")]
    NoCertificate,
    /// The TLS library did not take what it was given, or the system has no certificates of its own.
    #[error("no TLS client can be made: {0}")]
    NoClient(String),
}

/// A client that believes the system's certificates and those in `ca_pem`.
///
/// It honours the system's proxy settings, follows no redirect (a secret or a code would travel with it) and repeats
/// no request. Each request has a connection of its own: on one that the server is about to close, a refresh token could
/// be lost (RFC 9112 §9.3.1).
pub fn client(ca_pem: Option<&[u8]>, timeout: Duration) -> Result<Client, TrustError> {
    Client::builder()
        .tls_certs_merge(ca_pem.map_or_else(|| Ok(Vec::new()), certificates)?)
        .redirect(Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .referer(false)
        .connect_timeout(CONNECT_WITHIN.min(timeout / 2))
        .timeout(timeout)
        .user_agent(concat!("foregate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| TrustError::NoClient(causes(&error)))
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, TrustError> {
    let found = files::certificates(pem).map_err(|_| TrustError::NoCertificate)?;
    let found: Result<Vec<_>, _> = found.iter().map(|der| Certificate::from_der(der)).collect();
    found.map_err(|_| TrustError::NoCertificate)
}

/// Whether a call failed because we do not believe the other side's certificate.
///
/// Told from the words of rustls: reqwest does not give its type out.
pub fn is_disbelief(causes: &str) -> bool {
    causes.contains("invalid peer certificate")
}

/// An error with everything that led to it, in one line.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::thread;

    use super::*;

    #[test]
    fn text_without_a_certificate_is_refused_rather_than_ignored() {
        let garbage = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"not PEM", garbage] {
            assert!(matches!(client(Some(pem), CONNECT_WITHIN), Err(TrustError::NoCertificate)));
        }
    }

    /// Answers the first request of each connection as if more could follow, and breaks the connection at the second.
    fn closes_idle_connections() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                thread::spawn(move || {
                    let _request = connection.read(&mut [0; 4096]).unwrap();
                    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                    let _request = connection.read(&mut [0; 4096]);
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn request_is_not_sent_on_a_connection_that_is_about_to_be_closed() {
        let url = format!("http://{}/token", closes_idle_connections());
        let client = client(None, Duration::from_secs(10)).unwrap();
        for _ in 0..3 {
            assert_eq!(client.post(&url).body("refresh_token=1").send().await.unwrap().status(), 200);
        }
    }

    #[test]
    fn a_private_authority_is_added() {
        let key = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
        assert!(client(Some(key.cert.pem().as_bytes()), CONNECT_WITHIN).is_ok());
    }
}
