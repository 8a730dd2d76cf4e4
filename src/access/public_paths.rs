//! Public paths, which pass without a session
//!
//! 1. A rule names methods, hosts and paths; all three must match. The query and the header fields are not compared.
//! 2. A path that two programs could read in two ways never matches. Such a path contains an empty segment before its
//!    end, or a segment of only dots and spaces. Or it contains `;`, `\`, an invalid escape, or a byte outside ASCII,
//!    escaped or not. Or it escapes a control character, or one of `/ \ . % ; # ?`.
//! 3. Each other path is compared byte for byte, without decoding or normalising.

use http::Method;
use thiserror::Error;

use super::origin::Origin;
use super::target::Target;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRule {
    /// The methods. An empty list matches no request.
    pub methods: Vec<Method>,
    /// The hosts in lower case. An empty list matches each served host.
    pub hosts: Vec<String>,
    /// The paths.
    pub paths: Vec<PublicPath>,
}

/// A path in a rule. `/favicon.ico` matches only that path; `/assets/` also matches each path below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPath(String);

/// A text that is not a path of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "it is not a path that begins with / and that all programs read alike, such as /favicon.ico or /assets/; patterns \
     and queries are not supported"
)]
pub struct AmbiguousPath;

impl PublicPath {
    /// Parses a path.
    pub fn parse(text: &str) -> Result<Self, AmbiguousPath> {
        let plain = is_unambiguous(text.as_bytes()) && !text.contains(['?', '#', '*']);
        if plain { Ok(Self(text.to_owned())) } else { Err(AmbiguousPath) }
    }

    /// Returns whether it matches every path.
    pub fn is_everything(&self) -> bool {
        self.0 == "/"
    }

    fn matches(&self, path: &[u8]) -> bool {
        if self.0.ends_with('/') { path.starts_with(self.0.as_bytes()) } else { path == self.0.as_bytes() }
    }
}

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicPaths(Vec<PublicRule>);

impl PublicPaths {
    /// Returns a set of these rules.
    pub fn new(rules: Vec<PublicRule>) -> Self {
        Self(rules)
    }

    /// Adds further rules.
    pub fn add(&mut self, Self(rules): Self) {
        self.0.extend(rules);
    }

    /// Returns whether a request passes without a session.
    pub fn matches(&self, method: &Method, origin: &Origin, target: Target<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let path = target.path();
        is_unambiguous(path)
            && self.0.iter().any(|rule| {
                rule.methods.contains(method)
                    && (rule.hosts.is_empty() || rule.hosts.iter().any(|host| host == origin.host()))
                    && rule.paths.iter().any(|public| public.matches(path))
            })
    }
}

/// Returns whether all programs read the same segments and characters in this path.
fn is_unambiguous(path: &[u8]) -> bool {
    let Some(path) = path.strip_prefix(b"/") else { return false };
    let mut segments = path.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if !is_plain_segment(segment) || is_dots(segment) || (segment.is_empty() && !is_last) {
            return false;
        }
    }
    true
}

/// Returns whether a segment consists of dots and escaped spaces.
///
/// Some programs ignore the spaces, and some accept more than two dots.
fn is_dots(segment: &[u8]) -> bool {
    let spaces = |rest: &[u8]| rest.starts_with(b"%20");
    let mut rest = segment;
    while let [_, tail @ ..] = rest {
        rest = match rest {
            [b'.', ..] => tail,
            _ if spaces(rest) => rest.get(3..).unwrap_or_default(),
            _ => return false,
        };
    }
    !segment.is_empty()
}

fn is_plain_segment(segment: &[u8]) -> bool {
    let mut rest = segment;
    while let [byte, tail @ ..] = rest {
        rest = match (*byte, tail) {
            (b'%', [high, low, tail @ ..]) if is_harmless_escape(*high, *low) => tail,
            (b'%' | b';' | b'\\' | 0..=b' ' | 0x7f.., _) => return false,
            _ => tail,
        };
    }
    true
}

