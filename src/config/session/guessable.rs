//! Detection of keys that are not random

/// 32 random bytes have at least this many different values, except less than once in 10^15.
const MIN_DISTINCT_BYTES: usize = 16;

/// Returns whether a key, or the text that encodes it, has a pattern that random bytes do not have.
pub(super) fn is_guessable(key: &[u8; 32], text: &str) -> bool {
    has_few_values(key) || is_printable(key) || has_constant_step(key) || has_constant_step(text.as_bytes())
}

fn has_few_values(key: &[u8]) -> bool {
    let mut values = key.to_vec();
    values.sort_unstable();
    values.dedup();
    values.len() < MIN_DISTINCT_BYTES
}

/// Returns whether the key is 32 characters of a keyboard: a passphrase in base64.
fn is_printable(key: &[u8]) -> bool {
    key.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

/// Returns whether most differences between neighbouring bytes are equal: `0123…`, `abcd…`, `2468…`.
fn has_constant_step(bytes: &[u8]) -> bool {
    let steps = bytes.iter().zip(bytes.iter().skip(1)).map(|(byte, next)| next.wrapping_sub(*byte));
    let mut counts = [0_usize; 256];
    for step in steps {
        if let Some(count) = counts.get_mut(usize::from(step)) {
            *count += 1;
        }
    }
    counts.iter().any(|count| count * 2 > bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_step(step: u8) -> [u8; 32] {
        let mut byte = 7_u8;
        std::array::from_fn(|_| {
            byte = byte.wrapping_add(step);
            byte
        })
    }

    #[test]
    fn invented_keys_are_guessable() {
        assert!(is_guessable(&[0; 32], "AAAA"));
        assert!(is_guessable(&from_step(1), ""));
        assert!(is_guessable(&from_step(253), ""));
        assert!(is_guessable(b"correct horse battery staple 123", ""));
        assert!(is_guessable(&[7; 32], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"));
    }

    #[test]
    fn generated_keys_are_not_guessable() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..1000 {
            let key = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()[0]
            });
            assert!(!is_guessable(&key, &base64_simd::URL_SAFE_NO_PAD.encode_to_string(key)));
        }
    }
}
