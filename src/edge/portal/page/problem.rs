//! What is a person told when something did not work?
//!
//! What happened, what to do next, and the request id under which the log knows more. The words are constants: nothing
//! that a provider or a client said is repeated to the person, except the name of the account.

mod redirect_loop;

use askama::Template;
use http::{HeaderValue, StatusCode, header};

use super::{STYLE, page};
use crate::edge::reply::Reply;

/// Seconds after which what failed may be asked again.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Something did not work: what happened, and the next step.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct Problem<'a> {
    /// The headline.
    pub title: &'a str,
    /// What happened, in words for someone who did not build this.
    pub what_happened: &'a str,
    /// What the person can do.
    pub what_to_do: &'a str,
    /// The account the problem is about.
    pub account: Option<&'a str>,
    /// The way on, as a button.
    pub link: Option<Link<'a>>,
    /// What the operator can change, if it is a matter of settings.
    pub for_operator: Option<&'a str>,
    /// The request id, which leads to the line in the log.
    pub request_id: &'a str,
    /// The status of the reply, also shown.
    pub status: StatusCode,
}

/// A button that leads on.
pub struct Link<'a> {
    /// What it says.
    pub label: &'a str,
    /// Where it leads.
    pub url: &'a str,
}

impl<'a> Problem<'a> {
    /// The person is known and may not pass.
    pub fn not_permitted(account: &'a str, another_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You have no access",
            what_happened: "You are signed in, but this account may not open this page.",
            what_to_do: "Ask whoever looks after this application for access, or use another account.",
            account: Some(account),
            link: Some(Link { label: "Use another account", url: another_url }),
            ..Self::blank(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The request is not one that we answer.
    pub fn bad_request(request_id: &'a str) -> Self {
        Self {
            title: "This request makes no sense here",
            what_happened: "Something in the request was missing, doubled or changed, so nothing was done with it.",
            what_to_do: "Go to the application’s start page and try again from there.",
            link: Some(Link { label: "Go to the start page", url: "/" }),
            ..Self::blank(StatusCode::BAD_REQUEST, request_id)
        }
    }

    /// The request breaks a rule, which may be named.
    pub fn refused(status: StatusCode, why: &'a str, request_id: &'a str) -> Self {
        Self { status, for_operator: Some(why), ..Self::bad_request(request_id) }
    }

    /// There is no page of ours under this name.
    pub fn no_such_page(request_id: &'a str) -> Self {
        Self {
            title: "There is no such page",
            what_happened: "The gateway has no page at this address.",
            what_to_do: "Go to the application's start page and find your way from there.",
            link: Some(Link { label: "Go to the start page", url: "/" }),
            ..Self::blank(StatusCode::NOT_FOUND, request_id)
        }
    }

    /// The application behind our proxy does not answer.
    pub fn application_unavailable(request_id: &'a str) -> Self {
        Self {
            title: "The application does not answer",
            what_happened: "You are signed in, but the application behind this page cannot be reached.",
            what_to_do: "Wait a moment, then load the page again.",
            for_operator: Some(
                "The log has the reason, under the request number below; the setting is upstream.url.",
            ),
            ..Self::blank(StatusCode::BAD_GATEWAY, request_id)
        }
    }

    /// Whether the person is signed in cannot be told now.
    pub fn cannot_tell(request_id: &'a str) -> Self {
        Self {
            title: "This does not work right now",
            what_happened: "The gateway cannot tell now whether you are signed in. You did nothing wrong.",
            what_to_do: "Wait a moment, then load the page again. You stay signed in.",
            ..Self::blank(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// The callback came twice, too late, or to a browser that did not ask for it.
    pub fn sign_in_over(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Let’s start again",
            what_happened: "This sign-in was already finished, took too long, or began in another browser.",
            what_to_do: "Start again, and finish in this browser.",
            link: Some(Link { label: "Start again", url: start_url }),
            ..Self::blank(StatusCode::BAD_REQUEST, request_id)
        }
    }

    /// The provider cannot be asked now.
    pub fn provider_unavailable(try_again_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Signing in does not work right now",
            what_happened: "The sign-in service does not answer. You did nothing wrong.",
            what_to_do: "Wait a moment, then try again.",
            link: Some(Link { label: "Try again", url: try_again_url }),
            // A refresh is not logged under the request number.
            for_operator: Some(
                "The log has the reason. A failed sign-in is there under the request number below.",
            ),
            ..Self::blank(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// The provider said no, or the person did.
    pub fn provider_refused(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You were not signed in",
            what_happened: "The sign-in service ended the sign-in, or you did.",
            what_to_do: "Try again, perhaps with another account. If it keeps happening, ask whoever looks after \
                         your accounts.",
            link: Some(Link { label: "Try again", url: start_url }),
            ..Self::blank(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The provider's answer broke a rule.
    pub fn provider_misbehaved(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You were not signed in",
            what_happened: "The sign-in service gave an answer that cannot be trusted, so it was not used.",
            what_to_do: "Try again. If it keeps happening, report it with the request number below.",
            link: Some(Link { label: "Try again", url: start_url }),
            for_operator: Some("The log has the reason, under the request number below."),
            // The sign-in is refused for good: a 5xx would make proxies and monitors repeat it, or put their own page here.
            ..Self::blank(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The provider's tokens are over or not valid yet by our clock.
    pub fn clocks_differ(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You were not signed in",
            what_happened: "By the clock of this gateway, what the sign-in service gave is not valid now.",
            what_to_do: "Try again. If it keeps happening, report it with the request number below.",
            link: Some(Link { label: "Try again", url: start_url }),
            for_operator: Some(
                "The clocks of this machine and of the provider differ: compare both with the right time.",
            ),
            ..Self::blank(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The user name is an address or number that the provider has not verified.
    pub fn name_not_verified(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Your account is not verified",
            what_happened: "The sign-in service has not verified the address or number that would be your name here.",
            what_to_do: "Verify it in your account at the sign-in service, then sign in again.",
            link: Some(Link { label: "Sign in again", url: start_url }),
            for_operator: Some(
                "The log has a line under the request number below. It names the claim and the setting.",
            ),
            ..Self::blank(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The provider kept the groups back.
    pub fn too_many_groups(request_id: &'a str) -> Self {
        Self {
            title: "Your account has too many groups",
            what_happened: "Your organisation’s account is in so many groups that the sign-in service did not say \
                            which, and without them it cannot be told whether you may come in.",
            what_to_do: "You cannot mend this yourself. Please send the request number below to whoever looks after \
                         this application.",
            for_operator: Some(
                "Let the provider send only the groups that are assigned to this application, or roles.",
            ),
            ..Self::blank(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The session does not fit into cookies.
    pub fn session_too_large(request_id: &'a str) -> Self {
        Self {
            title: "Your account is too large to sign in",
            what_happened: "It belongs to so many groups that your browser cannot keep the session.",
            what_to_do: "You cannot mend this yourself. Please send the request number below to whoever looks after \
                         this application.",
            for_operator: Some("Let the provider put fewer groups into the ID token."),
            ..Self::blank(StatusCode::INTERNAL_SERVER_ERROR, request_id)
        }
    }

    /// No more sessions fit.
    pub fn no_room(request_id: &'a str) -> Self {
        Self {
            title: "No more sign-ins right now",
            what_happened: "As many people are signed in as fit, or you are signed in very often.",
            what_to_do: "Sign out where you do not need it, or try again later.",
            ..Self::blank(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// The host is none of ours.
    pub fn unknown_host(request_id: &'a str) -> Self {
        Self {
            title: "Nothing is served at this address",
            what_happened: "The gateway does not know the host name in the address bar.",
            what_to_do: "Check the address, or ask for the right one.",
            for_operator: Some("If people shall use this address, add it to public.urls."),
            ..Self::blank(StatusCode::FORBIDDEN, request_id)
        }
    }

    fn blank(status: StatusCode, request_id: &'a str) -> Self {
        Self {
            title: "",
            what_happened: "",
            what_to_do: "",
            account: None,
            link: None,
            for_operator: None,
            request_id,
            status,
        }
    }

    /// The same in one line, for a program.
    pub fn line(&self) -> String {
        let why = self.for_operator.unwrap_or(self.what_happened);
        format!("{}: {why} (request {})\n", self.title, self.request_id)
    }

    /// Returns the page with its status, and with `Retry-After` if that is 503.
    pub fn reply(&self) -> Reply {
        let mut reply = page(self.status, self);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            reply.headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        reply
    }
}
