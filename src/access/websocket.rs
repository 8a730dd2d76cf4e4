//! WebSocket handshakes (RFC 6455 §4.1)
//!
//! 1. A request is a handshake if `Upgrade` lists `websocket` or, because some proxies strip that field, if
//!    `Sec-WebSocket-Key` is present. This rule is broad, because other rules protect each handshake.
//! 2. A message switches to WebSocket only if `Upgrade` is `websocket` and nothing else. Our own proxy opens a tunnel
//!    for no other message, and rule 1 matches each such message.

use http::{HeaderMap, HeaderValue, header};

use super::field_names::{has_bare_member, only_value};

/// The name of the protocol in `Upgrade`.
pub const WEBSOCKET: &str = "websocket";

/// Returns whether a request is a handshake, by rule 1.
pub fn is_handshake(headers: &HeaderMap) -> bool {
    headers.contains_key(header::SEC_WEBSOCKET_KEY) || has_bare_member(headers, &header::UPGRADE, WEBSOCKET)
}

/// Returns whether a request or response switches to WebSocket, by rule 2.
pub fn is_switch(headers: &HeaderMap) -> bool {
    let protocol = only_value(headers, &header::UPGRADE).map(HeaderValue::as_bytes);
    protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_is_a_handshake_but_not_each_handshake_is_a_switch() {
        for (fields, handshake, switch) in [
            (&[("upgrade", "WebSocket")][..], true, true),
            (&[("upgrade", "h2c, websocket")], true, false),
            (&[("upgrade", "websocket"), ("upgrade", "h2c")], true, false),
            (&[("upgrade", "h2c")], false, false),
            (&[("sec-websocket-key", "x")], true, false),
            (&[], false, false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, value.parse().unwrap());
            }
            assert_eq!((is_handshake(&headers), is_switch(&headers)), (handshake, switch), "{fields:?}");
        }
    }
}
