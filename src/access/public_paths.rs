//! Which requests pass without a session?
//!
//! 1. A rule names methods, hosts and paths; all three must match. Neither the query nor any header takes part.
//! 2. A path that two programs could read in two ways never matches: a segment of nothing but dots and spaces, an empty
//!    segment, `;`, `\`, bytes outside ASCII however they are written, a broken escape, or one that hides a control
//!    character or one of `/ \ . % ; # ?`.
//! 3. Everything else is compared byte for byte: nothing is decoded, nothing is normalised.

use http::Method;
use thiserror::Error;

use super::origin::Origin;
use super::target::Target;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRule {
    /// The methods; none means none.
    pub methods: Vec<Method>,
    /// The hosts in lower case; an empty list means every host of ours.
    pub hosts: Vec<String>,
    /// The paths.
    pub paths: Vec<PublicPath>,
}

/// A path as a rule names it: `/favicon.ico` is that path alone, `/assets/` is everything below it as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPath(String);

/// A text that is no path of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "it is no path that begins with / and that every program reads alike, such as /favicon.ico or /assets/; there are no patterns and no queries"
)]
pub struct Ambiguous;

impl PublicPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, Ambiguous> {
        let plain = is_unambiguous(text.as_bytes()) && !text.contains(['?', '#', '*']);
        if plain { Ok(Self(text.to_owned())) } else { Err(Ambiguous) }
    }

    /// Whether it stands for every path there is.
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
    /// Takes the rules over.
    pub fn new(rules: Vec<PublicRule>) -> Self {
        Self(rules)
    }

    /// Whether a request passes without a session.
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

/// Whether every program splits this path into the same segments, and finds the same characters in them.
fn is_unambiguous(path: &[u8]) -> bool {
    let Some(path) = path.strip_prefix(b"/") else { return false };
    let mut segments = path.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if !is_plain(segment) || is_dots(segment) || (segment.is_empty() && !is_last) {
            return false;
        }
    }
    true
}

/// Dots, which some programs find behind spaces too, or more than two of them.
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

fn is_plain(segment: &[u8]) -> bool {
    let mut rest = segment;
    while let [byte, tail @ ..] = rest {
        rest = match (*byte, tail) {
            (b'%', [high, low, tail @ ..]) if hides_nothing(*high, *low) => tail,
            (b'%' | b';' | b'\\' | 0..=b' ' | 0x7f.., _) => return false,
            _ => tail,
        };
    }
    true
}

/// Whether two digits are an escape of a character that means nothing in a path.
fn hides_nothing(high: u8, low: u8) -> bool {
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
    fn a_path_is_itself_or_everything_below() {
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
    fn a_path_that_can_be_read_two_ways_is_never_public() {
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
    fn method_and_host_take_part() {
        let rules = rules(&[Method::HEAD], &["app.test"], &["/a"]);
        let (origin, other) =
            (Origin::parse("https://app.test").unwrap(), Origin::parse("https://b.test").unwrap());
        let target = Target::parse(b"/a").unwrap();
        assert!(rules.matches(&Method::HEAD, &origin, target));
        assert!(!rules.matches(&Method::GET, &origin, target));
        assert!(!rules.matches(&Method::HEAD, &other, target));
    }

    #[test]
    fn a_rule_names_a_plain_path() {
        for bad in ["", "a", "/a?b", "/a#b", "/*", "/a/../b", "//", "/a%2fb", "/ä"] {
            assert_eq!(PublicPath::parse(bad), Err(Ambiguous), "{bad}");
        }
        assert!(PublicPath::parse("/").unwrap().is_everything());
    }

    proptest! {
        /// What passes stays below the rule's path however often a program decodes and however it resolves dots.
        #[test]
        fn no_public_path_leads_out(rest in "[a-z./%2eEfF5cC;\\\\?0-9]{0,24}") {
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
