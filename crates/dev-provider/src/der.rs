//! DER structures of keys and signatures

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// Returns the modulus and the exponent of a DER `RSAPublicKey` (RFC 8017 appendix A.1.1).
pub(crate) fn rsa_components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, _) = element(der, SEQUENCE)?;
    let (modulus, rest) = element(body, INTEGER)?;
    let (exponent, _) = element(rest, INTEGER)?;
    Some((unsigned(modulus), unsigned(exponent)))
}

/// Converts a raw ECDSA signature (RFC 7518 §3.4) to the DER that other protocols use (RFC 3279 §2.2.3).
pub(crate) fn ecdsa_signature(raw: &[u8]) -> Vec<u8> {
    let (r, s) = raw.split_at(raw.len() / 2);
    let body = [integer(r), integer(s)].concat();
    // P-384 yields at most 104 bytes, so one length byte is enough.
    let length = u8::try_from(body.len()).unwrap_or(u8::MAX);
    [&[SEQUENCE, length], body.as_slice()].concat()
}

fn integer(unsigned: &[u8]) -> Vec<u8> {
    let start = unsigned.iter().position(|&byte| byte != 0).unwrap_or(unsigned.len());
    let (_, digits) = unsigned.split_at(start);
    // In DER, a number whose first bit is set is negative.
    let pad: &[u8] = if digits.first().is_none_or(|&first| first >= 0x80) { &[0] } else { &[] };
    let length = u8::try_from(pad.len() + digits.len()).unwrap_or(u8::MAX);
    [&[INTEGER, length], pad, digits].concat()
}

/// Returns the content of the first element, if it has this tag, and the bytes that follow the element.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&[tag, short], rest) = der.split_first_chunk()?;
    let long_form = usize::from(short & 0x7f);
    let (length, rest) = if short < 0x80 {
        (long_form, rest)
    } else {
        let (digits, rest) = rest.split_at_checked(long_form)?;
        (digits.iter().fold(0, |length: usize, &digit| (length << 8) | usize::from(digit)), rest)
    };
    if tag == kind { rest.split_at_checked(length) } else { None }
}

/// Removes the zero byte that DER puts before a number whose first bit is set. RFC 7518 §6.3.1 leaves it out.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

#[cfg(test)]
mod tests {
    use super::ecdsa_signature;

    #[test]
    fn raw_signature_becomes_sequence_of_two_positive_integers() {
        let raw = [[0, 0x80], [0, 0x01]].concat();
        assert_eq!(ecdsa_signature(&raw), [0x30, 7, 2, 2, 0, 0x80, 2, 1, 1]);
    }
}
