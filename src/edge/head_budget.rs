//! Size limit of the header fields of a reply that lets a request pass
//!
//! 1. A proxy refuses a request if the fields of the reply are larger than its buffer.
//! 2. Cookies are omitted first. The reply to the next request carries them.
//! 3. Then the largest field is omitted, until the rest fits. The log names it ([`Hint::FieldOmitted`]).
//!
//! [`Hint::FieldOmitted`]: crate::flow::audit::Hint::FieldOmitted

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// A field that was omitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedField {
    /// Its name.
    pub name: HeaderName,
    /// The size of its line, in bytes.
    pub bytes: usize,
}

/// Returns whether the fields and these cookies fit.
pub(super) fn fits(headers: &HeaderMap, cookies: &[HeaderValue], max_bytes: Option<usize>) -> bool {
    let Some(max) = max_bytes else { return true };
    let cookies = cookies.iter().map(|cookie| (&header::SET_COOKIE, cookie));
    headers.iter().chain(cookies).map(field_bytes).sum::<usize>() <= max
}

/// Empties the largest fields until the rest fits, and returns them.
///
/// An empty field replaces a client's field, so nothing that a client sent takes its place.
pub(super) fn omit_largest(headers: &mut HeaderMap, max_bytes: Option<usize>) -> Vec<OmittedField> {
    let mut omitted = Vec::new();
    while !fits(headers, &[], max_bytes) {
        let largest =
            headers.iter_mut().filter(|(_, value)| !value.is_empty()).max_by_key(|(_, value)| value.len());
        let Some((name, value)) = largest else { break };
        omitted.push(OmittedField { name: name.clone(), bytes: field_bytes((name, value)) });
        *value = HeaderValue::from_static("");
    }
    omitted
}

/// Returns the size of a header line in HTTP/1.1: name, colon, space, value and end of line.
fn field_bytes((name, value): (&HeaderName, &HeaderValue)) -> usize {
    name.as_str().len() + value.len() + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, usize)]) -> HeaderMap {
        let value = |size: &usize| HeaderValue::try_from("x".repeat(*size)).unwrap();
        fields.iter().map(|(name, size)| (HeaderName::from_static(name), value(size))).collect()
    }

    #[test]
    fn size_counts_every_byte_of_a_line() {
        let headers = headers(&[("a", 5)]);
        assert!(fits(&headers, &[], Some(10)) && !fits(&headers, &[], Some(9)));
        let cookie = [HeaderValue::from_static("b=c")];
        assert!(fits(&headers, &cookie, Some(27)) && !fits(&headers, &cookie, Some(26)));
        assert!(fits(&headers, &cookie, None));
    }

    #[test]
    fn largest_fields_are_emptied_until_the_rest_fits() {
        let mut fields = headers(&[("user", 10), ("token", 500), ("group", 300), ("cookie", 80)]);
        let names =
            |omitted: Vec<OmittedField>| omitted.into_iter().map(|field| field.name).collect::<Vec<_>>();
        assert_eq!(names(omit_largest(&mut fields.clone(), Some(1000))), Vec::<HeaderName>::new());
        assert_eq!(names(omit_largest(&mut fields.clone(), Some(500))), ["token"]);
        assert_eq!(names(omit_largest(&mut fields, Some(150))), ["token", "group"]);
        assert_eq!(fields["token"], "");
        assert_eq!(fields["user"].len(), 10);
        // Even empty fields do not fit.
        assert_eq!(omit_largest(&mut fields, Some(1)).len(), 2);
    }
}
