//! Media types that a client accepts (RFC 9110 §12.5.1)

use http::{HeaderMap, header};

use crate::access::field_names::{before, members};

/// The media type of a problem (RFC 9457 §3), and the one that most clients name instead.
const JSON: [&str; 2] = ["application/problem+json", "application/json"];

/// Returns whether a client accepts JSON: it names it, or a range that includes it, or it has no `Accept`.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::ACCEPT) {
        return true;
    }
    // The most specific range has precedence.
    let weights = [&JSON[..], &["application/*"], &["*/*"]].into_iter();
    let mut found = weights.filter_map(|names| {
        let matching = members(headers, &header::ACCEPT).filter(|range| is_one_of(range, names));
        matching.map(is_wanted).reduce(|one, other| one || other)
    });
    found.next().unwrap_or(false)
}

fn is_one_of(range: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| before(range, b';').eq_ignore_ascii_case(name.as_bytes()))
}

/// Returns whether the weight of a range is more than 0.
fn is_wanted(range: &[u8]) -> bool {
    let mut parameters = range.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
    let weight = parameters.find_map(|parameter| match parameter {
        [b'q' | b'Q', b'=', weight @ ..] => Some(weight),
        _ => None,
    });
    weight.is_none_or(|weight| weight.iter().any(|digit| matches!(digit, b'1'..=b'9')))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepts(lines: &[&'static str]) -> bool {
        let lines = lines.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line)));
        accepts_json(&lines.collect())
    }

    #[test]
    fn json_is_accepted_unless_the_client_excludes_it() {
        for lines in [
            &[][..],
            &["*/*"],
            &["application/json"],
            &["text/html, application/*;q=0.1"],
            &["text/plain", "Application/Problem+JSON; charset=utf-8"],
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            &["application/json;q=0, application/problem+json"],
        ] {
            assert!(accepts(lines), "{lines:?}");
        }
        for lines in [
            &[""][..],
            &["text/plain"],
            &["*/*;q=0"],
            &["*/*, application/json;q=0.0"],
            &["text/*", "image/png"],
        ] {
            assert!(!accepts(lines), "{lines:?}");
        }
    }
}
