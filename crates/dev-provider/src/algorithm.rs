//! With which algorithms can a token be signed, and what follows from each?

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};

/// A JWS algorithm the provider can sign with (RFC 7518 §3.1, RFC 8037 §3.1); each has a key of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSA PKCS #1 v1.5 with SHA-256, what every client must understand (Core §15.1).
    #[default]
    Rs256,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// The value of `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The hash of `at_hash` (Core §3.1.3.6); for Ed25519 the one inside the algorithm.
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &SHA256,
            Self::Es384 => &SHA384,
            Self::EdDsa => &SHA512,
        }
    }
}
