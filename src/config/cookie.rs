//! Do several hosts share one sign-in?

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::origin::Origin;

pub(super) const SECTION: Section = Section {
    path: "cookie",
    example: "",
    about: "Whether several hosts share one sign-in. Without it each address of public.urls has its own, which no \
            other host can touch.",
    keys: &[Key {
        name: "domain",
        kind: Kind::Text,
        need: Need::Optional("\"example.com\""),
        about: "The domain whose hosts share one sign-in: public.urls then holds one address, where people sign in, \
                and public.return_hosts the others. Every host of the domain, named here or not, is sent the session by \
                the browser, and can use it and replace it by another: so each of them must be as trusted as the \
                sign-in itself. The cookie is then __Secure-foregate, -1, -2 and -3: the \
                proxy's list of cookies to pass on must name those.",
        right: "the domain above the host of public.urls and of every host of public.return_hosts, such as \
                example.com for login.example.com",
    }],
};

/// Reads the domain. It must lie above every host that shares the sign-in.
pub(super) fn read(
    reader: &mut Reader,
    urls: &[Origin],
    hosts: &[Origin],
) -> Result<Option<String>, Reported> {
    let Some(domain) = reader.may("cookie.domain", domain)? else { return Ok(None) };
    if urls.len() > 1 {
        let wrong = Wrong::new(format!("public.urls holds {} addresses", urls.len())).right(
            "one address in public.urls, where people sign in, and the other hosts in public.return_hosts",
        );
        return Err(reader.wrong("cookie.domain", wrong));
    }
    let outside = urls.iter().chain(hosts).find(|origin| !lies_in(origin.host(), &domain));
    if let Some(origin) = outside {
        let wrong =
            Wrong::new(format!("{} does not lie in it, and would never get the cookie", origin.host()));
        return Err(reader.wrong("cookie.domain", wrong));
    }
    let text = format!("every host of {domain}, listed or not, is sent the session and can use it");
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
        return Err(Wrong::new("browsers take no cookie for a whole top-level domain"));
    }
    Ok(bare)
}

fn lies_in(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
