//! Rows of the table, and the text of a cell

use http::StatusCode;

use crate::harness::{RawReply, ReceivedRequest};

/// One situation at one proxy.
#[derive(Debug)]
pub(super) struct Row {
    /// The situation.
    pub(super) situation: String,
    /// What was seen.
    pub(super) seen: String,
}

impl Row {
    pub(super) fn new(situation: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { situation: situation.into(), seen: seen.into() }
    }
}

/// Describes what the client received.
pub(super) fn client(reply: &RawReply) -> String {
    let mut text = reply.status.as_u16().to_string();
    match reply.values("location")[..] {
        [] => {}
        [to] if to.contains("/oauth2/start?rd=") => text += " to the sign-in",
        [to] if to.contains("/oauth2/refresh?rd=") => text += " to the refresh page",
        [to] if to.contains("form=not_sent") => text += " to “your form was not sent”",
        [to] => text += &format!(" to {to}"),
        _ => text += " with several locations",
    }
    if !reply.values("x-reload").is_empty() {
        text += ", X-Reload";
    }
    if !reply.values("retry-after").is_empty() {
        text += ", Retry-After";
    }
    if reply.status != StatusCode::OK && reply.body.contains("<!doctype html>") {
        text += ", our page";
    }
    text
}

/// Describes what the application received.
pub(super) fn application(received: &[ReceivedRequest]) -> String {
    match received {
        [] => "nothing".to_owned(),
        [one] => match one.values("x-forwarded-user")[..] {
            [] | [""] => "a request without a user".to_owned(),
            [user] => format!("`{user}`"),
            _ => "several users".to_owned(),
        },
        more => format!("{} requests", more.len()),
    }
}

/// Describes both.
pub(super) fn both(reply: &RawReply, received: &[ReceivedRequest]) -> String {
    if received.is_empty() {
        client(reply)
    } else {
        format!("{} · {}", client(reply), application(received))
    }
}
