//! Pages about sign-ins that come back without a session

use http::StatusCode;

use super::{Link, Problem};
use crate::flow::redirect_loop::LoopCause;

impl<'a> Problem<'a> {
    /// The sign-in goes round in circles.
    pub fn stuck(cause: LoopCause, again_url: &'a str, request_id: &'a str) -> Self {
        let (title, what_happened, what_to_do, for_operator) = match cause {
            LoopCause::NotKept => (
                "Your browser did not keep the sign-in",
                "You signed in a moment ago, and your browser came back without the cookie that says so.",
                "Allow cookies for this site, close private windows, and see that the address is the one you always \
                 use. Then try again.",
                "Something between the browser and here may remove Set-Cookie, or the browser is on another host or \
                 on plain http. The log has a line under the request number below.",
            ),
            LoopCause::NotOpened => (
                "Your sign-in cannot be read here",
                "You signed in a moment ago, but the cookie that says so does not open here.",
                "Delete this site's cookies, then try again.",
                "Every process of the gateway needs the same session.keys, and every part of the cookie must arrive. \
                 Another host of the domain may set a cookie of the same name.",
            ),
            LoopCause::OverAtOnce => (
                "Your sign-in was over at once",
                "You signed in a moment ago, and that sign-in has run out already.",
                "Wait a minute, then try again. If it keeps happening, report it with the request number below.",
                "The provider's tokens live too shortly, or the clocks of provider and gateway differ.",
            ),
            LoopCause::NotShown => (
                "You are signed in, but the page keeps asking",
                "Your sign-in is good, yet the page behind it does not see it.",
                "Try again in a minute. If it keeps happening, report it with the request number below.",
                "The proxy must pass the Cookie header to the check (an allow-list may leave it out), and the check \
                 must have the same session.keys and public.urls as this page.",
            ),
        };
        Self {
            title,
            what_happened,
            what_to_do,
            link: Some(Link { label: "Try again", url: again_url }),
            for_operator: Some(for_operator),
            // Nothing of ours is broken for others, and a proxy shall not put its own page here.
            ..Self::blank(StatusCode::CONFLICT, request_id)
        }
    }
}
