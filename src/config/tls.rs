//! TLS files of a listener

use std::path::PathBuf;

use super::key::{Key, Kind, Need};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::certificate::{Protocol, TlsFiles};

pub(super) const CERTIFICATE: Key = Key {
    name: "tls_certificate_file",
    kind: Kind::Text,
    need: Need::Optional("\"/etc/foregate/tls/tls.crt\""),
    about: "The certificate (PEM) for TLS on this listener, followed by the certificates that lead to its \
            authority. Without this key, the listener speaks plain http. The gateway looks at the files every 30 \
            seconds. If they are unusable, the log gives the reason, and the old ones stay in use.",
    right: "the path of a PEM file with the listener's certificate first, which this process may read",
};

pub(super) const KEY: Key = Key {
    name: "tls_key_file",
    kind: Kind::SecretFile,
    need: Need::Optional("\"/etc/foregate/tls/tls.key\""),
    about: "The private key (PEM) of the certificate in tls_certificate_file.",
    right: "the path of a PEM file with the private key of that certificate, not encrypted, which this process may \
            read",
};

pub(super) const CLIENT_CA: Key = Key {
    name: "client_ca_file",
    kind: Kind::Text,
    need: Need::Optional("\"/etc/foregate/tls/proxy-ca.crt\""),
    about: "Certificates (PEM) of the authority that signed the proxy's client certificate. The TLS handshake \
            fails for a peer without a certificate of that authority. If trusted_proxies is empty, the certificate \
            alone decides, not the address. If it is not empty, both the address and the certificate must be \
            right. Use an authority that signs only for the proxy.",
    right: "the path of a PEM file with at least one certificate, which this process may read, together with \
            tls_certificate_file and tls_key_file",
};

/// Returns the TLS files of a section's listener, after a test that they are usable; `None` if it speaks plain http.
pub(super) fn read(reader: &mut Reader, section: &str) -> Result<Option<TlsFiles>, Reported> {
    let [certificate, key, client_ca] =
        [CERTIFICATE, KEY, CLIENT_CA].map(|key| format!("{section}.{}", key.name));
    let path = |reader: &Reader, key: &str| reader.text(key).map(PathBuf::from);
    let found = (path(reader, &certificate), path(reader, &key), path(reader, &client_ca));
    let files = match found {
        (None, None, None) => return Ok(None),
        (Some(certificate), Some(key), client_ca) => TlsFiles { certificate, key, client_ca },
        (None, None, Some(_)) => {
            let what = format!("a client certificate requires TLS, but {certificate} is not set");
            return Err(reader.report_wrong(&client_ca, Wrong::new(what)));
        }
        (Some(_), None, _) => return Err(report_missing_file(reader, &key, &certificate)),
        (None, Some(_), _) => return Err(report_missing_file(reader, &certificate, &key)),
    };
    let used = files.read().and_then(|texts| texts.server_config(Protocol::Http1));
    used.map(|_| Some(files)).map_err(|error| {
        let key = format!("{section}.{}", error.file.key());
        reader.report_wrong(&key, Wrong::new(error.to_string()))
    })
}

fn report_missing_file(reader: &mut Reader, missing: &str, set: &str) -> Reported {
    reader
        .report_wrong(missing, Wrong::new(format!("it is missing, but {set} is set ({})", reader.place(set))))
}
