//! Application to which the gateway itself forwards requests

use std::net::SocketAddr;

use http::HeaderValue;
use http::uri::Authority;
use url::Url;

use super::checks::{absolute_url, read_certificates, socket};
use super::key::{Key, Kind, Need, Section};
use super::listeners::LISTENERS;
use super::reader::Reader;
use super::report::{Reported, Wrong};

pub(super) const SECTION: Section = Section {
    path: "upstream",
    example: "",
    about: "One application to which the gateway forwards requests, if no other proxy does that.",
    keys: &[
        Key {
            name: "url",
            kind: Kind::Text,
            need: Need::Optional("\"http://127.0.0.1:4466\""),
            about: "The application's address: http or https, host and port. Without this key, the gateway answers \
                    the checks of the proxy and forwards nothing.",
            right: "scheme, host and port of the application, without a path, such as http://127.0.0.1:4466",
        },
        Key {
            name: "ca_file",
            kind: Kind::Text,
            need: Need::Optional("\"/etc/foregate/upstream-ca.pem\""),
            about: "A PEM file with the certificate authorities of an application with https. Only these are then \
                    trusted for it. Without this key, the system's authorities are.",
            right: "the path of a file with PEM certificates that this process may read",
        },
        Key {
            name: "host",
            kind: Kind::Text,
            need: Need::Optional("\"preserve\""),
            about: "The Host that the application receives: \"preserve\" sends the host of the public URL, \
                    \"upstream\" the host of upstream.url, and any other text is the host itself. Without this key, \
                    an application on a loopback address receives its own host, because Headlamp refuses any other \
                    there. Every other application receives the public host.",
            right: "preserve, upstream, or a host with an optional port, such as app.internal:8080",
        },
    ],
};

/// The application, if the gateway is its proxy.
pub struct Upstream {
    /// `http://host:port/` or `https://host:port/`, without path and query.
    pub url: Url,
    /// The certificates to trust for it, or `None` for those of the system.
    pub ca_pem: Option<Vec<u8>>,
    /// The `Host` that the application receives, or `None` if it is that of the public origin.
    pub host: Option<HeaderValue>,
}

impl Upstream {
    pub(super) fn read(reader: &mut Reader) -> Result<Option<Self>, Reported> {
        let own: Vec<SocketAddr> =
            LISTENERS.iter().filter_map(|key| reader.text(key).and_then(|text| socket(&text).ok())).collect();
        let url = reader.read_optional("upstream.url", |text| read_url(text, &own))?;
        let host = reader.read_optional("upstream.host", read_host);
        let ca_pem = reader.read_optional("upstream.ca_file", read_certificates);
        let (Some(url), host, ca_pem) = (url, host?, ca_pem?) else { return Ok(None) };
        let own = || HeaderValue::try_from(url.authority()).ok();
        let host = match host {
            Some(Host::Preserve) => None,
            Some(Host::Upstream) => own(),
            Some(Host::Named(host)) => Some(host),
            None => is_loopback(&url).then(own).flatten(),
        };
        Ok(Some(Self { url, ca_pem, host }))
    }
}

/// The choice of the operator.
enum Host {
    Preserve,
    Upstream,
    Named(HeaderValue),
}

fn read_host(text: &str) -> Result<Host, Wrong> {
    match text {
        "preserve" => Ok(Host::Preserve),
        "upstream" => Ok(Host::Upstream),
        _ => {
            let wrong = || Wrong::new("it is not a host");
            let authority =
                text.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@'));
            let host = authority.and_then(|authority| HeaderValue::try_from(authority.as_str()).ok());
            host.map(Host::Named).ok_or_else(wrong)
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    literal_address(url).is_some_and(|address| address.ip().is_loopback())
        || url.host_str() == Some("localhost")
}

fn read_url(text: &str, own: &[SocketAddr]) -> Result<Url, Wrong> {
    let url = absolute_url(text)?;
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
