//! Where do identifiers nobody can guess come from?

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64_simd::URL_SAFE_NO_PAD;

/// 256 random bits as base64url; fails only when the system has no randomness to give.
pub(crate) fn opaque() -> Result<String, Unspecified> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
}
