//! WebSocket handshake over HTTP/2 (RFC 8441), as browsers send it if the proxy announces it

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use h2::client;
use h2::ext::Protocol;
use http::{Method, Request, StatusCode};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::authority::Authority;

const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Opens a WebSocket at the path `/ws` with these headers in addition to those of the handshake. Returns the status.
pub(crate) async fn open_websocket(
    address: SocketAddr,
    authority: &Authority,
    headers: &[(&str, &str)],
) -> StatusCode {
    let opened = timeout(TIMEOUT, async {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.root_pem().as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("app.localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (sender, connection) = client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        // The settings of the server arrive after the handshake.
        while !sender.is_extended_connect_protocol_enabled() {
            sleep(POLL_INTERVAL).await;
        }
        let url = format!("https://app.localhost:{}/ws", address.port());
        let mut request = Request::builder().method(Method::CONNECT).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("sec-websocket-version", "13");
        let request = request.extension(Protocol::from_static("websocket")).body(()).unwrap();
        // The body stays open, like a WebSocket.
        let (response, _body) = sender.ready().await.unwrap().send_request(request, false).unwrap();
        response.await.unwrap().status()
    });
    opened.await.expect("the proxy accepts a WebSocket over HTTP/2")
}
