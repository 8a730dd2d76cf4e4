//! Certificate authority for `app.localhost`

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};

/// A certificate authority of one test, and the one certificate that it signed.
pub(crate) struct Authority {
    root: String,
    certificate: String,
    key: String,
    pin: String,
}

impl Authority {
    pub(crate) fn new(host: &str) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.distinguished_name.push(DnType::CommonName, "Certificate authority of one test");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_certificate = root.self_signed(&root_key).unwrap();

        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, host);
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let certificate = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();

        Self {
            root: root_certificate.pem(),
            certificate: certificate.pem(),
            pin: STANDARD.encode_to_string(digest(&SHA256, &key.subject_public_key_info())),
            key: key.serialize_pem(),
        }
    }

    /// Returns the authority's own certificate, for clients that take a list of trusted roots.
    pub(crate) fn root_pem(&self) -> &str {
        &self.root
    }

    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn key_pem(&self) -> &str {
        &self.key
    }

    /// Returns the digest of the public key. Chromium accepts the certificate with this key and no other.
    pub(crate) fn pin(&self) -> &str {
        &self.pin
    }
}
