//! Headlamp behind the gateway

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::headlamp::{Cluster, Headlamp};
use crate::access::public_paths::PublicPath;

pub(super) const SECTION: Section = Section {
    path: "headlamp",
    example: "",
    about: "Headlamp, if it is the application. docs/headlamp.md begins with the task.",
    keys: &[
        Key {
            name: "enabled",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether the application is Headlamp. Then headers.authorization is true. The ID token \
                    accompanies only requests to the clusters below. Port-forwarding gets it in Headlamp's own \
                    cookies. Headlamp's cookies, KUBECONFIG and X-Headlamp-User-Id of a client never reach it. Requests that \
                    an open page sends by itself do not keep an idle session alive.",
            right: "true or false",
        },
        Key {
            name: "base_url",
            kind: Kind::Text,
            need: Need::Default("\"/\""),
            about: "The path of Headlamp's flag -base-url.",
            right: "/, or a path that begins with / and does not end with it, such as /headlamp",
        },
        Key {
            name: "clusters",
            kind: Kind::List,
            need: Need::Default("[\"main\"]"),
            about: "The names of the clusters that may receive the ID token, as Headlamp shows them in the URL.",
            right: "the names of Headlamp's clusters, such as [\"main\"]",
        },
        Key {
            name: "logout",
            kind: Kind::Switch,
            need: Need::Optional("true"),
            about: "Whether Headlamp's \"Log out\" signs the user out. The body of its request must reach the gateway. \
                    Our own proxy (upstream.url) sees it, so there it is on by default. Set it to true if your \
                    proxy forwards that body to the check, as docs/headlamp.md describes.",
            right: "true or false",
        },
        Key {
            name: "dangerously_allow_external_targets",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether /externalproxy and POST /cluster are permitted. By them, a user makes Headlamp send \
                    requests to every address that its flags permit.",
            right: "true or false",
        },
    ],
};

const EXTERNAL_TARGETS: &str = "headlamp.dangerously_allow_external_targets";

/// Reads the section. Returns `None` if the application is not Headlamp.
pub(super) fn read(reader: &mut Reader) -> Result<Option<Headlamp>, Reported> {
    let base_url = reader.read_required("headlamp.base_url", read_base_url);
    let mut seen: Vec<Cluster> = Vec::new();
    let clusters = reader.read_list("headlamp.clusters", |name| {
        let wrong = |what: &str| Wrong::new(what.to_owned());
        let is_plain = !name.contains('/') && !name.chars().any(char::is_control);
        let cluster = Cluster::new(name).filter(|_| is_plain);
        let cluster = cluster.ok_or_else(|| wrong("it is not the name of a cluster"))?;
        if seen.iter().any(|earlier| earlier.shares_cookie(&cluster)) {
            return Err(wrong("Headlamp uses one cookie for this and for an earlier cluster"));
        }
        seen.push(cluster.clone());
        Ok(cluster)
    });
    let (base_url, clusters) = (base_url?, clusters?);
    let is_external = reader.switch(EXTERNAL_TARGETS);
    if is_external {
        reader.report.warn(
            EXTERNAL_TARGETS,
            "users can make Headlamp send requests to every address that its flags permit",
        );
    }
    let is_proxy = reader.is_set("upstream.url");
    let logs_out = if reader.is_set("headlamp.logout") { reader.switch("headlamp.logout") } else { is_proxy };
    let headlamp = Headlamp::new(&base_url, clusters, is_external).with_log_out(logs_out);
    let default =
        Cluster::new("main").map(|main| Headlamp::new("/", vec![main], false).with_log_out(is_proxy));
    let is_default = Some(&headlamp) == default.as_ref();
    let is_enabled = reader.switch("headlamp.enabled");
    if is_enabled && !is_proxy && !reader.is_set("headlamp.logout") {
        reader.report.warn(
            "headlamp.logout",
            "Headlamp's Log out signs nobody out, because its body does not reach the gateway; if your proxy forwards \
             it, as docs/headlamp.md describes, set this to true; false silences this warning",
        );
    }
    if !is_enabled && !is_default {
        reader
            .report
            .warn("headlamp.enabled", "it is false, so the other keys of this section have no effect");
    }
    Ok(is_enabled.then_some(headlamp))
}

fn read_base_url(text: &str) -> Result<String, Wrong> {
    let is_path = PublicPath::parse(text).is_ok() && (text == "/" || !text.ends_with('/'));
    if is_path { Ok(text.to_owned()) } else { Err(Wrong::new("it is not such a path")) }
}
