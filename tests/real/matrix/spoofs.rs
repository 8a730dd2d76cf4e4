//! Headers that only the gateway may set, sent by a client with a session

use std::collections::BTreeSet;

use super::cell::Row;
use super::column::Column;
use super::requests::WEBSOCKET;
use crate::harness::ReceivedRequest;

/// The names of the gateway. Applications that fold names read each alias as one of them.
const OWNED: [&str; 8] = [
    "X-Forwarded-User",
    "X-Forwarded-Group",
    "X-Forwarded-Email",
    "X-Forwarded-Id-Token",
    "Authorization",
    "Impersonate-User",
    "Impersonate-Group",
    "Impersonate-Uid",
];

/// A way to send a forged header.
type Spoof = fn(&str) -> Vec<(String, String)>;

fn one(name: String, value: &str) -> Vec<(String, String)> {
    vec![(name, value.to_owned())]
}

const SPOOFS: [(&str, Spoof); 11] = [
    ("the name itself", |name| one(name.to_owned(), "evil")),
    ("in lower case", |name| one(name.to_lowercase(), "evil")),
    ("in upper case", |name| one(name.to_uppercase(), "evil")),
    ("with `_`", |name| one(name.replace('-', "_"), "evil")),
    ("with `.`", |name| one(name.replace('-', "."), "evil")),
    ("with `~`", |name| one(name.replace('-', "~"), "evil")),
    ("with `_` and `-`", |name| one(name.replacen('-', "_", 1), "evil")),
    ("twice", |name| [one(name.to_owned(), "evil"), one(name.to_owned(), "evil-too")].concat()),
    ("a list", |name| one(name.to_owned(), "testuser,evil")),
    ("empty", |name| one(name.to_owned(), "")),
    ("named in `Connection`", |name| {
        [one("Connection".to_owned(), &format!("close, {name}")), one(name.to_owned(), "evil")].concat()
    }),
];

pub(super) async fn rows(column: &Column) -> Vec<Row> {
    let mut rows = Vec::new();
    for (situation, spoof) in SPOOFS {
        let mut seen = BTreeSet::new();
        for name in OWNED {
            seen.insert(send(column, &spoof(name), &[]).await);
        }
        rows.push(Row::new(situation, join(seen)));
    }
    let mut seen = BTreeSet::new();
    for name in OWNED {
        seen.insert(send(column, &one(name.to_owned(), "evil"), &WEBSOCKET).await);
    }
    rows.push(Row::new("the name itself, with a WebSocket", join(seen)));
    let extra = one("Impersonate-Extra-Scopes".to_owned(), "evil");
    rows.push(Row::new("`Impersonate-Extra-Scopes`", send(column, &extra, &[]).await));
    let other = one("X-Auth-Request-User".to_owned(), "evil");
    rows.push(Row::new("`X-Auth-Request-User`, of another gateway", send(column, &other, &[]).await));
    rows
}

/// Sends a spoof, and says what became of it.
async fn send(column: &Column, spoof: &[(String, String)], more: &[(&str, &str)]) -> String {
    let spoof = spoof.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = spoof.chain(more.iter().copied()).collect();
    let (reply, received) = column.send("GET", Some(&column.client), &fields, "").await;
    match &received[..] {
        [] => format!("refused ({})", reply.status.as_u16()),
        [one] if arrives(one) => "**arrives**".to_owned(),
        [_] => "removed".to_owned(),
        more => panic!("{}: {fields:?}: {more:?}", column.title),
    }
}

/// Returns whether the application received a value of the client, or a field that the gateway did not set.
fn arrives(received: &ReceivedRequest) -> bool {
    received.headers.iter().any(|(name, value)| {
        let is_impersonation = name.starts_with("impersonate");
        let is_empty_authorization = name == "authorization" && !value.starts_with("Bearer ");
        value.contains("evil") || is_impersonation || is_empty_authorization
    })
}

fn join(seen: BTreeSet<String>) -> String {
    seen.into_iter().collect::<Vec<_>>().join(" or ")
}
