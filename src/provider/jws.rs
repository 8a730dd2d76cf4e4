//! JWS verification
//!
//! 1. Compact serialization: three parts of unpadded base64url, at most 64 KiB (RFC 7515 §7.1).
//! 2. The header is a JSON object without duplicate members.
//! 3. `alg` is one of the accepted algorithms. It selects only among keys that are bound to it (RFC 8725 §3.1).
//! 4. A header with `crit` is rejected, because no extension is supported (RFC 7515 §4.1.11).
//! 5. `typ` is a type that the caller expects, so that a token of another kind is not accepted (RFC 8725 §3.11).
//! 6. The key is always from the provider's key set. `jwk`, `jku`, `x5c` and `x5u` are ignored.
//! 7. The signature is verified over the received bytes. No part of the payload is parsed before that.

use aws_lc_rs::signature::ParsedPublicKey;
use base64_simd::URL_SAFE_NO_PAD;
use thiserror::Error;

use super::accepted::{Accepted, AlgorithmError};
use super::algorithm::Algorithm;
use super::json_object::UniqueJsonObject;
use super::keys::KeySet;

const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// The payload of a verified token.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) payload: Vec<u8>,
    pub(super) algorithm: Algorithm,
}

/// The rule that a token violates.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum JwsError {
    #[error("it is longer than 64 KiB")]
    TooLong,
    #[error("it is not a signed token of three base64url parts")]
    NotCompact,
    #[error("its header is not a JSON object with each member once")]
    BadHeader,
    #[error(transparent)]
    AlgorithmNotAccepted(#[from] AlgorithmError),
    #[error("{0}; newer metadata of the provider cannot be loaded now")]
    MetadataUnavailable(AlgorithmError),
    #[error("its header has crit, but no critical extension is supported")]
    CriticalExtension,
    #[error("its typ is that of another kind of token")]
    WrongType,
    #[error("the provider publishes no key that matches its kid and alg")]
    UnknownKey,
    #[error("no loaded key matches its kid and alg, and newer keys cannot be loaded now")]
    KeysUnavailable,
    #[error("it has no kid, and none of the provider's keys verifies its signature")]
    NoKeyVerifies,
    #[error("its signature is wrong")]
    WrongSignature,
}

impl JwsError {
    /// Returns whether newer keys or metadata may make the token acceptable, and cannot be loaded now.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::MetadataUnavailable(_))
    }

    /// Returns whether the provider may have published a key or announced an algorithm that is not loaded yet.
    pub(super) fn may_need_new_documents(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::NoKeyVerifies) || self.may_need_new_metadata()
    }

    /// Returns whether the provider may have announced an algorithm that is not loaded yet.
    pub(super) fn may_need_new_metadata(&self) -> bool {
        matches!(self, Self::AlgorithmNotAccepted(error) if error.may_need_new_metadata())
    }
}

/// Verifies the signature of a token and returns its payload.
///
/// `types` are the expected values of `typ`, in lower case. An absent `typ` is always accepted.
pub(super) fn verify(
    token: &str,
    keys: &KeySet,
    accepted: &Accepted,
    types: &[&str],
) -> Result<Signed, JwsError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JwsError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
    // With a fourth part the payload would contain a dot, which the decoder rejects.
    let [header, payload, signature] = [decode(header)?, decode(payload)?, decode(signature)?];
    let header = UniqueJsonObject::read(&header).ok_or(JwsError::BadHeader)?;
    let algorithm = accepted.find(header.text("alg"))?;
    check_header(&header, types)?;
    let has_key_id = header.0.contains_key("kid");
    let candidates = match (has_key_id, header.text("kid")) {
        (true, None) => return Err(JwsError::BadHeader),
        (_, id) => keys.candidates(id, algorithm),
    };
    if candidates.is_empty() {
        return Err(JwsError::UnknownKey);
    }
    let verifies = |key: &&ParsedPublicKey| key.verify_sig(signed.as_bytes(), &signature).is_ok();
    if candidates.iter().any(verifies) {
        Ok(Signed { payload, algorithm })
    } else if has_key_id {
        Err(JwsError::WrongSignature)
    } else {
        Err(JwsError::NoKeyVerifies)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode_to_vec(part).map_err(|_| JwsError::NotCompact)
}

fn check_header(header: &UniqueJsonObject, types: &[&str]) -> Result<(), JwsError> {
    if header.0.contains_key("crit") {
        return Err(JwsError::CriticalExtension);
    }
    let has_type = header.0.contains_key("typ");
    let is_expected = |found: &str| types.iter().any(|expected| found.eq_ignore_ascii_case(expected));
    if has_type && !header.text("typ").is_some_and(is_expected) {
        return Err(JwsError::WrongType);
    }
    Ok(())
}
