//! The certificates of our listeners, and those that their peers must have.
//!
//! TLS 1.2 and 1.3 with the library's own choice of algorithms; HTTP/1.1 alone is offered (ALPN, RFC 7301), because no
//! listener speaks anything else.

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

/// The limit of a chain, a key or a bundle of authorities.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The PEM files of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The listener's certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of the peers that may connect; without it, a peer needs no certificate.
    pub client_ca: Option<PathBuf>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// The chain.
    Certificate,
    /// The private key.
    Key,
    /// The authorities of peers.
    ClientCa,
}

impl TlsFile {
    /// The key that names it, in its listener's section.
    pub fn key(self) -> &'static str {
        match self {
            Self::Certificate => "tls_certificate_file",
            Self::Key => "tls_key_file",
            Self::ClientCa => "client_ca_file",
        }
    }
}

/// Why they cannot be used. Names no content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct TlsFilesError {
    /// The file that is at fault.
    pub file: TlsFile,
    why: String,
}

impl TlsFilesError {
    fn new(file: TlsFile, why: impl Into<String>) -> Self {
        Self { file, why: why.into() }
    }
}

/// What stood in the files at one moment.
pub struct TlsTexts {
    certificate: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Zeroizing<Vec<u8>>>,
}

impl TlsFiles {
    /// Reads them; fails where one cannot be read or is longer than 1 MiB.
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

impl TlsTexts {
    /// SHA-256 over all of them: tells whether anything has changed, and keeps no copy of the key.
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let client_ca = self.client_ca.as_ref().map_or(&[][..], |text| text);
        for text in [&self.certificate, &self.key, client_ca] {
            // The length first, so that no byte can move from one file to the next unseen.
            context.update(&text.len().to_be_bytes());
            context.update(text);
        }
        let mut digest = [0; 32];
        digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        digest
    }

    /// What a listener needs; fails where a file does not hold what it should.
    pub fn server_config(&self) -> Result<ServerConfig, TlsFilesError> {
        let wrong = |file| move |why: String| TlsFilesError::new(file, why);
        let chain = certificates(&self.certificate)
            .map_err(|error| error.to_string())
            .map_err(wrong(TlsFile::Certificate))?;
        let key = private_key(&self.key).map_err(wrong(TlsFile::Key))?;
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFilesError::new(TlsFile::Certificate, error.to_string()))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let roots = authorities(pem).map_err(wrong(TlsFile::ClientCa))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| TlsFilesError::new(TlsFile::ClientCa, error.to_string()))?,
                )
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| mismatch(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.client_ca.is_some() {
            // A resumed session would be believed after its peer's certificate has expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
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

fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|error| error.to_string())? {
        roots.add(certificate).map_err(|error| format!("a certificate in it is no authority's: {error}"))?;
    }
    Ok(roots)
}

fn mismatch(error: &Error) -> TlsFilesError {
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
    fn each_file_must_hold_what_it_is_for() {
        let ((certificate, key), (other, other_key)) = (pair(), pair());
        let garbage = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let (certificate, key, other) = (certificate.as_str(), key.as_str(), other.as_str());
        assert!(texts(certificate, key, Some(other)).server_config().is_ok());
        for (texts, file, words) in [
            (texts(key, key, None), TlsFile::Certificate, "no certificate"),
            (texts("", key, None), TlsFile::Certificate, "no certificate"),
            (texts(garbage, key, None), TlsFile::Certificate, "cannot be used"),
            (texts(certificate, certificate, None), TlsFile::Key, "no private key"),
            (texts(certificate, encrypted, None), TlsFile::Key, "password"),
            (texts(certificate, &other_key, None), TlsFile::Key, "does not belong"),
            (texts(certificate, key, Some("")), TlsFile::ClientCa, "no certificate"),
            (texts(certificate, key, Some(garbage)), TlsFile::ClientCa, "no authority's"),
        ] {
            let error = texts.server_config().err().unwrap_or_else(|| panic!("{words}"));
            assert_eq!(error.file, file, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains("MIIB"), "{error}");
        }
    }

    #[test]
    fn the_digest_tells_every_file_apart() {
        let all = [
            texts("a", "b", None),
            texts("ab", "", None),
            texts("a", "b", Some("c")),
            texts("a", "bc", None),
            texts("a", "c", Some("b")),
        ];
        for (here, one) in all.iter().enumerate() {
            for (there, other) in all.iter().enumerate() {
                assert_eq!(one.digest() == other.digest(), here == there, "{here} {there}");
            }
        }
    }
}
