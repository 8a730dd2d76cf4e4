//! Random identifiers

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64_simd::URL_SAFE_NO_PAD;

/// Returns 256 random bits as base64url. Fails only if the operating system provides no randomness.
pub(crate) fn opaque() -> Result<String, Unspecified> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
}
