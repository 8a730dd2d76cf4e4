//! Parameters of a request, as names and values

/// The maximum size of a form body in bytes.
pub(crate) const MAX_FORM_BYTES: usize = 64 * 1024;

/// The pairs of a query or a form body, in their order.
#[derive(Clone)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// Returns the value, if the name occurs once and the value is not empty. An empty value counts as omitted (RFC
    /// 6749 §3.1).
    pub(crate) fn single(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let first = values.next()?;
        (values.next().is_none() && !first.is_empty()).then_some(first)
    }

    /// Returns whether any name occurs twice, which RFC 6749 §3.1 and §3.2 forbid.
    pub(crate) fn has_repeats(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair.first() == pair.last())
    }

    /// Returns the words of a space-separated value.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        self.single(name).unwrap_or_default().split_ascii_whitespace().collect()
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Decodes one form-encoded value (RFC 6749 §2.3.1). Returns `None` if it contains an unencoded `&`.
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
    fn repeated_name_has_no_single_value() {
        let params = Params::parse(b"a=1&b=2&a=3&c=");
        assert!(params.has_repeats());
        assert_eq!((params.single("a"), params.single("b"), params.single("c")), (None, Some("2"), None));
    }

    #[test]
    fn component_is_decoded_as_form_value() {
        assert_eq!(decode_component("a%3Ab%25%2B+c%2F%C3%BC").as_deref(), Some("a:b%+ c/ü"));
        assert_eq!(decode_component("a&b"), None);
    }
}
