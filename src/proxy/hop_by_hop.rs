//! Hop-by-hop header fields (RFC 9110 §7.6.1)

use http::{HeaderMap, HeaderName, header};

use crate::access::field_names::members;

/// Fields that are removed even if `Connection` does not name them. `Trailer` and `Expect` are end-to-end and are
/// kept.
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

/// A body has a transfer coding (`gzip, chunked`) that cannot be declared to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnsupportedCoding;

/// Removes these fields and every field that `Connection` names.
pub(super) fn strip(headers: &mut HeaderMap) -> Result<(), UnsupportedCoding> {
    if members(headers, &header::TRANSFER_ENCODING).any(|coding| !coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(UnsupportedCoding);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // `Transfer-Encoding` overrides the length (RFC 9112 §6.3). A remaining length would let the two sides
        // disagree on the body's end.
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
    fn hop_by_hop_fields_are_removed_and_others_kept() {
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
    fn content_length_with_a_transfer_coding_is_removed() {
        let mut headers = map(&[("transfer-encoding", "Chunked"), ("content-length", "3")]);
        assert_eq!(strip(&mut headers), Ok(()));
        assert!(headers.is_empty());
    }

    #[test]
    fn transfer_coding_other_than_chunked_is_rejected() {
        assert_eq!(strip(&mut map(&[("transfer-encoding", "gzip, chunked")])), Err(UnsupportedCoding));
    }
}
