//! The header fields that concern one connection alone (RFC 9110 §7.6.1).

use http::{HeaderMap, HeaderName, header};

use crate::access::field_names::members;

/// Removed whether `Connection` names them or not; `Trailer` and `Expect` are for the far end and stay.
static FIELDS: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// A body is coded in a way (`gzip, chunked`) that could not be told to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ForeignCoding;

/// Removes them, and every field that `Connection` names.
pub(super) fn strip(headers: &mut HeaderMap) -> Result<(), ForeignCoding> {
    if members(headers, &header::TRANSFER_ENCODING).any(|coding| !coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(ForeignCoding);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // It overrides the length (RFC 9112 §6.3), which kept alone would let the two sides disagree on the body's end.
        headers.remove(header::CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> =
        members(headers, &header::CONNECTION).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
    for name in FIELDS.iter().chain(&named) {
        headers.remove(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn what_concerns_the_connection_goes_and_the_rest_stays() {
        let mut headers = map(&[
            ("connection", "close, x-one"),
            ("connection", "X-TWO ,, keep-alive"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("trailer", "x-sum"),
            ("accept", "*/*"),
        ]);
        assert_eq!(strip(&mut headers), Ok(()));
        assert_eq!(headers, map(&[("trailer", "x-sum"), ("accept", "*/*")]));
    }

    #[test]
    fn a_length_beside_a_transfer_coding_does_not_survive() {
        let mut headers = map(&[("transfer-encoding", "Chunked"), ("content-length", "3")]);
        assert_eq!(strip(&mut headers), Ok(()));
        assert!(headers.is_empty());
    }

    #[test]
    fn a_coding_that_cannot_be_passed_on_is_refused() {
        assert_eq!(strip(&mut map(&[("transfer-encoding", "gzip, chunked")])), Err(ForeignCoding));
    }
}
