//! Signing keys of the provider
//!
//! 1. A key is bound to its algorithms when it is read. A token's `alg` can only select among them and cannot
//!    reinterpret a key (RFC 8725 §3.1).
//! 2. Supported keys are RSA from 2048 to 8192 bits, P-256, P-384, P-521 and Ed25519. A key that `use` or `key_ops` reserves
//!    for another purpose is ignored (RFC 7517 §4.2, §4.3).
//! 3. At most 50 keys are read. At most 8 are tried for a token without `kid`.
//! 4. A key that cannot be used is ignored and does not affect the others.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use url::Url;

use super::algorithm::Algorithm;
use super::http::{Http, HttpError};
use crate::access::quoted::quoted;

const MAX_KEY_SET_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 50;
const MAX_CANDIDATES: usize = 8;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// An RSA key is used with each of these, unless its `alg` names one.
const RSA_ALGORITHMS: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
];

/// The reason why no keys are loaded.
#[derive(Debug, Error)]
pub(super) enum KeysError {
    #[error("the signing keys cannot be loaded: {0}")]
    Call(#[from] HttpError),
    #[error("the signing keys cannot be read: {0}")]
    Unreadable(String),
    #[error("the provider publishes no key that is supported for verification")]
    NoneUsable,
}

/// The provider's keys (RFC 7517 §5).
#[derive(Default)]
pub(super) struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    /// The key for each algorithm that it may be used with.
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    pub(super) async fn load(http: &Http, url: &Url) -> Result<Self, KeysError> {
        Self::read(&http.get(url, MAX_KEY_SET_BYTES).await?)
    }

    pub(super) fn read(body: &[u8]) -> Result<Self, KeysError> {
        let document: Document = serde_json::from_slice(body)
            .map_err(|error| KeysError::Unreadable(quoted(&error.to_string())))?;
        let keys: Vec<Key> = document.keys.into_iter().take(MAX_KEYS).filter_map(Key::read).collect();
        if keys.is_empty() { Err(KeysError::NoneUsable) } else { Ok(Self(keys)) }
    }

    /// Returns the algorithms that the keys verify.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let has_key = |algorithm: &Algorithm| !self.candidates(None, *algorithm).is_empty();
        Algorithm::ALL.into_iter().filter(has_key).collect()
    }

    /// Returns the keys that may have signed a token with this `kid` and `alg`.
    pub(super) fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<&ParsedPublicKey> {
        let named = self.0.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        let verifiers = named.flat_map(|key| &key.verifiers).filter(|(fits, _)| *fits == algorithm);
        verifiers.map(|(_, key)| key).take(MAX_CANDIDATES).collect()
    }
}

impl Key {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        if jwk
            .key_ops
            .as_ref()
            .is_some_and(|operations| !operations.iter().any(|operation| operation == "verify"))
        {
            return None;
        }
        let mut verifiers = jwk.verifiers()?;
        if let Some(pinned) = jwk.alg.as_deref() {
            verifiers.retain(|(algorithm, _)| algorithm.as_str() == pinned);
        }
        if verifiers.is_empty() { None } else { Some(Self { id: jwk.kid, verifiers }) }
    }
}

impl Jwk {
    fn verifiers(&self) -> Option<Vec<(Algorithm, ParsedPublicKey)>> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let parse = |(algorithm, parameters)| Some((algorithm, self.rsa(parameters)?));
                RSA_ALGORITHMS.into_iter().map(parse).collect()
            }
            ("EC", Some("P-256")) => {
                Some(vec![(Algorithm::Es256, self.point(&ECDSA_P256_SHA256_FIXED, 32)?)])
            }
            ("EC", Some("P-384")) => {
                Some(vec![(Algorithm::Es384, self.point(&ECDSA_P384_SHA384_FIXED, 48)?)])
            }
            ("EC", Some("P-521")) => {
                Some(vec![(Algorithm::Es512, self.point(&ECDSA_P521_SHA512_FIXED, 66)?)])
            }
            ("OKP", Some("Ed25519")) => {
                let key = ParsedPublicKey::new(&ED25519, bytes(self.x.as_deref())?).ok()?;
                Some(vec![(Algorithm::EdDsa, key)])
            }
            _ => None,
        }
    }

    fn rsa(&self, parameters: &'static RsaParameters) -> Option<ParsedPublicKey> {
        let (modulus, exponent) = (bytes(self.n.as_deref())?, bytes(self.e.as_deref())?);
        // Some providers send the leading zero octet that RFC 7518 §6.3.1.1 forbids.
        let start = modulus.iter().position(|byte| *byte != 0)?;
        let n = modulus.get(start..)?;
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        if !RSA_BITS.contains(&bits) {
            return None;
        }
        PublicKeyComponents { n, e: &exponent }.to_parsed_public_key(parameters).ok()
    }

    /// Returns an uncompressed point (SEC 1 §2.3.3). Both coordinates must have their full length (RFC 7518
    /// §6.2.1.2).
    fn point(&self, curve: &'static dyn VerificationAlgorithm, size: usize) -> Option<ParsedPublicKey> {
        let (x, y) = (bytes(self.x.as_deref())?, bytes(self.y.as_deref())?);
        if x.len() != size || y.len() != size {
            return None;
        }
        ParsedPublicKey::new(curve, [&[4], x.as_slice(), y.as_slice()].concat()).ok()
    }
}

fn bytes(text: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text?).ok()
}

#[cfg(test)]
mod tests;
