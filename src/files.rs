//! Files of limited size, and the PEM blocks in them (RFC 7468).
//!
//! 1. A file is read up to its limit and no further, even if the system reports another size.
//! 2. The content is wiped when it is dropped, because any file may hold a key.
//! 3. An error contains neither the file's name nor its content. The caller knows which setting named the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use memchr::memmem;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system cannot open or read it.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    /// The system cannot open or read it, and its path is relative to the working directory of the process.
    #[error(
        "the file cannot be read: {0}; its path is relative to the directory in which the process was started"
    )]
    UnreadableRelative(io::Error),
    /// It is longer than its limit in bytes.
    #[error("the file is longer than {0} bytes")]
    TooLong(u64),
    /// It is not text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// It contains only line breaks.
    #[error("the file is empty")]
    Empty,
}

/// Reads a file of at most `max_bytes`.
pub fn read(path: &Path, max_bytes: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    match read_start(path, max_bytes + 1) {
        Err(error) if path.is_relative() => Err(FileError::UnreadableRelative(error)),
        Err(error) => Err(FileError::Unreadable(error)),
        Ok(bytes) if bytes.len() as u64 > max_bytes => Err(FileError::TooLong(max_bytes)),
        Ok(bytes) => Ok(bytes),
    }
}

fn read_start(path: &Path, max_bytes: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    // A buffer that grows leaves copies in memory that are not wiped.
    let size = usize::try_from(file.metadata()?.len().min(max_bytes)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    file.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a text of at most `max_bytes`.
pub fn read_text(path: &Path, max_bytes: u64) -> Result<Zeroizing<String>, FileError> {
    let bytes = read(path, max_bytes)?;
    let text = str::from_utf8(&bytes).map_err(|_| FileError::NotText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads a text without the line breaks that editors and `echo` append. An empty text is an error.
pub fn read_value(path: &Path, max_bytes: u64) -> Result<Zeroizing<String>, FileError> {
    let mut text = read_text(path, max_bytes)?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    if text.is_empty() { Err(FileError::Empty) } else { Ok(text) }
}

/// Why a text contains no certificates.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificatesError {
    /// A block is damaged.
    #[error("the file is not readable PEM: {0}")]
    Unreadable(String),
    /// There is no certificate among the blocks.
    #[error("the file holds no certificate in PEM form")]
    NoCertificate,
}

/// Returns the certificates of a text, at least one.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificatesError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| CertificatesError::Unreadable(error.to_string()))?;
    if found.is_empty() { Err(CertificatesError::NoCertificate) } else { Ok(found) }
}

/// The DER structure of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// Any kind of key (RFC 5958).
    Pkcs8,
    /// An elliptic curve key (RFC 5915).
    Sec1,
    /// An RSA key (RFC 8017 §A.1.2).
    Pkcs1,
}

/// Why a text contains no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateKeyError {
    /// The key is encrypted with a password.
    Encrypted,
    /// The PEM block of the key has no end line, or is not base64.
    Damaged(KeyForm),
    /// There are PEM blocks, but none is a private key.
    OtherPem,
    /// There is no PEM block.
    NotPem,
}

/// The private key of a PEM text.
pub struct PrivateKey {
    /// Its structure.
    pub form: KeyForm,
    /// Its DER.
    pub der: Zeroizing<Vec<u8>>,
}

const KEY_BLOCKS: [(KeyForm, &str, &str); 3] = [
    (KeyForm::Pkcs8, "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"),
    (KeyForm::Sec1, "-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----"),
    (KeyForm::Pkcs1, "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
];

/// Returns the private key of a text. If there are several, it prefers a PKCS #8 key.
///
/// This function decodes the key itself, because the library's reader does not wipe its buffer.
pub fn private_key(pem: &[u8]) -> Result<PrivateKey, PrivateKeyError> {
    let has = |text: &[u8]| memmem::find(pem, text).is_some();
    let block = KEY_BLOCKS.iter().find_map(|(form, begin, end)| Some((*form, split(pem, begin)?.1, *end)));
    let decoded = match block {
        Some((form, rest, end)) => {
            decode(rest, end).map(|der| PrivateKey { form, der }).ok_or(PrivateKeyError::Damaged(form))
        }
        None if has(b"-----BEGIN ") => Err(PrivateKeyError::OtherPem),
        None => Err(PrivateKeyError::NotPem),
    };
    // The label marks an encrypted key; in older formats, a header in the block does (RFC 1421 §4.6.1.1).
    decoded.map_err(|error| if has(b"ENCRYPTED") { PrivateKeyError::Encrypted } else { error })
}

fn decode(rest: &[u8], end: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (body, _) = split(rest, end)?;
    let mut text = Zeroizing::new(Vec::with_capacity(body.len()));
    text.extend(body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()));
    base64_simd::STANDARD.decode_to_vec(&*text).ok().map(Zeroizing::new)
}

