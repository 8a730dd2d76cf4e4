//! How are the few DER structures of keys read?

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// Modulus and exponent out of the DER of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
pub(crate) fn rsa_components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, _) = element(der, SEQUENCE)?;
    let (modulus, rest) = element(body, INTEGER)?;
    let (exponent, _) = element(rest, INTEGER)?;
    Some((unsigned(modulus), unsigned(exponent)))
}

/// The content of the element of this kind at the front, and what follows it.
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

/// DER puts a zero before a number whose first bit is set; RFC 7518 §6.3.1 leaves it out.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}
