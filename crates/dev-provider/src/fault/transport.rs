//! Faults of the transport of a response (RFC 9110)

use super::faults;

/// The change to the healthy response.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// This status without a body, with `Retry-After: 7` if the status usually has it.
    Status(u16),
    /// The same body with this content type.
    Retype(&'static str),
    /// 200 with this content type and this body.
    Replace(&'static str, &'static str),
    /// The first half of the body, with the length of that half.
    Truncate,
    /// The first half of the body, then the connection is closed.
    HalfWay,
    /// 100 MB, streamed.
    Huge,
    /// A long delay before the first byte.
    Stall,
    /// One byte at each interval.
    Drip,
    /// A redirect with this status, to the same URL.
    ToItself(u16),
    /// A redirect with this status, to another host.
    Elsewhere(u16),
}

faults! {
    /// A faulty transport. The name of the endpoint precedes the name of the fault.
    TransportFault: Act;
    Status500, "status-500", "row 19", "500 without a body", Act::Status(500);
    Status503, "status-503", "row 19", "503 with `Retry-After: 7`", Act::Status(503);
    Status429, "status-429", "row 19", "429 with `Retry-After: 7`", Act::Status(429);
    Html, "html", "row 19",
        "200 with a page as `text/html`",
        Act::Replace("text/html", "<!doctype html><title>Proxy</title><h1>Sign in to the network</h1>");
    TextPlain, "text-plain", "row 19", "the correct body as `text/plain`", Act::Retype("text/plain");
    Garbage, "garbage", "row 19",
        "200 with bytes that are not JSON",
        Act::Replace("application/json", "\u{1}\u{2}garbage{{{");
    EmptyBody, "empty", "row 19", "200 without a body", Act::Replace("application/json", "");
    Truncated, "truncated", "row 19", "the first half of the body, with a matching `Content-Length`", Act::Truncate;
    HalfWay, "closed-half-way", "row 19",
        "the first half of the body, then the connection is closed",
        Act::HalfWay;
    Huge, "huge", "row 19", "a JSON string of 100 MB, streamed", Act::Huge;
    SlowFirstByte, "slow-first-byte", "row 19",
        "the healthy response after 60 s, or when all faults are released",
        Act::Stall;
    Drip, "drip", "row 19",
        "a space every 100 ms, for ten minutes or until all faults are released",
        Act::Drip;
    Redirect302Self, "redirect-302-self", "row 19", "302 to the same URL", Act::ToItself(302);
    Redirect307Self, "redirect-307-self", "row 19", "307 to the same URL", Act::ToItself(307);
    Redirect302Elsewhere, "redirect-302-elsewhere", "row 19",
        "302 to another host, which counts the request",
        Act::Elsewhere(302);
    Redirect307Elsewhere, "redirect-307-elsewhere", "row 19",
        "307 to another host, which counts the request",
        Act::Elsewhere(307);
}

impl TransportFault {
    pub(crate) fn act(self) -> Act {
        self.action()
    }

    /// Returns whether the faulty response contains the healthy one. If not, the token endpoint redeems nothing, as if
    /// the request had not reached it.
    pub(crate) fn needs_answer(self) -> bool {
        matches!(self.action(), Act::Retype(_) | Act::Truncate | Act::HalfWay | Act::Stall)
    }
}
