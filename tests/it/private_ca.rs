//! Providers with a private certificate authority

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::harness::{Browser, Gateway};

/// Makes an authority. Returns its certificate (PEM), and TLS for `localhost` with a certificate that it signed.
fn authority() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (ca.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// Terminates TLS, and forwards to the provider.
async fn terminate(listener: TcpListener, acceptor: TlsAcceptor, provider: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut inside = TcpStream::connect(provider).await.unwrap();
            let _ended = tokio::io::copy_bidirectional(&mut stream, &mut inside).await;
        });
    }
}

/// A provider that is reachable only over TLS.
pub(crate) struct WithTls {
    pub(crate) issuer: String,
    /// The path of the certificate of its authority.
    pub(crate) ca_file: String,
    inside: dev_provider::DevProvider,
}

/// Starts a provider with TLS. `name` is the file name of the authority's certificate.
pub(crate) async fn provider_with_tls(name: &str) -> WithTls {
    provider_with(authority(), name).await
}

async fn provider_with((ca, acceptor): (String, TlsAcceptor), name: &str) -> WithTls {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let settings =
        dev_provider::Settings { issuer: Some(issuer.clone()), ..dev_provider::Settings::default() };
    let inside = dev_provider::start(settings).await.unwrap();
    tokio::spawn(terminate(listener, acceptor, inside.address()));
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, ca).unwrap();
    WithTls { issuer, ca_file: file.to_str().unwrap().to_owned(), inside }
}

/// Makes a certificate that signs itself, as `openssl req -x509` does.
fn self_signed(name: &str, is_ca: IsCa) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = is_ca;
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (certificate.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn certificate_of_an_authority_as_server_certificate_is_explained_with_the_command() {
    for (is_ca, state) in
        [(IsCa::Ca(BasicConstraints::Unconstrained), "unavailable"), (IsCa::ExplicitNoCa, "ready")]
    {
        let provider =
            provider_with(self_signed("localhost", is_ca), &format!("self-signed-{state}.pem")).await;
        let gateway = Gateway::with(&*provider.issuer, &[("provider.ca_file", &provider.ca_file)]).await;
        let found = gateway.readyz().await.1["provider"].clone();
        assert_eq!(found["state"], state, "{found}");
        if state == "unavailable" {
            let detail = found["detail"].as_str().unwrap();
            assert!(detail.contains("certificate of a certificate authority as its own"), "{detail}");
            assert!(detail.contains("basicConstraints=critical,CA:FALSE"), "{detail}");
        }
    }
}

#[tokio::test]
async fn certificate_of_another_name_is_explained_and_the_page_does_not_ask_to_wait() {
    let pair = self_signed("other.test", IsCa::ExplicitNoCa);
    let provider = provider_with(pair, "other-name.pem").await;
    let gateway = Gateway::with(&*provider.issuer, &[("provider.ca_file", &provider.ca_file)]).await;
    let found = gateway.readyz().await.1["provider"].clone();
    let detail = found["detail"].as_str().unwrap();
    assert!(detail.contains("not valid for this name") && detail.contains("subjectAltName"), "{detail}");
    assert!(!detail.contains("provider.ca_file"), "it is set: {detail}");
    let page = Browser::new().go(&gateway.url("/oauth2/start")).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("not set up for this sign-in service"), "{}", page.body);
}

#[tokio::test]
async fn private_ca_provider_is_ready_with_ca_file_and_reported_without() {
    let provider = provider_with_tls("private-ca.pem").await;
    let trusting = Gateway::with(&*provider.issuer, &[("provider.ca_file", &provider.ca_file)]).await;
    let state = trusting.readyz().await.1["provider"].clone();
    assert_eq!(state["state"], "ready", "{state}");
    assert!(provider.inside.observed().discovery > 0 && provider.inside.observed().jwks > 0);

    let without = Gateway::with(&*provider.issuer, &[]).await;
    let state = without.readyz().await.1["provider"].clone();
    assert_eq!(state["state"], "unavailable");
    let detail = state["detail"].as_str().unwrap();
    assert!(detail.contains("localhost") && detail.contains("provider.ca_file"), "{detail}");
}
