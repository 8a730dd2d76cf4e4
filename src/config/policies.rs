//! Who of the signed-in may pass, and where?

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong, all};
use crate::access::identity::GROUP_SEPARATOR;
use crate::access::policy::{DEFAULT, Policies, Policy};

/// A policy's name is part of a path.
const MAX_NAME_BYTES: usize = 63;

pub(super) const SECTION: Section = Section {
    path: "policies.*",
    example: DEFAULT,
    about: "Who of the signed-in may pass. The proxy chooses a policy by its name, and policies.default is \
            for where it names none. Both conditions must hold, where both are set: a group, and an \
            address or domain. Without any, everybody passes who can sign in.",
    keys: &[
        Key {
            name: "allowed_groups",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The person is in one of these groups.",
            right: "group names as the provider sends them, one for each entry, such as [\"developers\"]",
        },
        Key {
            name: "allowed_emails",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The person has one of these e-mail addresses.",
            right: "whole addresses such as alice@example.com; a whole domain belongs into allowed_email_domains",
        },
        Key {
            name: "allowed_email_domains",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "Or the person's e-mail address lies in one of these domains. example.com means that \
                    domain alone, .example.com every domain below it.",
            right: "a domain such as example.com, or .example.com for every domain below it",
        },
    ],
};

pub(super) fn read(reader: &mut Reader) -> Result<Policies, Reported> {
    let names = reader.entries("policies").into_iter().map(|(name, _)| name);
    let policies = all(names.map(|name| read_policy(reader, &name).map(|policy| (name, policy))));
    policies.map(Policies::new)
}

fn read_policy(reader: &mut Reader, name: &str) -> Result<Policy, Reported> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let section = format!("policies.{name}");
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(plain) {
        let place = reader.place(&section);
        let wrong = "a policy's name is part of a path, and this cannot be".to_owned();
        let right = format!(
            "at most {MAX_NAME_BYTES} of the characters a to z, 0 to 9 and -, such as [policies.staff]"
        );
        return Err(reader.report.other(&section, None, &place, wrong, right));
    }
    let groups = reader.each(&format!("{section}.allowed_groups"), group);
    let emails = reader.each(&format!("{section}.allowed_emails"), email);
    let domains = reader.each(&format!("{section}.allowed_email_domains"), domain);
    Ok(Policy::new(groups?, emails?, domains?))
}

fn group(text: &str) -> Result<String, Wrong> {
    if text.contains(GROUP_SEPARATOR) {
        return Err(Wrong::new("it holds a comma, which separates groups, so nobody is ever in it"));
    }
    if text.trim() != text {
        return Err(Wrong::new("it begins or ends with a space, so nobody is ever in it"));
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
        let wrong = Wrong::new("it has an @ or a * in it, and is compared as it stands");
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
