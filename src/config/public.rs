//! Public origins, and the listener for browsers

use std::net::SocketAddr;

use super::checks::socket;
use super::cookie;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use super::tls;
use crate::access::origin::{Origin, Origins};
use crate::certificate::TlsFiles;

pub(super) const SECTION: Section = Section {
    path: "public",
    example: "",
    about: "The addresses that users open in their browser, and the listener for browsers.",
    keys: &[
        Key {
            name: "urls",
            kind: Kind::List,
            need: Need::Required("[\"https://headlamp.example.com\"]"),
            about: "The addresses that users open in their browser. Each has a scheme, a host and, if it is not \
                    the usual one, a port. Sign-in works on these hosts and on no other. Plain http works only on \
                    this machine (localhost), because browsers drop the session cookie elsewhere.",
            right: "every address that users open in their browser, such as [\"https://headlamp.example.com\"]",
        },
        Key {
            name: "return_hosts",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "Other hosts to which a user may return after signing in. Each has its port, if that is not the \
                    usual one. With cookie.domain, these hosts share the sign-in, and the proxy may send checks \
                    for them.",
            right: "hosts without scheme and path, such as [\"grafana.example.com\"]",
        },
        Key {
            name: "allow_cross_origin_writes",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "If true, a page of another host may change something in the name of a signed-in user, if the \
                    application allows it. If false, a POST, PUT, PATCH or DELETE whose Origin does not belong to \
                    this gateway gets 403. The session cookie itself keeps out other sites, but not other hosts of \
                    the same site.",
            right: "true or false",
        },
        Key {
            name: "listen",
            kind: Kind::Text,
            need: Need::Default("\"127.0.0.1:4180\""),
            about: "The address and port on which the gateway serves browsers. They usually reach it through the \
                    proxy. [::]:4180 means every address of the machine.",
            right: "an address and a port, such as 127.0.0.1:4180, or [::]:4180 for every address of the machine",
        },
        tls::CERTIFICATE,
        tls::KEY,
    ],
};

/// The public origins and the listener for browsers.
pub struct Public {
    /// The origins that users open; at least one.
    pub origins: Origins,
    /// Whether pages of other origins may change something in the name of a signed-in user.
    pub allow_cross_origin_writes: bool,
    /// The address and port for browsers.
    pub listen: SocketAddr,
    /// The files for TLS; `None` for plain http.
    pub tls: Option<TlsFiles>,
}

impl Public {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let origins = read_origins(reader);
        let listen = reader.read_required("public.listen", socket);
        let allow_cross_origin_writes = reader.switch("public.allow_cross_origin_writes");
        let tls = tls::read(reader, "public");
        Ok(Self { origins: origins?, allow_cross_origin_writes, listen: listen?, tls: tls? })
    }
}

fn read_origins(reader: &mut Reader) -> Result<Origins, Reported> {
    let urls = read_urls(reader);
    // All hosts have the scheme of the sign-in, because a host with the other scheme would receive no cookie.
    let scheme = urls.as_ref().ok().and_then(|urls| urls.first()).is_none_or(Origin::is_secure);
    let hosts = reader.read_list("public.return_hosts", |text| read_host(text, scheme));
    let (urls, hosts) = (urls?, hosts?);
    let domain = cookie::read(reader, &urls, &hosts)?;
    Ok(match (domain, urls.first()) {
        (Some(domain), Some(sign_in)) => Origins::sharing(domain, sign_in.clone(), hosts),
        _ => Origins::new(urls).with_returns(hosts),
    })
}

fn read_host(text: &str, secure: bool) -> Result<Origin, Wrong> {
    let wrong = || Wrong::new("it is not a host, with its port if that is not the usual one");
    if text.contains(['/', '@', '*', '?', '#']) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    let scheme = if secure { "https" } else { "http" };
    Origin::parse(&format!("{scheme}://{text}")).map_err(|_| wrong())
}

fn read_urls(reader: &mut Reader) -> Result<Vec<Origin>, Reported> {
    let key = "public.urls";
    let mut seen: Vec<Origin> = Vec::new();
    let origins = reader.read_list(key, |text| {
        let origin = read_origin(text)?;
        if seen.contains(&origin) {
            return Err(Wrong::new("it is in the list twice").right("each address once"));
        }
        seen.push(origin.clone());
        Ok(origin)
    })?;
    for origin in origins.iter().filter(|origin| !origin.is_secure()) {
        let text =
            format!("{} is plain http, which is suitable only for tests on this machine", origin.as_str());
        reader.report.warn(key, &text);
    }
    if origins.is_empty() {
        return Err(reader.report_missing(key));
    }
    Ok(origins)
}

fn read_origin(text: &str) -> Result<Origin, Wrong> {
    let web = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if !web || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Wrong::new("it does not begin with https:// and a host").right(
            "scheme and host as the browser's address bar shows them, such as https://headlamp.example.com",
        ));
    }
    let origin = Origin::parse(text).map_err(|error| Wrong::new(error.to_string()))?;
    if origin.host().contains('*') {
        return Err(Wrong::new("a host with a * is not an address").right("one entry for each host"));
    }
    if !origin.is_secure() && !origin.is_loopback() {
        return Err(Wrong::new(
            "browsers drop the session cookie over plain http, so no user could stay signed in",
        )
        .right(format!("https://{}, with TLS at the proxy in front", origin.host())));
    }
    Ok(origin)
}
