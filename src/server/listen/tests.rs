//! Tests of listeners with TLS: client certificates, reload and handshakes

mod bounds;
#[path = "../../../tests/support/pki.rs"]
mod pki;

use std::io;

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore};

use self::pki::{Authority, Pair, file};
use super::*;
use crate::certificate::TlsFiles;
use crate::server::drain::{self, Drainer};
use crate::server::reload::ReloadRequests;
use crate::server::system::SystemClock;

const LIMITS: Limits = Limits {
    connections: 8,
    per_ip: 8,
    handshake_timeout: Duration::from_secs(10),
    proxy_head_timeout: Duration::from_secs(10),
    client_head_timeout: Duration::from_secs(10),
};
/// Longer than any test here takes, so that a test that hangs fails.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    _drainer: Drainer,
}

async fn start(limits: Limits, tls: Option<Tls>) -> Running {
    start_with_proxies(limits, TrustedProxies::default(), tls).await
}

async fn start_with_proxies(limits: Limits, trusted_proxies: TrustedProxies, tls: Option<Tls>) -> Running {
    start_protocol(Protocol::Http1, limits, trusted_proxies, tls).await
}

async fn start_protocol(
    protocol: Protocol,
    limits: Limits,
    trusted_proxies: TrustedProxies,
    tls: Option<Tls>,
) -> Running {
    let app = Router::new().route("/", get(async |peer: Peer| format!("certified: {}", peer.certified)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drainer, draining) = drain::channel();
    let service = Service { app, limits, protocol, trusted_proxies, tls, clock: Arc::new(SystemClock) };
    tokio::spawn(serve(listener, service, draining));
    Running { address, _drainer: drainer }
}

fn files(name: &str, pair: &Pair, client_ca: Option<&Authority>) -> TlsFiles {
    TlsFiles {
        certificate: file(&format!("{name}.crt"), &pair.certificate),
        key: file(&format!("{name}.key"), &pair.key),
        client_ca: client_ca.map(|ca| file(&format!("{name}.ca"), &ca.certificate)),
    }
}

fn tls(files: TlsFiles) -> Tls {
    Tls::new("check", Protocol::Http1, files, Duration::from_millis(10), ReloadRequests::never()).unwrap()
}

fn client(server_ca: &Authority, certificate: Option<&Pair>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server_ca.certificate.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

async fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    timeout(TEST_TIMEOUT, TlsConnector::from(Arc::clone(config)).connect(name, stream)).await.unwrap()
}

/// Returns the whole answer. In TLS 1.3, a client learns that it is rejected only after its own handshake.
async fn send_request<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<String> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    timeout(TEST_TIMEOUT, stream.read_to_string(&mut answer)).await.unwrap()?;
    Ok(answer)
}

async fn connect_and_send(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<String> {
    send_request(connect(address, config).await?).await
}

#[tokio::test]
async fn only_a_peer_with_a_valid_certificate_of_client_ca_is_served() {
    let (own, proxies, other) = (Authority::new(), Authority::new(), Authority::new());
    let listener = start(LIMITS, Some(tls(files("mtls", &own.server(), Some(&proxies))))).await;
    let answer = connect_and_send(listener.address, &client(&own, Some(&proxies.client()))).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("certified: true"), "{answer}");
    for (case, certificate) in [
        ("no certificate", None),
        ("of another authority", Some(other.client())),
        ("of the server's own authority", Some(own.client())),
        ("expired", Some(proxies.expired_client())),
        ("for servers", Some(proxies.server())),
    ] {
        let result = connect_and_send(listener.address, &client(&own, certificate.as_ref())).await;
        assert!(result.is_err(), "{case}: {result:?}");
    }
    let plain = send_request(TcpStream::connect(listener.address).await.unwrap()).await;
    assert!(!plain.is_ok_and(|answer| answer.contains("HTTP/1.1")), "a TLS listener serves no plain HTTP");
}

#[tokio::test]
async fn listener_without_client_ca_certifies_no_peer() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let listener = start(LIMITS, Some(tls(files("one-way", &own.server(), None)))).await;
    for certificate in [None, Some(proxies.client())] {
        let answer = connect_and_send(listener.address, &client(&own, certificate.as_ref())).await.unwrap();
        assert!(answer.ends_with("certified: false"), "{answer}");
    }
    let listener = start(LIMITS, None).await;
    let answer = send_request(TcpStream::connect(listener.address).await.unwrap()).await.unwrap();
    assert!(answer.ends_with("certified: false"), "{answer}");
}

#[tokio::test]
async fn listener_negotiates_http_1_1_and_resumes_no_certified_session() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let listener = start(LIMITS, Some(tls(files("again", &own.server(), Some(&proxies))))).await;
    let config = client(&own, Some(&proxies.client()));
    for _ in 0..2 {
        let mut stream = connect(listener.address, &config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        assert!(send_request(&mut stream).await.unwrap().ends_with("certified: true"));
    }
}

#[tokio::test]
async fn new_tls_files_are_used_without_a_restart_unless_they_are_broken() {
    let (before, after) = (Authority::new(), Authority::new());
    let files = files("rotation", &before.server(), None);
    let listener = start(LIMITS, Some(tls(files.clone()))).await;
    let (old, new) = (client(&before, None), client(&after, None));
    assert!(connect_and_send(listener.address, &old).await.is_ok());
    assert!(connect_and_send(listener.address, &new).await.is_err());
    std::fs::write(&files.certificate, "broken").unwrap();
    sleep(Duration::from_millis(100)).await;
    assert!(
        connect_and_send(listener.address, &old).await.is_ok(),
        "the certificate read before stays in use"
    );
    let pair = after.server();
    std::fs::write(&files.certificate, &pair.certificate).unwrap();
    std::fs::write(&files.key, &pair.key).unwrap();
    let reloaded = async {
        while connect_and_send(listener.address, &new).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TEST_TIMEOUT, reloaded).await.unwrap();
    assert!(connect_and_send(listener.address, &old).await.is_err());
}

#[tokio::test]
async fn slow_handshake_counts_as_a_connection_and_is_cut() {
    let own = Authority::new();
    let limits = Limits { connections: 1, handshake_timeout: Duration::from_millis(300), ..LIMITS };
    let listener = start(limits, Some(tls(files("slow", &own.server(), None)))).await;
    let mut slow = TcpStream::connect(listener.address).await.unwrap();
    slow.write_all(&[22, 3, 1, 0, 200]).await.unwrap();
    // The limit is one connection, so this client waits until the slow connection is cut.
    assert!(connect_and_send(listener.address, &client(&own, None)).await.is_ok());
    assert!(slow.try_read(&mut [0; 64]).is_ok_and(|count| count == 0), "the slow connection is closed");
}
