//! Certificates for tests: authorities, and the certificates they sign

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};

/// A certificate authority of one test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: String,
}

/// A certificate and its key, both PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Returns a certificate for a server at `localhost`.
    pub(crate) fn server(&self) -> Pair {
        self.sign(ExtendedKeyUsagePurpose::ServerAuth, 2050)
    }

    /// Returns a certificate for a client.
    pub(crate) fn client(&self) -> Pair {
        self.sign(ExtendedKeyUsagePurpose::ClientAuth, 2050)
    }

    /// Returns an expired certificate for a client.
    pub(crate) fn expired_client(&self) -> Pair {
        self.sign(ExtendedKeyUsagePurpose::ClientAuth, 2001)
    }

    fn sign(&self, purpose: ExtendedKeyUsagePurpose, until: i32) -> Pair {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// Writes a file under a name that no other test uses.
pub(crate) fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("foregate-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}
