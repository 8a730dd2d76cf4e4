//! TLS client that sends a request byte for byte

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::authority::Authority;

/// The time limit of an exchange. Some proxies wait half a minute for a gateway that does not answer.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A client that no library corrects.
#[derive(Clone)]
pub(crate) struct RawClient {
    connector: TlsConnector,
    address: SocketAddr,
}

/// A response. The body is as it was sent, perhaps in chunks.
#[derive(Clone, Debug)]
pub(crate) struct RawReply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl RawReply {
    /// Returns the values of all lines with this name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect()
    }
}

impl RawClient {
    pub(crate) fn new(address: SocketAddr, authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.root_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { connector: TlsConnector::from(Arc::new(config)), address }
    }

    /// Sends a request that ends its connection, and returns the response.
    pub(crate) async fn exchange(&self, request: &[u8]) -> RawReply {
        let received = timeout(TIMEOUT, self.receive(request)).await.expect("the response has no end");
        let text = String::from_utf8_lossy(&received).into_owned();
        let (head, body) =
            text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response head in {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let fields = lines.filter_map(|line| line.split_once(':'));
        RawReply {
            status: status.unwrap_or_else(|| panic!("no status in {head:?}")),
            headers: fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    async fn receive(&self, request: &[u8]) -> Vec<u8> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("app.localhost").unwrap();
        let mut stream = self.connector.connect(name, stream).await.unwrap();
        // A proxy may refuse a request before it has read all of it.
        let _written = stream.write_all(request).await;
        let mut received = Vec::new();
        let mut buffer = [0; 16 * 1024];
        // An accepted WebSocket has no end. Not every proxy ends TLS properly.
        while !(received.starts_with(b"HTTP/1.1 101") && received.ends_with(b"\r\n\r\n")) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
            }
        }
        received
    }
}
