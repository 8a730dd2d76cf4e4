//! Error pages about redirect loops

use http::StatusCode;

use super::{Link, Problem};
use crate::flow::redirect_loop::LoopCause;

impl<'a> Problem<'a> {
    /// The sign-in is a redirect loop.
    pub fn redirect_loop(cause: LoopCause, again_url: &'a str, request_id: &'a str) -> Self {
        let (title, what_happened, what_to_do, for_operator) = match cause {
            LoopCause::NotKept => (
                "Your browser did not keep the sign-in",
                "You signed in a moment ago, but your browser returned without the session cookie.",
                "Allow cookies for this site, close private windows, and check that the address is the one you always \
                 use. Then try again.",
                "Something between the browser and the gateway may remove Set-Cookie, or the browser uses another \
                 host or plain http. The log has a line under the request number below.",
            ),
            LoopCause::NotOpened => (
                "Your sign-in cannot be read here",
                "You signed in a moment ago, but the gateway cannot read the session cookie.",
                "Delete this site's cookies, then try again.",
                "Each process of the gateway needs the same session.keys, and each part of the cookie must arrive. \
                 Another host of the domain may set a cookie with the same name.",
            ),
            LoopCause::OverAtOnce => (
                "Your session ended at once",
                "You signed in a moment ago, but that session has already ended.",
                "Wait a minute, then try again. If it happens again, report it with the request number below.",
                "The lifetime of the provider's tokens is too short, or the clocks of provider and gateway differ.",
            ),
            LoopCause::NotShown => (
                "You are signed in, but the page asks again",
                "Your session is valid, but the page that you opened does not receive it.",
                "Try again in a minute. If it happens again, report it with the request number below.",
                "The proxy must send the Cookie header to the check; an allow-list may omit it. The check must have \
                 the same session.keys and public.urls as this page.",
            ),
        };
        Self {
            title,
            what_happened,
            what_to_do,
            link: Some(Link { label: "Try again", url: again_url }),
            for_operator: Some(for_operator),
            // Other users are not affected, so this is not a 5xx. A proxy must not replace it by its own page.
            ..Self::empty(StatusCode::CONFLICT, request_id)
        }
    }
}
