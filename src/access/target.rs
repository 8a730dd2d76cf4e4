//! Request target: path and query, as the application reads them

use thiserror::Error;

/// More bytes than any documented proxy forwards.
const MAX_BYTES: usize = 16 * 1024;

/// A request target in origin form (RFC 9112 §3.2.1).
///
/// It begins with `/` and contains no space, control character or fragment. Bytes outside ASCII in the query are
/// kept, because proxies forward them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a>(&'a [u8]);

/// Why bytes are not a request target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// The absolute, authority and asterisk forms are not for an application behind a proxy.
    #[error("the request target does not begin with /")]
    NotOriginForm,
    /// The target contains a space, a control character or `#`.
    #[error("the request target contains a space, a control character or #")]
    Byte,
    /// The target is longer than 16 KiB.
    #[error("the request target is longer than 16 KiB")]
    TooLong,
}

impl<'a> Target<'a> {
    /// Parses a target from a request line or a forwarded header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TargetError> {
        if bytes.len() > MAX_BYTES {
            return Err(TargetError::TooLong);
        }
        if bytes.first() != Some(&b'/') {
            return Err(TargetError::NotOriginForm);
        }
        // Without an early return, the compiler can vectorise the loop.
        let odd = bytes.iter().fold(0, |odd, &byte| odd | u8::from(matches!(byte, 0..=b' ' | 0x7f | b'#')));
        if odd != 0 {
            return Err(TargetError::Byte);
        }
        Ok(Self(bytes))
    }

    /// Returns the bytes, unchanged.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the path, without the query.
    pub fn path(self) -> &'a [u8] {
        self.0.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    /// Returns the target as ASCII text: bytes outside ASCII are percent-encoded, all others unchanged.
    pub fn to_ascii(self) -> String {
        let mut text = String::with_capacity(self.0.len());
        for &byte in self.0 {
            if byte.is_ascii() {
                text.push(char::from(byte));
            } else {
                text.push('%');
                text.push(hex(byte >> 4));
                text.push(hex(byte & 0xf));
            }
        }
        text
    }
}

fn hex(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_must_have_origin_form_and_no_control_bytes() {
        assert_eq!(Target::parse(b"/a?b=c").unwrap().as_bytes(), b"/a?b=c");
        assert_eq!(Target::parse(b""), Err(TargetError::NotOriginForm));
        assert_eq!(Target::parse(b"*"), Err(TargetError::NotOriginForm));
        assert_eq!(Target::parse(b"http://a/"), Err(TargetError::NotOriginForm));
        for bad in [&b"/a b"[..], b"/a\tb", b"/a\0", b"/a#b", b"/\x7f", b"/a\r\nb"] {
            assert_eq!(Target::parse(bad), Err(TargetError::Byte));
        }
    }

    #[test]
    fn bytes_outside_ascii_are_percent_encoded() {
        assert_eq!(Target::parse("/a?q=ü%20".as_bytes()).unwrap().to_ascii(), "/a?q=%C3%BC%20");
    }
}
