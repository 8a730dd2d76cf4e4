//! Domain of the hosts that share one sign-in

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::origin::Origin;

pub(super) const SECTION: Section = Section {
    path: "cookie",
    example: "",
    about: "Whether several hosts share one sign-in. Without this section, each address of public.urls has a \
            sign-in of its own, which no other host can use or replace.",
    keys: &[Key {
        name: "domain",
        kind: Kind::Text,
        need: Need::Optional("\"example.com\""),
        about: "The domain whose hosts share one sign-in. public.urls then has one address, where users sign in, \
                and public.return_hosts has the others. Browsers send the session cookie to every host of the \
                domain, listed or not. Each of these hosts can use the session and replace it by another, so each \
                must be as trusted as the sign-in itself. The session cookies are then named __Secure-foregate, \
                __Secure-foregate-1, -2 and -3. The proxy's list of cookies to pass on must contain these names.",
        right: "a domain that contains the host of public.urls and every host of public.return_hosts, such as \
                example.com for login.example.com",
    }],
};

/// Reads the domain. It must contain every host that shares the sign-in.
pub(super) fn read(
    reader: &mut Reader,
    urls: &[Origin],
    hosts: &[Origin],
) -> Result<Option<String>, Reported> {
    let Some(domain) = reader.read_optional("cookie.domain", domain)? else { return Ok(None) };
    if urls.len() > 1 {
        let wrong = Wrong::new(format!("public.urls has {} addresses", urls.len())).right(
            "one address in public.urls, where users sign in, and the other hosts in public.return_hosts",
        );
        return Err(reader.report_wrong("cookie.domain", wrong));
    }
    let outside = urls.iter().chain(hosts).find(|origin| !is_in_domain(origin.host(), &domain));
    if let Some(origin) = outside {
        let wrong = Wrong::new(format!(
            "{} is not in this domain, and would never receive the cookie",
            origin.host()
        ));
        return Err(reader.report_wrong("cookie.domain", wrong));
    }
    let text =
        format!("browsers send the session to every host of {domain}, listed or not, and each can use it");
    reader.report.warn("cookie.domain", &text);
    Ok(Some(domain))
}

fn domain(text: &str) -> Result<String, Wrong> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let bare = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
    let mut labels = bare.split('.');
    let whole = labels.all(|label| !label.is_empty() && label.bytes().all(plain));
    let numeric = bare.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if !whole || numeric {
        return Err(Wrong::new("it is not a domain"));
    }
    if !bare.contains('.') && bare != "localhost" {
        return Err(Wrong::new("browsers reject a cookie for a whole top-level domain"));
    }
    Ok(bare)
}

fn is_in_domain(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
