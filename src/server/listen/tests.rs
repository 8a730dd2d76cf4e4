//! Whom does a listener with TLS serve, and with which certificate?

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
    share: 8,
    handshake_within: Duration::from_secs(10),
    head_within: [Duration::from_secs(10); 2],
};
/// Nothing here takes so long; a test that hangs shall fail.
const BOUND: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    _drainer: Drainer,
}

async fn start(limits: Limits, tls: Option<Tls>) -> Running {
    begin(limits, TrustedProxies::default(), tls).await
}

async fn begin(limits: Limits, known: TrustedProxies, tls: Option<Tls>) -> Running {
    let app = Router::new().route("/", get(async |peer: Peer| format!("certified: {}", peer.certified)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drainer, draining) = drain::channel();
    let service = Service { app, limits, known, tls, clock: Arc::new(SystemClock) };
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
    Tls::new("check", files, Duration::from_millis(10), ReloadRequests::never()).unwrap()
}

fn client(server_ca: &Authority, shows: Option<&Pair>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server_ca.certificate.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match shows {
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
    timeout(BOUND, TlsConnector::from(Arc::clone(config)).connect(name, stream)).await.unwrap()
}

/// The whole answer. In TLS 1.3 a client learns of its refusal only after its own handshake.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<String> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    timeout(BOUND, stream.read_to_string(&mut answer)).await.unwrap()?;
    Ok(answer)
}

async fn asked(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<String> {
    ask(connect(address, config).await?).await
}

#[tokio::test]
async fn only_a_peer_with_a_certificate_of_the_authority_is_served() {
    let (own, proxies, foreign) = (Authority::new(), Authority::new(), Authority::new());
    let listener = start(LIMITS, Some(tls(files("mtls", &own.server(), Some(&proxies))))).await;
    let answer = asked(listener.address, &client(&own, Some(&proxies.client()))).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("certified: true"), "{answer}");
    for (who, shows) in [
        ("nothing", None),
        ("of a foreign authority", Some(foreign.client())),
        ("of the server's own authority", Some(own.client())),
        ("expired", Some(proxies.expired_client())),
        ("for servers", Some(proxies.server())),
    ] {
        let refused = asked(listener.address, &client(&own, shows.as_ref())).await;
        assert!(refused.is_err(), "{who}: {refused:?}");
    }
    let plain = ask(TcpStream::connect(listener.address).await.unwrap()).await;
    assert!(!plain.is_ok_and(|answer| answer.contains("HTTP/1.1")), "no plain http beside TLS");
}

#[tokio::test]
async fn without_an_authority_for_peers_nobody_is_certified() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let listener = start(LIMITS, Some(tls(files("one-way", &own.server(), None)))).await;
    for shows in [None, Some(proxies.client())] {
        let answer = asked(listener.address, &client(&own, shows.as_ref())).await.unwrap();
        assert!(answer.ends_with("certified: false"), "{answer}");
    }
    let listener = start(LIMITS, None).await;
    let answer = ask(TcpStream::connect(listener.address).await.unwrap()).await.unwrap();
    assert!(answer.ends_with("certified: false"), "{answer}");
}

#[tokio::test]
async fn http_1_1_is_agreed_on_and_a_client_that_was_certified_is_asked_again() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let listener = start(LIMITS, Some(tls(files("again", &own.server(), Some(&proxies))))).await;
    let config = client(&own, Some(&proxies.client()));
    for _ in 0..2 {
        let mut stream = connect(listener.address, &config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        assert!(ask(&mut stream).await.unwrap().ends_with("certified: true"));
    }
}

#[tokio::test]
async fn new_files_are_used_without_a_restart_and_broken_ones_are_not() {
    let (before, after) = (Authority::new(), Authority::new());
    let files = files("rotation", &before.server(), None);
    let listener = start(LIMITS, Some(tls(files.clone()))).await;
    let (old, new) = (client(&before, None), client(&after, None));
    assert!(asked(listener.address, &old).await.is_ok());
    assert!(asked(listener.address, &new).await.is_err());
    std::fs::write(&files.certificate, "broken").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(asked(listener.address, &old).await.is_ok(), "the certificate read before stays in use");
    let pair = after.server();
    std::fs::write(&files.certificate, &pair.certificate).unwrap();
    std::fs::write(&files.key, &pair.key).unwrap();
    let renewed = async {
        while asked(listener.address, &new).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(BOUND, renewed).await.unwrap();
    assert!(asked(listener.address, &old).await.is_err());
}

#[tokio::test]
async fn a_slow_handshake_takes_a_place_and_is_cut() {
    let own = Authority::new();
    let limits = Limits { connections: 1, handshake_within: Duration::from_millis(300), ..LIMITS };
    let listener = start(limits, Some(tls(files("slow", &own.server(), None)))).await;
    let mut slow = TcpStream::connect(listener.address).await.unwrap();
    slow.write_all(&[22, 3, 1, 0, 200]).await.unwrap();
    // There is one place, so this waits until the slow one is gone.
    assert!(asked(listener.address, &client(&own, None)).await.is_ok());
    assert!(slow.try_read(&mut [0; 64]).is_ok_and(|count| count == 0), "it is gone");
}
