//! Faults of the signature and of the segments of an ID token (RFC 7515 §7.1)

use super::faults;

/// The change that a fault makes: to the bytes of the signature, to the complete token, or to the key.
pub(crate) enum Act {
    Bytes(fn(&mut Vec<u8>)),
    Whole(fn(&str) -> String),
    UnpublishedKey,
}

faults! {
    /// A faulty signature, or a token with faulty segments.
    SignatureFault: Act;
    Corrupted, "signature-corrupted", "C12, C13",
        "the last byte of the signature is changed",
        Act::Bytes(|bytes| corrupt(bytes));
    Truncated, "signature-truncated", "refuse",
        "the second half of the signature is missing",
        Act::Bytes(|bytes| bytes.truncate(bytes.len() / 2));
    Empty, "signature-empty", "refuse", "the signature is empty, and `alg` is unchanged", Act::Bytes(Vec::clear);
    Stranger, "signature-by-stranger", "C12, C13",
        "an unpublished key signs under the `kid` of the real one",
        Act::UnpublishedKey;
    Padded, "segments-padded", "refuse",
        "every segment has `=` at its end",
        Act::Whole(|token| token.split('.').map(|part| format!("{part}=")).collect::<Vec<_>>().join("."));
    Whitespace, "segments-whitespace", "refuse",
        "a line break follows every dot",
        Act::Whole(|token| token.replace('.', ".\n"));
    TrailingBits, "segments-trailing-bits", "refuse",
        "the unused bits of the last character are set, if there are any",
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

/// Flips the lowest bit of the last character, which a lax decoder discards.
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
