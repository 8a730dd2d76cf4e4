//! Refresh tokens
//!
//! A token contains its grant and its generation under a MAC. A spent token is therefore recognised for as long as
//! its grant is stored. No list of spent tokens is necessary, so none can overflow.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64_simd::URL_SAFE_NO_PAD;

pub(crate) struct RefreshTokens {
    key: hmac::Key,
}

/// The content of a genuine token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RefreshTokenContent {
    pub(crate) grant: String,
    pub(crate) generation: u64,
}

impl RefreshTokens {
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        Ok(Self { key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())? })
    }

    pub(crate) fn mint(&self, content: &RefreshTokenContent) -> String {
        let message = format!("{}.{}", content.grant, content.generation);
        let tag = hmac::sign(&self.key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode_to_string(tag))
    }

    /// Returns `None` if this provider did not issue the token.
    pub(crate) fn read(&self, token: &str) -> Option<RefreshTokenContent> {
        let (message, tag) = token.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode_to_vec(tag).ok()?;
        hmac::verify(&self.key, message.as_bytes(), &tag).ok()?;
        let (grant, generation) = message.split_once('.')?;
        Some(RefreshTokenContent { grant: grant.to_owned(), generation: generation.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{RefreshTokenContent, RefreshTokens};

    #[test]
    fn minted_token_is_readable_and_altered_token_is_not() {
        let tokens = RefreshTokens::generate().unwrap();
        let token = tokens.mint(&RefreshTokenContent { grant: "g".to_owned(), generation: 7 });
        assert_eq!(tokens.read(&token), Some(RefreshTokenContent { grant: "g".to_owned(), generation: 7 }));
        assert_eq!(tokens.read(&token.replacen(".7.", ".8.", 1)), None);
        assert_eq!(RefreshTokens::generate().unwrap().read(&token), None);
        assert_eq!(tokens.read("garbage"), None);
    }
}