fn split<'t>(text: &'t [u8], marker: &str) -> Option<(&'t [u8], &'t [u8])> {
    let start = memmem::find(text, marker.as_bytes())?;
    Some((text.get(..start)?, text.get(start + marker.len()..)?))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A file that is removed when it is dropped.
    struct TempFile(PathBuf);

    impl Drop for TempFile {
        fn drop(&mut self) {
            let _removed = std::fs::remove_file(&self.0);
        }
    }

    fn temp_file(content: &[u8]) -> TempFile {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("foregate-files-{}-{number}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        TempFile(path)
    }

    #[test]
    fn file_is_read_up_to_its_limit() {
        let four = temp_file(b"four");
        assert_eq!(**read(&four.0, 4).unwrap(), *b"four");
        assert_eq!(read(&four.0, 3).unwrap_err().to_string(), "the file is longer than 3 bytes");
    }

    #[test]
    fn value_is_read_without_trailing_line_breaks_and_must_not_be_empty() {
        let value = |content: &[u8]| read_value(&temp_file(content).0, 10).map_err(|error| error.to_string());
        assert_eq!(value(b" a\n b \r\n\n").as_deref().map(String::as_str), Ok(" a\n b "));
        assert_eq!(value(b"\n").unwrap_err(), "the file is empty");
        assert_eq!(value(b"\xff").unwrap_err(), "the file is not UTF-8 text");
    }

    #[test]
    fn error_for_an_unreadable_file_mentions_a_relative_path() {
        let why = |path: &str| read(Path::new(path), 1).unwrap_err().to_string();
        assert!(why("nowhere/x").ends_with("relative to the directory in which the process was started"));
        assert!(
            why("/nowhere/x").starts_with("the file cannot be read: ")
                && !why("/nowhere/x").contains("relative")
        );
    }

    fn block(label: &str) -> String {
        format!("-----BEGIN {label}-----\nMI\r\nIB\n-----END {label}-----\n")
    }

    #[test]
    fn private_key_is_found_among_other_blocks() {
        for (label, form) in [
            ("PRIVATE KEY", KeyForm::Pkcs8),
            ("EC PRIVATE KEY", KeyForm::Sec1),
            ("RSA PRIVATE KEY", KeyForm::Pkcs1),
        ] {
            let pem = format!("\u{fc}\n{}{}", block("EC PARAMETERS"), block(label));
            let key = private_key(pem.as_bytes()).ok().unwrap();
            assert_eq!((key.form, key.der.as_slice()), (form, &b"\x30\x82\x01"[..]), "{label}");
        }
    }

    #[test]
    fn text_without_a_private_key_returns_the_reason() {
        let legacy = block("RSA PRIVATE KEY").replace("MI", "Proc-Type: 4,ENCRYPTED\n\nMI");
        for (pem, error) in [
            (block("ENCRYPTED PRIVATE KEY"), PrivateKeyError::Encrypted),
            (legacy, PrivateKeyError::Encrypted),
            (block("CERTIFICATE"), PrivateKeyError::OtherPem),
            (block("PRIVATE KEY").replace("END", "MIDDLE"), PrivateKeyError::Damaged(KeyForm::Pkcs8)),
            (block("EC PRIVATE KEY").replace("MI", "!!"), PrivateKeyError::Damaged(KeyForm::Sec1)),
            (String::new(), PrivateKeyError::NotPem),
        ] {
            assert_eq!(private_key(pem.as_bytes()).err(), Some(error), "{pem}");
        }
    }

    #[test]
    fn damaged_or_missing_certificates_are_rejected() {
        let found = |pem: &str| certificates(pem.as_bytes()).map(|found| found.len());
        assert_eq!(found(&block("CERTIFICATE").repeat(2)), Ok(2));
        assert_eq!(found(&block("PRIVATE KEY")), Err(CertificatesError::NoCertificate));
        let damaged = block("CERTIFICATE").replace("MI", "!!");
        assert!(matches!(found(&damaged), Err(CertificatesError::Unreadable(_))));
    }
}
