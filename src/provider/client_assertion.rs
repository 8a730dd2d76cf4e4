//! Client assertions signed with a private key (`private_key_jwt`)
//!
//! 1. The key is PKCS#8 in PEM: RSA from 2048 bits (RS256), P-256 (ES256), P-384 (ES384) or Ed25519 (`EdDSA`).
//! 2. Each assertion is new, names its audience, has its own `jti` and expires after one minute (RFC 7523 §3).
//! 3. No message contains the key or an assertion.

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::json;
use thiserror::Error;

use super::algorithm::Algorithm;
use crate::files::{KeyForm, PrivateKeyError, private_key};
use crate::flow::ports::UnixTime;
use crate::secret::Secret;

/// `client_assertion_type` (RFC 7523 §2.2).
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const LIFETIME_SECONDS: u64 = 60;

/// The reason why a text cannot be used as a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientKeyError {
    /// It is encrypted with a password.
    #[error("it is encrypted with a password")]
    Encrypted,
    /// It is a key in an older format, a certificate or a public key.
    #[error("it is PEM, but not a private key in PKCS#8 form")]
    OtherPem,
    /// It is not PEM with a private key.
    #[error("it contains no private key in PEM form")]
    NotPem,
    /// The key is damaged or its type is not supported.
    #[error("its key is damaged, or its type is not supported")]
    Unusable,
}

impl From<PrivateKeyError> for ClientKeyError {
    fn from(error: PrivateKeyError) -> Self {
        match error {
            PrivateKeyError::Encrypted => Self::Encrypted,
            PrivateKeyError::Damaged(KeyForm::Pkcs8) | PrivateKeyError::NotPem => Self::NotPem,
            PrivateKeyError::Damaged(_) | PrivateKeyError::OtherPem => Self::OtherPem,
        }
    }
}

/// The private key of the gateway and its key ID at the provider.
#[derive(Clone)]
pub struct ClientKey {
    pair: Arc<Pair>,
    id: Option<String>,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// No assertion can be signed: the system returns no random numbers.
#[derive(Debug, Error)]
#[error("cannot sign a client assertion")]
pub(super) struct CannotSign;

impl ClientKey {
    /// Reads a key from PEM. `id` is sent as `kid`.
    pub fn read(pem: &Secret, id: Option<String>) -> Result<Self, ClientKeyError> {
        let key = private_key(pem.expose().as_bytes())?;
        if key.form != KeyForm::Pkcs8 {
            return Err(ClientKeyError::OtherPem);
        }
        let pair = Pair::read(&key.der).ok_or(ClientKeyError::Unusable)?;
        Ok(Self { pair: Arc::new(pair), id })
    }

    /// Returns a signed assertion of `client_id` for `audience`.
    pub(super) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        now: UnixTime,
    ) -> Result<Secret, CannotSign> {
        let mut id = [0; 16];
        SystemRandom::new().fill(&mut id).map_err(|_| CannotSign)?;
        let mut header = json!({"alg": self.pair.algorithm().as_str(), "typ": "JWT"});
        if let (Some(id), Some(header)) = (&self.id, header.as_object_mut()) {
            header.insert("kid".to_owned(), id.as_str().into());
        }
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": audience, "iat": now.0,
            "exp": now.0.saturating_add(LIFETIME_SECONDS), "jti": base64url(id),
        });
        let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = self.pair.sign(signed.as_bytes()).ok_or(CannotSign)?;
        Ok(Secret::new(format!("{signed}.{}", base64url(signature))))
    }
}

impl Pair {
    fn read(der: &[u8]) -> Option<Self> {
        let ec = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, der).ok();
        // aws-lc rejects RSA keys of fewer than 2048 bits.
        let rsa = RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa);
        rsa.or_else(|| ec(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::P256))
            .or_else(|| ec(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::P384))
            .or_else(|| Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519))
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::P384(_) => Algorithm::Es384,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(key) | Self::P384(key) => Some(key.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(key) => Some(key.sign(message).as_ref().to_vec()),
        }
    }
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use serde_json::Value;

    use super::super::accepted::Accepted;
    use super::super::jws::verify;
    use super::super::keys::KeySet;
    use super::super::testing::{NOW, Signer, jwks, rsa};
    use super::*;

    fn pem(der: &[u8]) -> Secret {
        let body = base64_simd::STANDARD.encode_to_string(der);
        Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"))
    }

    fn pkcs8(signer: &Signer) -> Secret {
        match signer {
            Signer::Rsa(key) => {
                pem(AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(key).unwrap().as_ref())
            }
            Signer::P256(key) | Signer::P384(key) | Signer::P521(key) => {
                pem(key.to_pkcs8v1().unwrap().as_ref())
            }
            Signer::Ed25519(key) => pem(key.to_pkcs8v1().unwrap().as_ref()),
        }
    }

    #[test]
    fn assertion_of_every_key_type_verifies_with_the_public_key() {
        let signers = [(rsa(), Algorithm::Rs256), (&Signer::p256(), Algorithm::Es256)];
        let more = [(&Signer::p384(), Algorithm::Es384), (&Signer::ed25519(), Algorithm::EdDsa)];
        for (signer, algorithm) in signers.into_iter().chain(more) {
            let key = ClientKey::read(&pkcs8(signer), Some("k".to_owned())).unwrap();
            let keys = KeySet::read(jwks(&[signer.named("k")]).as_bytes()).unwrap();
            let accepted = Accepted::new(Some(&[algorithm]), None);
            let [one, other] = [0, 1].map(|_| {
                let assertion = key.assertion("foregate", "https://kc.example", NOW).unwrap();
                let signed = verify(assertion.expose(), &keys, &accepted, &["jwt"]).unwrap();
                serde_json::from_slice::<Value>(&signed.payload).unwrap()
            });
            for (name, value) in [
                ("iss", json!("foregate")),
                ("sub", json!("foregate")),
                ("aud", json!("https://kc.example")),
                ("iat", json!(NOW.0)),
                ("exp", json!(NOW.0 + 60)),
            ] {
                assert_eq!(one[name], value, "{name}");
            }
            assert_eq!(one["jti"].as_str().unwrap().len(), 22);
            assert_ne!(one["jti"], other["jti"], "{algorithm:?}");
        }
    }

    #[test]
    fn assertion_without_key_id_has_no_kid() {
        let key = ClientKey::read(&pkcs8(&Signer::p256()), None).unwrap();
        let assertion = key.assertion("a", "b", NOW).unwrap();
        let header = URL_SAFE_NO_PAD.decode_to_vec(assertion.expose().split('.').next().unwrap()).unwrap();
        assert_eq!(String::from_utf8(header).unwrap(), r#"{"alg":"ES256","typ":"JWT"}"#);
    }

    #[test]
    fn invalid_client_key_returns_the_reason() {
        let why = |text: &str| ClientKey::read(&Secret::new(text), None).err().unwrap();
        let block = |name: &str| format!("-----BEGIN {name}-----\nMIIB\n-----END {name}-----\n");
        assert_eq!(why(&block("ENCRYPTED PRIVATE KEY")), ClientKeyError::Encrypted);
        for other in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE", "PUBLIC KEY"] {
            assert_eq!(why(&block(other)), ClientKeyError::OtherPem, "{other}");
        }
        assert_eq!(why(&block("PRIVATE KEY")), ClientKeyError::Unusable);
        for no_pem in
            ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nMIIB", &block("PRIVATE KEY").replace("MIIB", "!")]
        {
            assert_eq!(why(no_pem), ClientKeyError::NotPem, "{no_pem}");
        }
    }
}
