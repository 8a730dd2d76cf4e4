//! Claim paths
//!
//! 1. A path with dots names a claim inside other claims, such as `realm_access.roles`. If the token has a claim with the
//!    whole text as its name, it names that claim.
//! 2. A path that begins with `/` is a JSON pointer (RFC 6901): `/resource_access/my.client/roles`.
//! 3. A path that begins with a URI scheme and `://` is the name of one claim: `https://example.com/roles`.

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::value::{Claim, Claims};

/// Separates the namespace of a claim's name from the rest: `https://example.com/email`, `urn:example:email`.
const NAMESPACE_SEPARATORS: [char; 4] = ['/', ':', '.', '#'];

/// The path of a claim.
#[derive(Clone, Debug)]
pub struct ClaimPath {
    /// The text as configured, which is the name of the claim itself if the token has such a claim.
    written: [String; 1],
    steps: Vec<String>,
    is_dotted: bool,
}

/// Why a text is not a claim path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClaimPathError {
    /// A name is empty.
    #[error("it has an empty step, so it names no claim")]
    EmptyStep,
    /// `://` is not at the start, so it is not clear where the name with the URI begins.
    #[error("it has a URI that is not at its start")]
    UriInside {
        /// The JSON pointer that the operator probably means.
        pointer: String,
    },
}

impl ClaimPath {
    /// Parses a path.
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        let path = |steps: Vec<String>, is_dotted| {
            let is_empty = steps.iter().any(String::is_empty);
            let path = Self { written: [text.to_owned()], steps, is_dotted };
            if is_empty { Err(ClaimPathError::EmptyStep) } else { Ok(path) }
        };
        if let Some((scheme, _)) = text.split_once("://") {
            return if is_scheme(scheme) {
                path(vec![text.to_owned()], false)
            } else {
                Err(uri_inside(text))
            };
        }
        match text.strip_prefix('/') {
            Some(pointer) => path(pointer.split('/').map(unescape).collect(), false),
            None => path(text.split('.').map(str::to_owned).collect(), text.contains('.')),
        }
    }

    /// Returns the last part of each name in the path, without the namespace: `roles` of `https://example.com/roles`.
    pub fn local_names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|name| local_name(name))
    }

    /// Returns where these claims have the claim, or would have it: the names of the enclosing objects, and last its own.
    pub(super) fn location(&self, claims: &Claims) -> &[String] {
        let [name] = &self.written;
        if self.is_dotted && claims.contains_key(name) { &self.written } else { &self.steps }
    }

    /// Returns the value.
    pub(super) fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Claim> {
        let (name, parents) = self.location(claims).split_last()?;
        let mut object = claims;
        for parent in parents {
            let Claim::Object(inner) = object.get(parent)? else { return None };
            object = inner;
        }
        object.get(name)
    }

    /// Returns the names that the outermost claim of the path may have.
    pub fn outermost_names(&self) -> impl Iterator<Item = &str> {
        let literal = self.written.iter().filter(|_| self.is_dotted);
        self.steps.iter().take(1).chain(literal).map(String::as_str)
    }

    /// Returns whether the claims have neither the claim nor the outermost object that would enclose it.
    pub(super) fn is_absent(&self, claims: &Claims) -> bool {
        !self.outermost_names().any(|name| claims.contains_key(name))
    }
}

impl Display for ClaimPath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [text] = &self.written;
        f.write_str(text)
    }
}

/// Returns a name without its namespace. A separator at the end does not hide the last part.
pub(super) fn local_name(name: &str) -> &str {
    let name = name.trim_end_matches(NAMESPACE_SEPARATORS);
    name.rsplit(NAMESPACE_SEPARATORS).next().unwrap_or_default()
}

/// Returns whether a text is the scheme of a URI (RFC 3986 §3.1). A dot would end a step of the path instead.
fn is_scheme(text: &str) -> bool {
    let rest = text.strip_prefix(|first: char| first.is_ascii_alphabetic());
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-')))
}

