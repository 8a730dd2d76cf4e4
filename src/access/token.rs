//! Text of a token that may be stored in decoded parts

use base64_simd::URL_SAFE_NO_PAD;

/// A token, encoded only on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenText<'a> {
    /// Header, payload and signature of a JWS, decoded (RFC 7515 §7.1).
    Parts([&'a [u8]; 3]),
    /// Any other text.
    Whole(&'a str),
}

impl TokenText<'_> {
    /// Returns the length of the text in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Parts(parts) => {
                parts.iter().map(|part| URL_SAFE_NO_PAD.encoded_length(part.len())).sum::<usize>() + 2
            }
            Self::Whole(text) => text.len(),
        }
    }

    /// Returns whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the text to a buffer.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        match self {
            Self::Parts([header, payload, signature]) => {
                URL_SAFE_NO_PAD.encode_append(header, buffer);
                buffer.push(b'.');
                URL_SAFE_NO_PAD.encode_append(payload, buffer);
                buffer.push(b'.');
                URL_SAFE_NO_PAD.encode_append(signature, buffer);
            }
            Self::Whole(text) => buffer.extend_from_slice(text.as_bytes()),
        }
    }
}
