//! Which grant, and which turn of it, does this refresh token speak for?
//!
//! A token names its grant and its generation under a MAC, so every used token is recognised as used for as long as
//! its grant is remembered, without keeping a list of used tokens that could overflow.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64_simd::URL_SAFE_NO_PAD;

pub(crate) struct RefreshTokens {
    key: hmac::Key,
}

/// What a genuine token says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) grant: String,
    pub(crate) generation: u64,
}

impl RefreshTokens {
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        Ok(Self { key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())? })
    }

    pub(crate) fn mint(&self, turn: &Turn) -> String {
        let said = format!("{}.{}", turn.grant, turn.generation);
        let tag = hmac::sign(&self.key, said.as_bytes());
        format!("{said}.{}", URL_SAFE_NO_PAD.encode_to_string(tag))
    }

    /// Nothing for a token that was not minted here.
    pub(crate) fn read(&self, token: &str) -> Option<Turn> {
        let (said, tag) = token.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode_to_vec(tag).ok()?;
        hmac::verify(&self.key, said.as_bytes(), &tag).ok()?;
        let (grant, generation) = said.split_once('.')?;
        Some(Turn { grant: grant.to_owned(), generation: generation.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{RefreshTokens, Turn};

    #[test]
    fn a_minted_token_reads_back_and_an_altered_one_does_not() {
        let tokens = RefreshTokens::generate().unwrap();
        let token = tokens.mint(&Turn { grant: "g".to_owned(), generation: 7 });
        assert_eq!(tokens.read(&token), Some(Turn { grant: "g".to_owned(), generation: 7 }));
        assert_eq!(tokens.read(&token.replacen(".7.", ".8.", 1)), None);
        assert_eq!(RefreshTokens::generate().unwrap().read(&token), None);
        assert_eq!(tokens.read("garbage"), None);
    }
}
