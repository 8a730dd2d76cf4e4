//! Which application do we stand in front of ourselves?

use std::net::SocketAddr;

use url::Url;

use super::checks::{absolute_url, socket};
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};

pub(super) const SECTION: Section = Section {
    path: "upstream",
    example: "",
    about: "One application to pass requests to, where no other proxy does that.",
    keys: &[Key {
        name: "url",
        kind: Kind::Text,
        need: Need::Optional("\"http://127.0.0.1:4466\""),
        about: "The application's address: plain http, host and port. Without it the gateway answers the \
                proxy's questions and passes nothing on.",
        right: "host and port of the application, by plain http and without a path, such as http://127.0.0.1:4466",
    }],
};

/// The application, where we are the proxy.
pub struct Upstream {
    /// `http://host:port/`: no path, no query.
    pub url: Url,
}

impl Upstream {
    pub(super) fn read(reader: &mut Reader) -> Result<Option<Self>, Reported> {
        let own: Vec<SocketAddr> = ["public.listen", "check.listen", "ops.listen"]
            .iter()
            .filter_map(|key| reader.text(key).and_then(|text| socket(&text).ok()))
            .collect();
        let url = reader.may("upstream.url", |text| read_url(text, &own))?;
        Ok(url.map(|url| Self { url }))
    }
}

fn read_url(text: &str, own: &[SocketAddr]) -> Result<Url, Wrong> {
    let url = absolute_url(text)?;
    if url.scheme() != "http" {
        return Err(Wrong::new("TLS to the application is not offered"));
    }
    if url.path() != "/" {
        return Err(Wrong::new("it has a path, and requests keep their own"));
    }
    if literal(&url).is_some_and(|address| own.contains(&address)) {
        return Err(Wrong::new("it is this gateway itself, so that requests would go round in circles"));
    }
    Ok(url)
}

/// The address, where it is written as one: names are not looked up here.
fn literal(url: &Url) -> Option<SocketAddr> {
    format!("{}:{}", url.host_str()?, url.port_or_known_default()?).parse().ok()
}
