//! Does this verifier answer that challenge (RFC 7636, S256 only)?

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;

/// Whether a challenge has the one shape S256 can give: 43 base64url characters.
pub(crate) fn is_challenge(challenge: &str) -> bool {
    challenge.len() == 43
        && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether the verifier is well formed (RFC 7636 §4.1) and hashes to the challenge.
pub(crate) fn answers(verifier: &str, challenge: &str) -> bool {
    let well_formed = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let hashed = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, verifier.as_bytes()));
    well_formed && verify_slices_are_equal(hashed.as_bytes(), challenge.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{answers, is_challenge};

    // The pair of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_rfc_pair_answers() {
        assert!(is_challenge(CHALLENGE));
        assert!(answers(VERIFIER, CHALLENGE));
    }

    #[test]
    fn a_plain_verifier_answers_nothing() {
        assert!(!answers(CHALLENGE, CHALLENGE));
        assert!(!answers("", CHALLENGE));
    }
}
