//! Application to which the gateway itself forwards requests

use std::net::SocketAddr;

use url::Url;

use super::checks::{absolute_url, socket};
use super::key::{Key, Kind, Need, Section};
use super::listeners::LISTENERS;
use super::reader::Reader;
use super::report::{Reported, Wrong};

pub(super) const SECTION: Section = Section {
    path: "upstream",
    example: "",
    about: "One application to which the gateway forwards requests, if no other proxy does that.",
    keys: &[Key {
        name: "url",
        kind: Kind::Text,
        need: Need::Optional("\"http://127.0.0.1:4466\""),
        about: "The application's address: plain http, host and port. Without this key, the gateway answers the \
                checks of the proxy and forwards nothing.",
        right: "host and port of the application, with plain http and without a path, such as http://127.0.0.1:4466",
    }],
};

/// The application, if the gateway is its proxy.
pub struct Upstream {
    /// `http://host:port/`, without path and query.
    pub url: Url,
}

impl Upstream {
    pub(super) fn read(reader: &mut Reader) -> Result<Option<Self>, Reported> {
        let own: Vec<SocketAddr> =
            LISTENERS.iter().filter_map(|key| reader.text(key).and_then(|text| socket(&text).ok())).collect();
        let url = reader.read_optional("upstream.url", |text| read_url(text, &own))?;
        Ok(url.map(|url| Self { url }))
    }
}

fn read_url(text: &str, own: &[SocketAddr]) -> Result<Url, Wrong> {
    let url = absolute_url(text)?;
    if url.scheme() != "http" {
        return Err(Wrong::new("TLS to the application is not supported"));
    }
    if url.path() != "/" {
        return Err(Wrong::new("it has a path, but requests keep their own path"));
    }
    if literal_address(&url).is_some_and(|address| own.contains(&address)) {
        return Err(Wrong::new("it is this gateway itself, so requests would be forwarded in a loop"));
    }
    Ok(url)
}

/// Returns the address of a URL whose host is an IP address. Names are not resolved.
fn literal_address(url: &Url) -> Option<SocketAddr> {
    format!("{}:{}", url.host_str()?, url.port_or_known_default()?).parse().ok()
}
