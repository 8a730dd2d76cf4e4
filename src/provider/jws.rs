//! Did the provider sign this?
//!
//! 1. Compact serialization: three parts of unpadded base64url, at most 64 KiB (RFC 7515 §7.1).
//! 2. The header is a JSON object, each member once.
//! 3. `alg` is one of the configured algorithms, and picks only among keys that are bound to it (RFC 8725 §3.1).
//! 4. `crit` is refused, whatever it names: no extension is understood here (RFC 7515 §4.1.11).
//! 5. `typ` is one that the caller expects, so that no token passes for another kind (RFC 8725 §3.11).
//! 6. The key comes from the provider's key set alone; `jwk`, `jku`, `x5c` and `x5u` are not looked at.
//! 7. The signature is verified over the bytes as they came; nothing of the payload is read before.

use aws_lc_rs::signature::ParsedPublicKey;
use base64_simd::URL_SAFE_NO_PAD;
use thiserror::Error;

use super::algorithm::Algorithm;
use super::json_object::UniqueJsonObject;
use super::keys::KeySet;

const MAX_BYTES: usize = 64 * 1024;

/// Which tokens are looked for.
pub(super) struct Kind<'a> {
    /// The algorithms that may have signed it.
    pub(super) algorithms: &'a [Algorithm],
    /// What `typ` may be, in lower case; absent is always good.
    pub(super) types: &'a [&'a str],
}

/// What was signed.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) payload: Vec<u8>,
    pub(super) algorithm: Algorithm,
}

/// Which rule a token breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum JwsError {
    #[error("it is longer than 64 KiB")]
    TooLong,
    #[error("it is not a signed token of three base64url parts")]
    NotCompact,
    #[error("its header is not a JSON object with each member once")]
    BadHeader,
    #[error("its alg is not one of provider.signing_algorithms")]
    AlgorithmNotAllowed,
    #[error("its header has crit, and no critical extension is understood")]
    CriticalExtension,
    #[error("its typ says that it is another kind of token")]
    WrongType,
    #[error("the provider publishes no key that its kid and alg fit")]
    UnknownKey,
    #[error("the provider publishes no key that its kid and alg fit, and newer keys cannot be had now")]
    KeysOutOfReach,
    #[error("it names no key, and none of the provider's keys verifies it")]
    NoKeyVerifies,
    #[error("its signature is wrong")]
    WrongSignature,
}

impl JwsError {
    /// Whether the provider may have begun to use a key that we have not seen.
    pub(super) fn may_be_a_new_key(self) -> bool {
        matches!(self, Self::UnknownKey | Self::NoKeyVerifies)
    }
}

/// Gives the payload of a token, if its signature is good.
pub(super) fn verify(token: &str, keys: &KeySet, kind: &Kind<'_>) -> Result<Signed, JwsError> {
    if token.len() > MAX_BYTES {
        return Err(JwsError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
    // A fourth part would be a dot in the payload, which the decoder refuses.
    let [header, payload, signature] = [decode(header)?, decode(payload)?, decode(signature)?];
    let header = UniqueJsonObject::read(&header).ok_or(JwsError::BadHeader)?;
    let algorithm = algorithm(&header, kind)?;
    let named = header.0.contains_key("kid");
    let candidates = match (named, header.text("kid")) {
        (true, None) => return Err(JwsError::BadHeader),
        (_, id) => keys.candidates(id, algorithm),
    };
    if candidates.is_empty() {
        return Err(JwsError::UnknownKey);
    }
    let verifies = |key: &&ParsedPublicKey| key.verify_sig(signed.as_bytes(), &signature).is_ok();
    if candidates.iter().any(verifies) {
        Ok(Signed { payload, algorithm })
    } else if named {
        Err(JwsError::WrongSignature)
    } else {
        Err(JwsError::NoKeyVerifies)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode_to_vec(part).map_err(|_| JwsError::NotCompact)
}

fn algorithm(header: &UniqueJsonObject, kind: &Kind<'_>) -> Result<Algorithm, JwsError> {
    let algorithm = header.text("alg").and_then(Algorithm::parse);
    let algorithm =
        algorithm.filter(|found| kind.algorithms.contains(found)).ok_or(JwsError::AlgorithmNotAllowed)?;
    if header.0.contains_key("crit") {
        return Err(JwsError::CriticalExtension);
    }
    let typed = header.0.contains_key("typ");
    let fits = |found: &str| kind.types.iter().any(|expected| found.eq_ignore_ascii_case(expected));
    if typed && !header.text("typ").is_some_and(fits) {
        return Err(JwsError::WrongType);
    }
    Ok(algorithm)
}
