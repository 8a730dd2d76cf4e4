//! Rules for requests that pass without a sign-in

use http::Method;

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong, all};
use crate::access::origin::Origins;
use crate::access::public_paths::{PublicPath, PublicPaths, PublicRule};

pub(super) const SECTION: Section = Section {
    path: "public_paths.*",
    example: "assets",
    about: "Requests that pass without a sign-in. Each section is one rule, with a name that you choose. If the \
            user is signed in, and the policy permits that user, the application receives the identity here too. \
            Otherwise it receives no identity. A path never passes this way if it has dot segments, empty segments, \
            a semicolon, or escapes that hide such things.",
    keys: &[
        Key {
            name: "paths",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The paths, exactly as the browser sends them. \"/favicon.ico\" is only that path. \"/assets/\" \
                    is also everything below it. Patterns are not supported.",
            right: "paths that begin with /, such as [\"/favicon.ico\", \"/assets/\"]",
        },
        Key {
            name: "methods",
            kind: Kind::List,
            need: Need::Default("[\"GET\", \"HEAD\"]"),
            about: "The request methods.",
            right: "methods in capitals, such as [\"GET\", \"HEAD\"]",
        },
        Key {
            name: "hosts",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The hosts. Each must be the host of one of public.urls. An empty list means all of them.",
            right: "the host of one of public.urls, without scheme and port",
        },
    ],
};

pub(super) fn read(reader: &mut Reader, origins: Option<&Origins>) -> Result<PublicPaths, Reported> {
    let names = reader.entries("public_paths").into_iter().map(|(name, _)| name);
    all(names.map(|name| read_rule(reader, &name, origins))).map(PublicPaths::new)
}

fn read_rule(reader: &mut Reader, name: &str, origins: Option<&Origins>) -> Result<PublicRule, Reported> {
    let key = |name_of_key: &str| format!("public_paths.{name}.{name_of_key}");
    let paths = reader.read_list(&key("paths"), |text| {
        PublicPath::parse(text).map_err(|error| Wrong::new(error.to_string()))
    });
    let methods = reader.read_list(&key("methods"), method);
    // If the origins themselves are wrong, that has been reported before.
    let hosts = reader.read_list(&key("hosts"), |text| host(text, origins));
    let (paths, mut methods, hosts) = (paths?, methods?, hosts?);
    // The tree has no defaults for sections that the operator names.
    if methods.is_empty() {
        methods = vec![Method::GET, Method::HEAD];
    }
    if paths.iter().any(PublicPath::is_everything) {
        reader.report.warn(&key("paths"), "/ makes every path public for these methods");
    }
    Ok(PublicRule { methods, hosts, paths })
}

fn method(text: &str) -> Result<Method, Wrong> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase());
    Method::from_bytes(text.as_bytes())
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| Wrong::new("it is not a method in capitals"))
}

fn host(text: &str, origins: Option<&Origins>) -> Result<String, Wrong> {
    let host = text.to_ascii_lowercase();
    let known = origins.is_none_or(|origins| origins.iter().any(|origin| origin.host() == host));
    if known { Ok(host) } else { Err(Wrong::new("it is not the host of any of public.urls")) }
}