/// Returns the error for a path with `://` inside. The name with the URI begins after the last dot or slash before it.
fn uri_inside(text: &str) -> ClaimPathError {
    let (before, rest) = text.split_once("://").unwrap_or((text, ""));
    let separator = if text.starts_with('/') { '/' } else { '.' };
    let (parents, scheme) = before.rsplit_once(separator).unwrap_or(("", before));
    let parents = parents.strip_prefix('/').unwrap_or(parents);
    let parents = parents.split(separator).filter(|step| !step.is_empty());
    let parents = parents.map(|step| if separator == '/' { step.to_owned() } else { escape(step) });
    let name = escape(&format!("{scheme}://{rest}"));
    let pointer = parents.chain([name]).fold(String::new(), |pointer, step| pointer + "/" + &step);
    ClaimPathError::UriInside { pointer }
}

fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(names: &[&str]) -> Claims {
        names.iter().map(|name| ((*name).to_owned(), Claim::Flag(true))).collect()
    }

    fn location(path: &str, claims: &Claims) -> Vec<String> {
        ClaimPath::parse(path).unwrap().location(claims).to_vec()
    }

    #[test]
    fn path_with_dots_names_the_literal_claim_first() {
        let both = claims(&["a.b", "a"]);
        assert_eq!(location("a.b", &both), ["a.b"]);
        assert_eq!(location("a.b", &claims(&["a"])), ["a", "b"]);
        assert_eq!(location("/a/b", &both), ["a", "b"], "a JSON pointer has one meaning");
        assert_eq!(location("/a.b/c~1d~0e~01", &both), ["a.b", "c/d~e~1"]);
    }

    #[test]
    fn path_that_begins_with_a_uri_is_one_name() {
        for uri in ["https://example.com/roles", "x+y-z://a.b/c.d://e", "https://"] {
            assert_eq!(location(uri, &Claims::new()), [uri]);
        }
    }

    #[test]
    fn uri_inside_a_path_names_the_json_pointer_to_write() {
        for (text, right) in [
            ("app.https://example.com/roles", "/app/https:~1~1example.com~1roles"),
            ("a.b~c.urn+x://d~e/f", "/a/b~0c/urn+x:~1~1d~0e~1f"),
            ("/app/https://example.com/roles", "/app/https:~1~1example.com~1roles"),
            ("/a~1b/https://c", "/a~1b/https:~1~1c"),
            ("1a://x", "/1a:~1~1x"),
            ("://x", "/:~1~1x"),
        ] {
            let Err(ClaimPathError::UriInside { pointer }) = ClaimPath::parse(text) else { panic!("{text}") };
            assert_eq!(pointer, right, "{text}");
            assert!(ClaimPath::parse(&pointer).is_ok(), "{text}: {pointer}");
        }
    }

    #[test]
    fn path_with_an_empty_step_is_rejected() {
        for text in ["", "a..b", ".a", "a.", "/", "/a//b", "//a"] {
            assert_eq!(ClaimPath::parse(text).unwrap_err(), ClaimPathError::EmptyStep, "{text}");
        }
    }

    #[test]
    fn namespace_does_not_hide_the_local_name() {
        for name in [
            "email",
            "https://example.com/email",
            "https://example.com/email/",
            "https://example.com/claims#email",
            "urn:example:email",
            "user.email",
        ] {
            assert_eq!(local_name(name), "email", "{name}");
        }
        assert_eq!(local_name("https://"), "https");
        assert_eq!(local_name("/"), "");
    }

    #[test]
    fn claim_is_absent_only_without_its_outermost_object() {
        let path = ClaimPath::parse("a.b").unwrap();
        assert!(path.is_absent(&claims(&["b"])));
        assert!(!path.is_absent(&claims(&["a"])) && !path.is_absent(&claims(&["a.b"])));
        assert!(ClaimPath::parse("/a/b").unwrap().is_absent(&claims(&["a.b"])));
    }
}
