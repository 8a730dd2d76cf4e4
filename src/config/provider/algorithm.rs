//! Which signatures may an ID token carry?

use crate::config::reader::Reader;
use crate::config::report::{Told, Wrong};

/// A signature algorithm with a public key (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Edwards curves.
    EdDsa,
}

impl SigningAlgorithm {
    const ALL: [Self; 5] = [Self::Rs256, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// The name in a token's `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.name() == text);
        found.ok_or_else(|| {
            let upper = text.to_ascii_uppercase();
            Wrong::new(if upper == "NONE" {
                "an ID token without a signature could be written by anybody"
            } else if upper.starts_with("HS") {
                "its key is the client secret, so whoever knows that could sign in as anybody"
            } else {
                "it is not a signature algorithm that we verify"
            })
        })
    }
}

pub(super) fn read(reader: &mut Reader) -> Result<Vec<SigningAlgorithm>, Told> {
    let key = "provider.signing_algorithms";
    let algorithms = reader.each(key, SigningAlgorithm::parse)?;
    if algorithms.is_empty() {
        return Err(reader.wrong(key, Wrong::new("it is empty, so that no ID token would be accepted")));
    }
    Ok(algorithms)
}
