//! Which files make a listener speak TLS?

use std::path::PathBuf;

use super::key::{Key, Kind, Need};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::certificate::TlsFiles;

pub(super) const CERTIFICATE: Key = Key {
    name: "tls_certificate_file",
    kind: Kind::Text,
    need: Need::Optional("\"/etc/foregate/tls/tls.crt\""),
    about: "The certificate (PEM) with which this listener speaks TLS, and behind it those that lead to its \
            authority. Without it the listener speaks plain http. The files are looked at every 30 seconds; new \
            ones that cannot be used are told in the log, and the old ones go on.",
    right: "the path of a PEM file with the listener's certificate first, which this process may read",
};

pub(super) const KEY: Key = Key {
    name: "tls_key_file",
    kind: Kind::SecretFile,
    need: Need::Optional("\"/etc/foregate/tls/tls.key\""),
    about: "The private key (PEM) of that certificate.",
    right: "the path of a PEM file with the private key of that certificate, not encrypted, which this process may read",
};

pub(super) const CLIENT_CA: Key = Key {
    name: "client_ca_file",
    kind: Kind::Text,
    need: Need::Optional("\"/etc/foregate/tls/proxy-ca.crt\""),
    about: "Certificates (PEM) of the authority that signed the proxy's client certificate. A peer without one of \
            that authority does not get through the TLS handshake. Where trusted_proxies is empty, the certificate \
            alone decides, whatever the address; where it is not, both must be right. Use an authority that signs \
            for the proxy alone.",
    right: "the path of a PEM file with at least one certificate, which this process may read, beside \
            tls_certificate_file and tls_key_file",
};

/// The files of a section's listener, read once to see that they can be used; `None` where it speaks plain http.
pub(super) fn read(reader: &mut Reader, section: &str) -> Result<Option<TlsFiles>, Reported> {
    let [certificate, key, client_ca] =
        [CERTIFICATE, KEY, CLIENT_CA].map(|key| format!("{section}.{}", key.name));
    let path = |reader: &Reader, key: &str| reader.text(key).map(PathBuf::from);
    let found = (path(reader, &certificate), path(reader, &key), path(reader, &client_ca));
    let files = match found {
        (None, None, None) => return Ok(None),
        (Some(certificate), Some(key), client_ca) => TlsFiles { certificate, key, client_ca },
        (None, None, Some(_)) => {
            let what =
                format!("a client certificate is asked for in TLS alone, and {certificate} is not set");
            return Err(reader.wrong(&client_ca, Wrong::new(what)));
        }
        (Some(_), None, _) => return Err(lacks(reader, &key, &certificate)),
        (None, Some(_), _) => return Err(lacks(reader, &certificate, &key)),
    };
    let used = files.read().and_then(|texts| texts.server_config());
    used.map(|_| Some(files)).map_err(|error| {
        let key = format!("{section}.{}", error.file.key());
        reader.wrong(&key, Wrong::new(error.to_string()))
    })
}

fn lacks(reader: &mut Reader, missing: &str, set: &str) -> Reported {
    reader.wrong(missing, Wrong::new(format!("it is missing, and {set} is set ({})", reader.place(set))))
}
