//! What can be wrong with the signature of an ID token, and with the shape of the whole (RFC 7515 §7.1)?

use super::faults;

/// What is changed: the bytes of the signature, the finished token, or the key.
pub(crate) enum Act {
    Bytes(fn(&mut Vec<u8>)),
    Whole(fn(&str) -> String),
    Stranger,
}

faults! {
    /// A wrong signature, or a token of another shape.
    SignatureFault: Act;
    Corrupted, "signature-corrupted", "C12, C13",
        "the last byte of the signature is another",
        Act::Bytes(|bytes| corrupt(bytes));
    Truncated, "signature-truncated", "refuse",
        "the second half of the signature is missing",
        Act::Bytes(|bytes| bytes.truncate(bytes.len() / 2));
    Empty, "signature-empty", "refuse", "the signature is empty, `alg` untouched", Act::Bytes(Vec::clear);
    Stranger, "signature-by-stranger", "C12, C13",
        "a key that was never published signs under the `kid` of the real one",
        Act::Stranger;
    Padded, "segments-padded", "refuse",
        "every segment has `=` at its end",
        Act::Whole(|token| token.split('.').map(|part| format!("{part}=")).collect::<Vec<_>>().join("."));
    Whitespace, "segments-whitespace", "refuse",
        "a line break stands after every dot",
        Act::Whole(|token| token.replace('.', ".\n"));
    TrailingBits, "segments-trailing-bits", "refuse",
        "the unused bits of the last character are set, where there are any",
        Act::Whole(trailing_bits);
    Two, "segments-two", "refuse",
        "the signature and its dot are missing",
        Act::Whole(|token| token.rsplit_once('.').map_or("", |(message, _)| message).to_owned());
    Four, "segments-four", "refuse", "a fourth segment follows", Act::Whole(|token| format!("{token}.AAAA"));
    Five, "segments-five", "refuse",
        "two more segments follow, as in a JWE",
        Act::Whole(|token| format!("{token}.AAAA.AAAA"));
}

impl SignatureFault {
    pub(crate) fn act(self) -> Act {
        self.action()
    }
}

fn corrupt(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}

/// The last character with its lowest bit flipped, which a lax decoder throws away.
fn trailing_bits(token: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let length = token.rsplit('.').next().map_or(0, str::len);
    let mut bytes = token.as_bytes().to_vec();
    if !length.is_multiple_of(4)
        && let Some(last) = bytes.last_mut()
        && let Some(value) = ALPHABET.iter().position(|letter| letter == last)
        && let Some(&other) = ALPHABET.get(value ^ 1)
    {
        *last = other;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
