//! Policies: which signed-in users may pass

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong, all};
use crate::access::identity::GROUP_SEPARATOR;
use crate::access::policy::{DEFAULT, Policies, Policy};

/// The longest name of a policy. The name is part of a path.
const MAX_NAME_BYTES: usize = 63;

pub(super) const SECTION: Section = Section {
    path: "policies.*",
    example: DEFAULT,
    about: "Which signed-in users may pass. The proxy chooses a policy by its name. If the proxy names none, \
            policies.default applies. A policy has two conditions: a group, and an e-mail address or domain. If \
            both are set, both must hold. Without any condition, every signed-in user may pass.",
    keys: &[
        Key {
            name: "allowed_groups",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The user must be in one of these groups.",
            right: "group names as the provider sends them, one in each entry, such as [\"developers\"]",
        },
        Key {
            name: "allowed_emails",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The user must have one of these e-mail addresses, or an address in one of allowed_email_domains.",
            right: "complete addresses such as alice@example.com; for a whole domain, use allowed_email_domains",
        },
        Key {
            name: "allowed_email_domains",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The user's e-mail address must be in one of these domains, or be one of allowed_emails. \
                    example.com means only that domain. .example.com means every domain below it.",
            right: "a domain such as example.com, or .example.com for every domain below it",
        },
    ],
};

pub(super) fn read(reader: &mut Reader) -> Result<Policies, Reported> {
    let names: Vec<String> = reader.entries("policies").into_iter().map(|(name, _)| name).collect();
    if !names.is_empty() && !names.iter().any(|name| name == DEFAULT) {
        let text = "it is not set, so a proxy that names no policy admits every user who can sign in";
        reader.report.warn("policies.default", text);
    }
    let policies = all(names.into_iter().map(|name| read_policy(reader, &name).map(|policy| (name, policy))));
    policies.map(Policies::new)
}

fn read_policy(reader: &mut Reader, name: &str) -> Result<Policy, Reported> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let section = format!("policies.{name}");
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(plain) {
        let place = reader.place(&section);
        let wrong = "a policy's name is part of a path, and this name cannot be part of one".to_owned();
        let right = format!(
            "at most {MAX_NAME_BYTES} of the characters a to z, 0 to 9 and -, such as [policies.staff]"
        );
        return Err(reader.report.add_other(&section, None, &place, wrong, right));
    }
    let groups = reader.read_list(&format!("{section}.allowed_groups"), group);
    let emails = reader.read_list(&format!("{section}.allowed_emails"), email);
    let domains = reader.read_list(&format!("{section}.allowed_email_domains"), domain);
    Ok(Policy::new(groups?, emails?, domains?))
}

fn group(text: &str) -> Result<String, Wrong> {
    if text.contains(GROUP_SEPARATOR) {
        return Err(Wrong::new("it contains a comma, which separates groups, so no user can be in it"));
    }
    if text.trim() != text {
        return Err(Wrong::new("it begins or ends with a space, so no user can be in it"));
    }
    Ok(text.to_owned())
}

fn email(text: &str) -> Result<String, Wrong> {
    let parts = text.split_once('@').filter(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !text.contains(char::is_whitespace)
    });
    parts.map(|_| text.to_owned()).ok_or_else(|| Wrong::new("it is not one e-mail address"))
}

fn domain(text: &str) -> Result<String, Wrong> {
    if let Some((_, domain)) = text.rsplit_once(['@', '*']) {
        let wrong = Wrong::new("it contains an @ or a *, but domains are compared literally");
        return Err(if domain.trim_matches('.').is_empty() {
            wrong
        } else {
            wrong.right(format!("\"{domain}\""))
        });
    }
    let bare = text.strip_prefix('.').unwrap_or(text);
    if bare.split('.').any(str::is_empty) || text.contains(char::is_whitespace) {
        return Err(Wrong::new("it is not a domain"));
    }
    Ok(text.to_owned())
}
