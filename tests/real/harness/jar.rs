//! Cookies of one origin

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::SET_COOKIE;

/// The cookies that a browser stores. Only the attribute `Max-Age` has an effect. Keycloak's cookies are `Secure` even
/// over http: a browser accepts that on loopback, but a client library does not.
#[derive(Clone, Default)]
pub(crate) struct Jar(BTreeMap<String, Cookie>);

#[derive(Clone)]
struct Cookie {
    value: String,
    /// `None` if the cookie has no `Max-Age`.
    expires_at: Option<Instant>,
}

impl Cookie {
    fn is_valid(&self) -> bool {
        self.expires_at.is_none_or(|expires_at| Instant::now() < expires_at)
    }
}

impl Jar {
    /// Returns the value of a `Cookie` header, empty without cookies.
    pub(crate) fn line(&self) -> String {
        let pairs = self.0.iter().filter(|(_, cookie)| cookie.is_valid());
        pairs.map(|(name, cookie)| format!("{name}={}", cookie.value)).collect::<Vec<_>>().join("; ")
    }

    /// Returns the names and values of all cookies.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, cookie)| (name.as_str(), cookie.value.as_str()))
    }

    /// Stores the cookies of a response.
    pub(crate) fn store(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let mut attributes =
                attributes.split(';').filter_map(|attribute| attribute.trim().split_once('='));
            let age = attributes.find(|(attribute, _)| attribute.eq_ignore_ascii_case("max-age"));
            let age = age.map(|(_, seconds)| Duration::from_secs(seconds.parse().unwrap()));
            if age == Some(Duration::ZERO) {
                self.0.remove(name);
            } else {
                let expires_at = age.map(|age| Instant::now() + age);
                self.0.insert(name.to_owned(), Cookie { value: value.to_owned(), expires_at });
            }
        }
    }
}
