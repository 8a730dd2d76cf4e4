//! Parameters of a request, as names and values.

/// The most bytes that a form body may have.
pub(crate) const FORM_LIMIT: usize = 64 * 1024;

/// The pairs of a query or a form body, in their order.
#[derive(Clone)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The value, when the name occurs once and is not empty (RFC 6749 §3.1: empty is as omitted).
    pub(crate) fn once(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let first = values.next()?;
        (values.next().is_none() && !first.is_empty()).then_some(first)
    }

    /// Whether any name occurs twice, which RFC 6749 §3.1 and §3.2 forbid.
    pub(crate) fn has_repeats(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair.first() == pair.last())
    }

    /// The words of a space-separated value.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        self.once(name).unwrap_or_default().split_ascii_whitespace().collect()
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// One value decoded as a form would be (RFC 6749 §2.3.1); nothing when it holds a bare `&`.
pub(crate) fn decode_component(encoded: &str) -> Option<String> {
    if encoded.contains('&') {
        return None;
    }
    let field = format!("v={encoded}");
    form_urlencoded::parse(field.as_bytes()).next().map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Params, decode_component};

    #[test]
    fn a_repeated_name_has_no_single_value() {
        let params = Params::parse(b"a=1&b=2&a=3&c=");
        assert!(params.has_repeats());
        assert_eq!((params.once("a"), params.once("b"), params.once("c")), (None, Some("2"), None));
    }

    #[test]
    fn a_component_is_decoded_as_a_form_value() {
        assert_eq!(decode_component("a%3Ab%25%2B+c%2F%C3%BC").as_deref(), Some("a:b%+ c/ü"));
        assert_eq!(decode_component("a&b"), None);
    }
}
