//! Signing key and its public JWK

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::algorithm::SigningAlgorithm;
use crate::der::rsa_components;

/// A key for one algorithm. Its `kid` is its thumbprint (RFC 7638).
pub(crate) struct SigningKey {
    algorithm: SigningAlgorithm,
    pair: Pair,
    kid: String,
    /// The required members of the JWK (RFC 7638 §3.2), sorted by name.
    members: Map<String, Value>,
    spki: Vec<u8>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// Generates a key. This is slow for RSA: do not call it on a thread that serves requests.
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Result<Self, Unspecified> {
        let pair = Pair::generate(algorithm)?;
        let members = pair.members(algorithm)?;
        let canonical = Value::Object(members.clone()).to_string();
        let kid = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, canonical.as_bytes()));
        let spki = pair.spki()?;
        Ok(Self { algorithm, pair, kid, members, spki })
    }

    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the public key as a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1).
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match &self.pair {
            Pair::Rsa(_) => self.sign_as(self.algorithm, message),
            Pair::Ec(pair) => Ok(pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec()),
            Pair::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// Signs with another RSA algorithm and the same key. Returns an error if the key is not an RSA key.
    pub(crate) fn sign_as(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Unspecified> {
        let Pair::Rsa(pair) = &self.pair else {
            return Err(Unspecified);
        };
        sign_rsa(pair, rsa_encoding(algorithm).ok_or(Unspecified)?, message)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(verification_algorithm(self.algorithm), self.pair.public_key())
            .verify(message, signature)
            .is_ok()
    }

    /// Returns the public key as a JWK with `use`, `alg` and `kid`.
    pub(crate) fn jwk(&self) -> Map<String, Value> {
        let mut jwk = self.members.clone();
        for (name, value) in [("use", "sig"), ("alg", self.algorithm.name()), ("kid", &self.kid)] {
            jwk.insert(name.to_owned(), json!(value));
        }
        jwk
    }
}

/// Returns the verification algorithm for signatures of this signing algorithm.
pub(crate) fn verification_algorithm(algorithm: SigningAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SigningAlgorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SigningAlgorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        SigningAlgorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        SigningAlgorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        SigningAlgorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        SigningAlgorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        SigningAlgorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        SigningAlgorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        SigningAlgorithm::EdDsa => &signature::ED25519,
    }
}

/// Returns the padding and hash function of an RSA algorithm, `None` for other algorithms.
fn rsa_encoding(algorithm: SigningAlgorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        SigningAlgorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        SigningAlgorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        SigningAlgorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        SigningAlgorithm::Ps256 => &signature::RSA_PSS_SHA256,
        SigningAlgorithm::Ps384 => &signature::RSA_PSS_SHA384,
        SigningAlgorithm::Ps512 => &signature::RSA_PSS_SHA512,
        SigningAlgorithm::Es256
        | SigningAlgorithm::Es384
        | SigningAlgorithm::Es512
        | SigningAlgorithm::EdDsa => return None,
    })
}

impl Pair {
    fn generate(algorithm: SigningAlgorithm) -> Result<Self, Unspecified> {
        Ok(match algorithm {
            SigningAlgorithm::Rs256
            | SigningAlgorithm::Rs384
            | SigningAlgorithm::Rs512
            | SigningAlgorithm::Ps256
            | SigningAlgorithm::Ps384
            | SigningAlgorithm::Ps512 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            SigningAlgorithm::Es256 => Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            SigningAlgorithm::Es384 => Self::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?),
            SigningAlgorithm::Es512 => Self::Ec(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING)?),
            SigningAlgorithm::EdDsa => Self::Ed(Ed25519KeyPair::generate()?),
        })
    }

    fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ec(pair) => pair.public_key().as_ref(),
            Self::Ed(pair) => pair.public_key().as_ref(),
        }
    }

    fn members(&self, algorithm: SigningAlgorithm) -> Result<Map<String, Value>, Unspecified> {
        let public_key = self.public_key();
        Ok(match self {
            Self::Rsa(_) => {
                let (modulus, exponent) = rsa_components(public_key).ok_or(Unspecified)?;
                jwk_members(&[("e", &b64(exponent)), ("kty", "RSA"), ("n", &b64(modulus))])
            }
            Self::Ec(_) => {
                // SEC 1 §2.3.3: the byte 4, then both coordinates at full length.
                let point = public_key.strip_prefix(&[4]).ok_or(Unspecified)?;
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match algorithm {
                    SigningAlgorithm::Es384 => "P-384",
                    SigningAlgorithm::Es512 => "P-521",
                    _ => "P-256",
                };
                jwk_members(&[("crv", curve), ("kty", "EC"), ("x", &b64(x)), ("y", &b64(y))])
            }
            Self::Ed(_) => jwk_members(&[("crv", "Ed25519"), ("kty", "OKP"), ("x", &b64(public_key))]),
        })
    }

    fn spki(&self) -> Result<Vec<u8>, Unspecified> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der()?,
            Self::Ec(pair) => pair.public_key().as_der()?,
            Self::Ed(pair) => pair.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }
}

fn sign_rsa(
    pair: &RsaKeyPair,
    padding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

fn jwk_members(members: &[(&str, &str)]) -> Map<String, Value> {
    members.iter().map(|&(name, value)| (name.to_owned(), json!(value))).collect()
}