/// Returns whether two digits escape a character without a special meaning in a path.
fn is_harmless_escape(high: u8, low: u8) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let Some(byte) = digit(high).zip(digit(low)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
    else {
        return false;
    };
    byte.is_ascii()
        && !byte.is_ascii_control()
        && !matches!(byte, b'/' | b'\\' | b'.' | b'%' | b';' | b'#' | b'?')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(methods: &[Method], hosts: &[&str], paths: &[&str]) -> PublicPaths {
        PublicPaths::new(vec![PublicRule {
            methods: methods.to_vec(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            paths: paths.iter().map(|path| PublicPath::parse(path).unwrap()).collect(),
        }])
    }

    fn is_public(rules: &PublicPaths, target: &str) -> bool {
        let origin = Origin::parse("https://app.test").unwrap();
        rules.matches(&Method::GET, &origin, Target::parse(target.as_bytes()).unwrap())
    }

    #[test]
    fn rule_path_matches_itself_or_with_a_final_slash_all_below() {
        let rules = rules(&[Method::GET], &[], &["/favicon.ico", "/assets/"]);
        for public in [
            "/favicon.ico",
            "/favicon.ico?v=1",
            "/assets/",
            "/assets/a/b.js",
            "/assets/a%20b",
            "/assets/ü%C3",
        ]
        .into_iter()
        .filter(|target| target.is_ascii())
        {
            assert!(is_public(&rules, public), "{public}");
        }
        for private in [
            "/",
            "/favicon.ico/",
            "/favicon.icon",
            "/Favicon.ico",
            "/assets",
            "/assetsx/",
            "/?/assets/",
            "/x?/favicon.ico",
        ] {
            assert!(!is_public(&rules, private), "{private}");
        }
    }

    #[test]
    fn ambiguous_path_is_never_public() {
        let rules = rules(&[Method::GET], &[], &["/", "/assets/"]);
        for odd in [
            "/assets/../admin",
            "/assets/..",
            "/assets/.",
            "/assets/./x",
            "/assets//x",
            "//assets/",
            "/assets/%2e%2e/admin",
            "/assets/%2E%2e/x",
            "/assets/..%2fadmin",
            "/assets/%2fx",
            "/assets/%5cx",
            "/assets/%00",
            "/assets/%0a",
            "/assets/%252e",
            "/assets/x;y",
            "/assets/%3bx",
            "/assets/\\x",
            "/assets/%",
            "/assets/%4",
            "/assets/%zz",
            "/assets/%u002e",
            "/assets/...",
            "/assets/..%20/x",
            "/assets/%20../x",
            "/assets/.%20.",
            "/assets/%20/x",
            "/assets/%c0%ae%c0%ae/x",
            "/assets/%ef%bc%8e%ef%bc%8e/x",
            "/assets/%e2%80%a5/x",
            "/assets/ü",
            "/assets/%23",
            "/assets/%3fx",
            "/assets/%7f",
        ] {
            assert!(!is_public(&rules, odd), "{odd}");
        }
        assert!(is_public(&rules, "/assets/x") && is_public(&rules, "/any"));
    }

    #[test]
    fn rule_compares_method_and_host() {
        let rules = rules(&[Method::HEAD], &["app.test"], &["/a"]);
        let (origin, other) =
            (Origin::parse("https://app.test").unwrap(), Origin::parse("https://b.test").unwrap());
        let target = Target::parse(b"/a").unwrap();
        assert!(rules.matches(&Method::HEAD, &origin, target));
        assert!(!rules.matches(&Method::GET, &origin, target));
        assert!(!rules.matches(&Method::HEAD, &other, target));
    }

    #[test]
    fn rule_with_an_ambiguous_path_is_rejected() {
        for bad in ["", "a", "/a?b", "/a#b", "/*", "/a/../b", "//", "/a%2fb", "/ä"] {
            assert_eq!(PublicPath::parse(bad), Err(AmbiguousPath), "{bad}");
        }
        assert!(PublicPath::parse("/").unwrap().is_everything());
    }

    proptest! {
        /// A public path stays below the path of its rule if a program decodes it repeatedly and resolves dots.
        #[test]
        fn public_path_stays_below_the_path_of_its_rule(rest in "[a-z./%2eEfF5cC;\\\\?0-9]{0,24}") {
            let rules = rules(&[Method::GET], &[], &["/open/"]);
            let target = format!("/open/{rest}");
            if is_public(&rules, &target) {
                let mut path = target.split('?').next().unwrap().to_owned();
                for _ in 0..3 {
                    let url = url::Url::parse(&format!("http://a{path}")).unwrap();
                    prop_assert!(url.path().starts_with("/open/"), "{}", url.path());
                    path = percent_decode(&path);
                }
            }
        }
    }

    fn percent_decode(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [byte, tail @ ..] = rest {
            rest = match (byte, tail) {
                (b'%', [high, low, tail @ ..]) => {
                    let digits = [*high, *low];
                    let byte =
                        std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                    bytes.extend(byte);
                    tail
                }
                (byte, tail) => {
                    bytes.push(*byte);
                    tail
                }
            };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
