//! HTTP client for calls to other servers, and the certificates that it trusts

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::ConfigBuilderExt;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, retry};
use thiserror::Error;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::files;

/// A host that is up accepts a connection within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why no client can be created. The operator can always fix the cause.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The text is not PEM, or contains no certificate.
    #[error("the file contains no readable PEM certificate")]
    NoCertificate,
    /// The TLS library rejected a certificate, or the system has no certificates of its own.
    #[error("cannot create a TLS client: {0}")]
    NoClient(String),
}

/// Returns a client that trusts the system's certificates and those in `ca_pem`.
///
/// 1. It uses the system's proxy settings.
/// 2. It follows no redirect, because a redirect would forward a secret or a code.
/// 3. It repeats no request.
/// 4. Only its connect has a time limit. The caller limits the whole call, with [`crate::time_limit`].
/// 5. Each request has its own connection. If the server closes a reused connection, a refresh token can be lost
///    (RFC 9112 §9.3.1).
pub fn client(ca_pem: Option<&[u8]>, timeout: Duration) -> Result<Client, TrustError> {
    Client::builder()
        .tls_certs_merge(ca_pem.map_or_else(|| Ok(Vec::new()), parse_certificates)?)
        .redirect(Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout / 2))
        .user_agent(concat!("foregate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| TrustError::NoClient(causes(&error)))
}

/// Returns the TLS settings for an application. It trusts only the certificates in `ca_pem`, or without them those of the
/// system.
pub fn tls_config(ca_pem: Option<&[u8]>) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| TrustError::NoClient(error.to_string()))?;
    let builder = match ca_pem {
        None => {
            builder.try_with_platform_verifier().map_err(|error| TrustError::NoClient(error.to_string()))?
        }
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in files::certificates(pem).map_err(|_| TrustError::NoCertificate)? {
                roots.add(certificate).map_err(|_| TrustError::NoCertificate)?;
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(builder.with_no_client_auth())
}

fn parse_certificates(pem: &[u8]) -> Result<Vec<Certificate>, TrustError> {
    let found = files::certificates(pem).map_err(|_| TrustError::NoCertificate)?;
    let found: Result<Vec<_>, _> = found.iter().map(|der| Certificate::from_der(der)).collect();
    found.map_err(|_| TrustError::NoCertificate)
}

/// Returns whether a call failed because the server's certificate is not trusted.
///
/// It searches the text of the rustls error, because reqwest does not expose the error type.
pub fn is_disbelief(causes: &str) -> bool {
    causes.contains("invalid peer certificate")
}

/// Returns whether a call failed because the server's certificate is that of an authority (RFC 5280 §4.2.1.9).
pub fn is_authority_as_server(causes: &str) -> bool {
    is_disbelief(causes) && causes.contains("CaUsedAsEndEntity")
}

/// Returns whether a call failed because the server's certificate does not have the name of the host (RFC 9525 §6).
pub fn is_for_other_name(causes: &str) -> bool {
    is_disbelief(causes) && (causes.contains("NotValidForName") || causes.contains("not valid for name"))
}

/// Returns whether a call failed because the server answered without TLS.
pub fn is_no_tls(causes: &str) -> bool {
    causes.contains("InvalidContentType")
}

/// Returns an error and all of its causes, in one line.
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
    fn ca_file_without_a_certificate_is_rejected() {
        let garbage = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"not PEM", garbage] {
            assert!(matches!(client(Some(pem), CONNECT_TIMEOUT), Err(TrustError::NoCertificate)));
        }
    }

    /// Starts a server that answers the first request of each connection without `Connection: close`, and closes the
    /// connection at the second.
    fn server_that_closes_reused_connections() -> SocketAddr {
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
    async fn each_request_uses_a_new_connection() {
        let url = format!("http://{}/token", server_that_closes_reused_connections());
        let client = client(None, Duration::from_secs(10)).unwrap();
        for _ in 0..3 {
            assert_eq!(client.post(&url).body("refresh_token=1").send().await.unwrap().status(), 200);
        }
    }

    #[test]
    fn certificate_of_a_private_authority_is_accepted() {
        let key = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
        assert!(client(Some(key.cert.pem().as_bytes()), CONNECT_TIMEOUT).is_ok());
    }
}
