//! Compact encoding of a JWT in a cookie
//!
//! A JWT is the base64url text of three byte strings. Encoding that text in base64url again would make it a third
//! longer. So the three byte strings are stored, if encoding them returns exactly the same text. Otherwise the
//! signature would not survive, and the text itself is stored.

use base64_simd::URL_SAFE_NO_PAD;

use crate::access::token::TokenText;
use crate::secret::Secret;

/// A token as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed<'a> {
    /// Header, payload and signature, decoded.
    Parts([&'a [u8]; 3]),
    /// Any other text.
    Text(&'a str),
}

/// The decoded parts of a token that encode to the same text.
pub struct Parts([Vec<u8>; 3]);

impl Parts {
    /// Decodes the parts of a token. Returns `None` if encoding them would return another text.
    pub fn of(token: &str) -> Option<Self> {
        let mut texts = token.split('.');
        let parts = [texts.next()?, texts.next()?, texts.next()?];
        if texts.next().is_some() {
            return None;
        }
        let [header, payload, signature] = parts.map(|text| URL_SAFE_NO_PAD.decode_to_vec(text).ok());
        let parts = Self([header?, payload?, signature?]);
        (parts.encode() == token).then_some(parts)
    }

    fn encode(&self) -> String {
        self.0.each_ref().map(|part| URL_SAFE_NO_PAD.encode_to_string(part)).join(".")
    }

    /// Borrows the parts.
    pub fn packed(&self) -> Packed<'_> {
        Packed::Parts(self.0.each_ref().map(Vec::as_slice))
    }
}

impl<'a> Packed<'a> {
    /// The ID token of a session that stores none.
    pub const NONE: Self = Self::Text("");

    /// The token itself.
    pub fn secret(self) -> Option<Secret> {
        let mut text = Vec::new();
        self.text().write(&mut text);
        String::from_utf8(text).ok().map(Secret::new)
    }

    /// The token's text, for a writer.
    pub fn text(self) -> TokenText<'a> {
        match self {
            Self::Parts(parts) => TokenText::Parts(parts),
            Self::Text(text) => TokenText::Whole(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(token: &str) -> String {
        let parts = Parts::of(token);
        let packed = parts.as_ref().map_or(Packed::Text(token), Parts::packed);
        let mut written = Vec::new();
        packed.text().write(&mut written);
        assert_eq!(written.len(), packed.text().len());
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn non_canonical_token_is_stored_as_text() {
        assert!(Parts::of("eyJh.eyJz.c2ln").is_some());
        // The last character of `c2lnZh` holds bits that decoding drops: another text encodes the same bytes.
        for text in
            ["eyJh.eyJz.c2lnZh", "a.b.c", "eyJh.eyJz", "eyJh.eyJz.c2ln.c2ln", "opaque", "eyJh.eyJz.c2ln=", ""]
        {
            assert!(Parts::of(text).is_none(), "{text}");
            assert_eq!(round_trip(text), text);
        }
    }

    proptest! {
        #[test]
        fn token_text_survives_round_trip(token in "[A-Za-z0-9_=.-]{0,80}") {
            prop_assert_eq!(round_trip(&token), token);
        }
    }
}
