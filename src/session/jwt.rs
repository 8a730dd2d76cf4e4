//! How does a JWT fit into a cookie without growing?
//!
//! A JWT is base64url text of three byte strings; base64url of that again would make it a third longer for nothing.
//! So the three byte strings are kept, if encoding them gives back exactly the text: else its signature would not
//! survive, and the text itself is kept.

use base64_simd::{Out, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// A token as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packed<'a> {
    /// Header, payload and signature, decoded.
    Parts(&'a [u8], &'a [u8], &'a [u8]),
    /// Any other text.
    Text(&'a str),
}

/// The decoded parts of a token that can be put together again.
pub struct Parts([Vec<u8>; 3]);

impl Parts {
    /// Takes a token apart; `None` where putting it together would give another text.
    pub fn of(token: &str) -> Option<Self> {
        let mut texts = token.split('.');
        let parts = [texts.next()?, texts.next()?, texts.next()?];
        if texts.next().is_some() {
            return None;
        }
        let [header, payload, signature] = parts.map(|text| URL_SAFE_NO_PAD.decode_to_vec(text).ok());
        let parts = Self([header?, payload?, signature?]);
        (parts.encoded() == token).then_some(parts)
    }

    fn encoded(&self) -> String {
        self.0.each_ref().map(|part| URL_SAFE_NO_PAD.encode_to_string(part)).join(".")
    }

    /// The same, borrowed.
    pub fn packed(&self) -> Packed<'_> {
        let [header, payload, signature] = &self.0;
        Packed::Parts(header, payload, signature)
    }
}

impl<'a> Packed<'a> {
    /// The token's text, written into `room`; `None` where there is too little.
    pub fn unpack<'r>(self, room: &'r mut [u8]) -> Option<&'r str>
    where
        'a: 'r,
    {
        let Self::Parts(header, payload, signature) = self else {
            let Self::Text(text) = self else { return None };
            return Some(text);
        };
        let mut end = 0;
        for (index, part) in [header, payload, signature].into_iter().enumerate() {
            if index > 0 {
                *room.get_mut(end)? = b'.';
                end += 1;
            }
            let length = URL_SAFE_NO_PAD.encoded_length(part.len());
            let place = room.get_mut(end..end.checked_add(length)?)?;
            let _written = URL_SAFE_NO_PAD.encode(part, Out::from_slice(place));
            end += length;
        }
        std::str::from_utf8(room.get(..end)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(token: &str) -> String {
        let parts = Parts::of(token);
        let packed = parts.as_ref().map_or(Packed::Text(token), Parts::packed);
        let mut room = vec![0; token.len()];
        packed.unpack(&mut room).unwrap().to_owned()
    }

    #[test]
    fn a_token_that_does_not_encode_canonically_is_kept_as_text() {
        assert!(Parts::of("eyJh.eyJz.c2ln").is_some());
        // The last character of each holds bits that decoding drops: another text encodes the same bytes.
        for odd in
            ["eyJh.eyJz.c2lnZh", "a.b.c", "eyJh.eyJz", "eyJh.eyJz.c2ln.c2ln", "opaque", "eyJh.eyJz.c2ln=", ""]
        {
            assert!(Parts::of(odd).is_none(), "{odd}");
            assert_eq!(round_trip(odd), odd);
        }
    }

    #[test]
    fn too_little_room_is_no_token() {
        let parts = Parts::of("eyJh.eyJz.c2ln").unwrap();
        assert_eq!(parts.packed().unpack(&mut [0; 13]), None);
    }

    proptest! {
        #[test]
        fn every_text_comes_back_as_it_was(token in "[A-Za-z0-9_=.-]{0,80}") {
            prop_assert_eq!(round_trip(&token), token);
        }
    }
}
