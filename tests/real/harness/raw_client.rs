//! TLS client that sends a request byte for byte

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
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
#[derive(Debug)]
pub(crate) struct RawReply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl RawReply {
    /// Reads a response whose body may be incomplete.
    fn parse(received: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(received);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.filter_map(|line| line.split_once(':'));
        let headers = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        Some(Self { status, headers, body: body.to_owned() })
    }

    /// Returns whether the body has its end (RFC 9112 §6.3).
    fn is_complete(&self, has_body: bool) -> bool {
        let length = self.values("content-length").first().and_then(|length| length.parse().ok());
        let is_chunked = !self.values("transfer-encoding").is_empty();
        !has_body
            || self.status.is_informational()
            || matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || length.is_some_and(|length: usize| self.body.len() >= length)
            || is_chunked && self.body.ends_with("0\r\n\r\n")
    }

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

    /// Sends a request, and returns the response. Panics if the received bytes are no response.
    pub(crate) async fn exchange(&self, request: &[u8]) -> RawReply {
        self.try_exchange(request).await.unwrap_or_else(|received| panic!("not a response: {received}"))
    }

    /// Sends a request, and returns the response, or bytes that are no response.
    pub(crate) async fn try_exchange(&self, request: &[u8]) -> Result<RawReply, String> {
        let what = String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned();
        let Ok(received) = timeout(TIMEOUT, self.receive(request)).await else {
            panic!("{what}: no response")
        };
        RawReply::parse(&received).ok_or_else(|| format!("{what}: {}", String::from_utf8_lossy(&received)))
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("app.localhost").unwrap();
        self.connector.connect(name, stream).await.unwrap()
    }

    async fn receive(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        // A proxy may refuse a request before it has read all of it.
        let _written = stream.write_all(request).await;
        let mut received = Vec::new();
        let mut buffer = [0; 16 * 1024];
        let has_body = !request.starts_with(b"HEAD ");
        // Not every proxy ends the connection.
        while !RawReply::parse(&received).is_some_and(|reply| reply.is_complete(has_body)) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
            }
        }
        received
    }
}
