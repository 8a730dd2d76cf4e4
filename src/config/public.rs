//! Where do people come in?

use std::net::SocketAddr;

use super::checks::socket;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Told, Wrong};
use crate::access::origin::{Origin, Origins};

pub(super) const SECTION: Section = Section {
    path: "public",
    example: "",
    about: "Where people come in.",
    keys: &[
        Key {
            name: "urls",
            kind: Kind::List,
            need: Need::Required("[\"https://headlamp.example.com\"]"),
            about: "The addresses people open in their browser, each as scheme, host and, if it is not the \
                    usual one, port. Sign-in works on these and on no other host. Plain http works on this \
                    machine alone (localhost), because elsewhere browsers drop the session cookie.",
            right: "every address people open in their browser, such as [\"https://headlamp.example.com\"]",
        },
        Key {
            name: "listen",
            kind: Kind::Text,
            need: Need::Default("\"127.0.0.1:4180\""),
            about: "The address and port for browsers, usually reached through the proxy. [::]:4180 means \
                    every address of the machine.",
            right: "an address and a port, such as 127.0.0.1:4180, or [::]:4180 for every address of the machine",
        },
    ],
};

/// Where people come in.
pub struct Public {
    /// The origins people use; at least one.
    pub origins: Origins,
    /// The address browsers reach.
    pub listen: SocketAddr,
}

impl Public {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Told> {
        let origins = read_origins(reader);
        let listen = reader.need("public.listen", socket);
        Ok(Self { origins: origins?, listen: listen? })
    }
}

fn read_origins(reader: &mut Reader) -> Result<Origins, Told> {
    let key = "public.urls";
    let mut seen: Vec<Origin> = Vec::new();
    let origins = reader.each(key, |text| {
        let origin = read_origin(text)?;
        if seen.contains(&origin) {
            return Err(Wrong::new("it is in the list twice").right("each address once"));
        }
        seen.push(origin.clone());
        Ok(origin)
    })?;
    for origin in origins.iter().filter(|origin| !origin.is_secure()) {
        let text = format!("{} is plain http: good for trying things out on this machine", origin.as_str());
        reader.report.warn(key, &text);
    }
    if origins.is_empty() {
        return Err(reader.missing(key));
    }
    Ok(Origins::new(origins))
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
        return Err(Wrong::new("a host with * in it is no address").right("one entry for each host"));
    }
    if !origin.is_secure() && !origin.is_loopback() {
        return Err(Wrong::new(
            "over plain http browsers drop the session cookie, so nobody could stay signed in",
        )
        .right(format!("https://{}, with the proxy in front doing TLS", origin.host())));
    }
    Ok(origin)
}
