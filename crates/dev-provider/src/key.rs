//! With which key is everything signed, and how does the world see it?

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An RSA-2048 key for RS256, named by its RFC 7638 thumbprint.
pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    kid: String,
    modulus: String,
    exponent: String,
}

impl SigningKey {
    /// Slow, so not to be called on a thread that serves.
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let (modulus, exponent) = components(pair.public_key().as_ref()).ok_or(Unspecified)?;
        let modulus = URL_SAFE_NO_PAD.encode_to_string(modulus);
        let exponent = URL_SAFE_NO_PAD.encode_to_string(exponent);
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, canonical.as_bytes()));
        Ok(Self { pair, kid, modulus, exponent })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
        Ok(signature)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref())
            .verify(message, signature)
            .is_ok()
    }

    pub(crate) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": self.modulus, "e": self.exponent,
        })
    }
}

/// Modulus and exponent out of the DER of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let (body, _) = element(der, SEQUENCE)?;
    let (modulus, rest) = element(body, INTEGER)?;
    let (exponent, _) = element(rest, INTEGER)?;
    Some((unsigned(modulus), unsigned(exponent)))
}

/// The content of the element of this kind at the front, and what follows it.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&[tag, short], rest) = der.split_first_chunk()?;
    let long_form = usize::from(short & 0x7f);
    let (length, rest) = if short < 0x80 {
        (long_form, rest)
    } else {
        let (digits, rest) = rest.split_at_checked(long_form)?;
        (digits.iter().fold(0, |length: usize, &digit| (length << 8) | usize::from(digit)), rest)
    };
    if tag == kind { rest.split_at_checked(length) } else { None }
}

/// DER puts a zero before a number whose first bit is set; RFC 7518 §6.3.1 leaves it out.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}
