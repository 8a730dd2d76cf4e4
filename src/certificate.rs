//! TLS configuration of a listener, from its certificate, its key and the authorities of its peers
//!
//! 1. TLS 1.2 and 1.3 are offered, with the library's default algorithms.
//! 2. Only HTTP/1.1 is offered (ALPN, RFC 7301), because no listener supports another version.

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use thiserror::Error;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use crate::files::{self, KeyForm, PrivateKeyError, certificates};

/// The limit of each file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The PEM files of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The listener's certificate chain: its own certificate first, then those up to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of the peers that may connect. If there is no such file, a peer needs no certificate.
    pub client_ca: Option<PathBuf>,
}

/// One of the files in [`TlsFiles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// The certificate chain.
    Certificate,
    /// The private key.
    Key,
    /// The authorities of the peers.
    ClientCa,
}

impl TlsFile {
    /// Returns the configuration key that names this file, in the section of its listener.
    pub fn key(self) -> &'static str {
        match self {
            Self::Certificate => "tls_certificate_file",
            Self::Key => "tls_key_file",
            Self::ClientCa => "client_ca_file",
        }
    }
}

/// Why the files cannot be used. The text contains nothing of their content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct TlsFilesError {
    /// The file that cannot be used.
    pub file: TlsFile,
    why: String,
}

impl TlsFilesError {
    fn new(file: TlsFile, why: impl Into<String>) -> Self {
        Self { file, why: why.into() }
    }
}

/// The content of the files at one moment.
pub struct TlsTexts {
    certificate: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Zeroizing<Vec<u8>>>,
}

impl TlsFiles {
    /// Reads the files. Fails if a file cannot be read or is longer than 1 MiB.
    pub fn read(&self) -> Result<TlsTexts, TlsFilesError> {
        let read = |file, path| {
            files::read(path, MAX_FILE_BYTES).map_err(|error| TlsFilesError::new(file, error.to_string()))
        };
        Ok(TlsTexts {
            certificate: read(TlsFile::Certificate, &self.certificate)?,
            key: read(TlsFile::Key, &self.key)?,
            client_ca: self.client_ca.as_ref().map(|path| read(TlsFile::ClientCa, path)).transpose()?,
        })
    }
}

/// The protocol of a listener. A client that offers no such protocol is refused during the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, for gRPC.
    Http2,
}

impl Protocol {
    /// Returns the name in ALPN (RFC 7301 §6).
    fn alpn_id(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

impl TlsTexts {
    /// Returns the SHA-256 digest over all files. It detects a change without a copy of the key.
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let client_ca = self.client_ca.as_ref().map_or(&[][..], |text| text);
        for text in [&self.certificate, &self.key, client_ca] {
            // The length is included, so that moving a byte from one file to the next changes the digest.
            context.update(&text.len().to_be_bytes());
            context.update(text);
        }
        let mut digest = [0; 32];
        digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        digest
    }

    /// Returns the TLS configuration. Fails if the content of a file is not valid for its purpose.
    pub fn server_config(&self, protocol: Protocol) -> Result<ServerConfig, TlsFilesError> {
        let error_in = |file| move |why: String| TlsFilesError::new(file, why);
        let chain = certificates(&self.certificate)
            .map_err(|error| error.to_string())
            .map_err(error_in(TlsFile::Certificate))?;
        let key = parse_private_key(&self.key).map_err(error_in(TlsFile::Key))?;
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFilesError::new(TlsFile::Certificate, error.to_string()))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let roots = parse_authorities(pem).map_err(error_in(TlsFile::ClientCa))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| TlsFilesError::new(TlsFile::ClientCa, error.to_string()))?,
                )
            }
        };
        let mut config =
            builder.with_single_cert(chain, key).map_err(|error| certificate_or_key_error(&error))?;
        config.alpn_protocols = vec![protocol.alpn_id().to_vec()];
        if self.client_ca.is_some() {
            // A resumed session would stay trusted after the peer's certificate has expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

fn parse_private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let key = files::private_key(pem).map_err(|error| match error {
        PrivateKeyError::Encrypted => "the key in the file is encrypted with a password",
        PrivateKeyError::Damaged(_) | PrivateKeyError::OtherPem | PrivateKeyError::NotPem => {
            "the file holds no private key in PEM form"
        }
    })?;
    let der = key.der.to_vec();
    Ok(match key.form {
        KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
        KeyForm::Sec1 => PrivateKeyDer::Sec1(der.into()),
        KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
    })
}

fn parse_authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|error| error.to_string())? {
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate in the file is not usable as an authority: {error}"))?;
    }
    Ok(roots)
}

fn certificate_or_key_error(error: &Error) -> TlsFilesError {
    match error {
        Error::InconsistentKeys(_) => {
            TlsFilesError::new(TlsFile::Key, "the key does not belong to the certificate")
        }
        Error::InvalidCertificate(_) => {
            TlsFilesError::new(TlsFile::Certificate, format!("the certificate cannot be used: {error}"))
        }
        other => TlsFilesError::new(TlsFile::Key, format!("the key cannot be used: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(certificate: &str, key: &str, client_ca: Option<&str>) -> TlsTexts {
        TlsTexts {
            certificate: Zeroizing::new(certificate.into()),
            key: Zeroizing::new(key.into()),
            client_ca: client_ca.map(|text| Zeroizing::new(text.into())),
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn file_with_unsuitable_content_is_rejected_and_named() {
        let ((certificate, key), (other, other_key)) = (pair(), pair());
        let garbage = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let (certificate, key, other) = (certificate.as_str(), key.as_str(), other.as_str());
        assert!(texts(certificate, key, Some(other)).server_config(Protocol::Http1).is_ok());
        for (texts, file, words) in [
            (texts(key, key, None), TlsFile::Certificate, "no certificate"),
            (texts("", key, None), TlsFile::Certificate, "no certificate"),
            (texts(garbage, key, None), TlsFile::Certificate, "cannot be used"),
            (texts(certificate, certificate, None), TlsFile::Key, "no private key"),
            (texts(certificate, encrypted, None), TlsFile::Key, "password"),
            (texts(certificate, &other_key, None), TlsFile::Key, "does not belong"),
            (texts(certificate, key, Some("")), TlsFile::ClientCa, "no certificate"),
            (texts(certificate, key, Some(garbage)), TlsFile::ClientCa, "not usable as an authority"),
        ] {
            let error = texts.server_config(Protocol::Http1).err().unwrap_or_else(|| panic!("{words}"));
            assert_eq!(error.file, file, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains("MIIB"), "{error}");
        }
    }

    #[test]
    fn digest_changes_if_content_moves_between_files() {
        let all = [
            texts("a", "b", None),
            texts("ab", "", None),
            texts("a", "b", Some("c")),
            texts("a", "bc", None),
            texts("a", "c", Some("b")),
        ];
        for (left_index, left) in all.iter().enumerate() {
            for (right_index, right) in all.iter().enumerate() {
                assert_eq!(
                    left.digest() == right.digest(),
                    left_index == right_index,
                    "{left_index} {right_index}"
                );
            }
        }
    }
}
