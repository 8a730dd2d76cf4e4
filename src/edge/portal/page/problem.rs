//! Error pages for users
//!
//! A page says what happened and what to do next, and shows the request id of the log line. The texts are constants:
//! except for the name of the account, a page repeats no text of a provider or a client.

mod redirect_loop;
mod sign_in;

use askama::Template;
use http::{HeaderValue, StatusCode, header};

use super::{STYLE, page};
use crate::edge::reply::Reply;

/// The value of `Retry-After`, in seconds.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An error page: what happened, and the next step.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct Problem<'a> {
    /// The headline.
    pub title: &'a str,
    /// What happened, for a user without technical knowledge.
    pub what_happened: &'a str,
    /// What the user can do.
    pub what_to_do: &'a str,
    /// The account that the problem is about.
    pub account: Option<&'a str>,
    /// The button to the next step.
    pub link: Option<Link<'a>>,
    /// What the operator can change, if settings may be the cause.
    pub for_operator: Option<&'a str>,
    /// The request id, which is also in the log line.
    pub request_id: &'a str,
    /// The status of the reply, which the page shows.
    pub status: StatusCode,
}

/// A button to the next step.
pub struct Link<'a> {
    /// Its text.
    pub label: &'a str,
    /// Its URL.
    pub url: &'a str,
}

impl<'a> Problem<'a> {
    /// The user does not meet the policy.
    pub fn not_permitted(account: &'a str, another_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You have no access",
            what_happened: "You are signed in, but this account may not open this page.",
            what_to_do: "Ask the administrator of this application for access, or use another account.",
            account: Some(account),
            link: Some(Link { label: "Use another account", url: another_url }),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// No user is signed in. Only programs get it: a user is redirected to the sign-in.
    pub fn not_signed_in(request_id: &'a str) -> Self {
        Self {
            title: "Unauthorized",
            what_happened: "No user is signed in. Open a page of this site in a browser.",
            ..Self::empty(StatusCode::UNAUTHORIZED, request_id)
        }
    }

    /// The application signed the user out.
    pub fn signed_out(request_id: &'a str) -> Self {
        Self {
            title: "Signed out",
            what_happened: "You are signed out.",
            ..Self::empty(StatusCode::UNAUTHORIZED, request_id)
        }
    }

    /// The request is not valid.
    pub fn bad_request(request_id: &'a str) -> Self {
        Self {
            title: "This request is not valid",
            what_happened: "A part of the request was missing, repeated or changed, so the gateway rejected it.",
            what_to_do: "Go to the start page of the application and try again from there.",
            link: Some(Link { label: "Go to the start page", url: "/" }),
            ..Self::empty(StatusCode::BAD_REQUEST, request_id)
        }
    }

    /// The request breaks a rule, which may be named.
    pub fn refused(status: StatusCode, why: &'a str, request_id: &'a str) -> Self {
        Self { status, for_operator: Some(why), ..Self::bad_request(request_id) }
    }

    /// None of our own pages has this path.
    pub fn no_such_page(request_id: &'a str) -> Self {
        Self {
            title: "Page not found",
            what_happened: "The gateway has no page at this address.",
            what_to_do: "Go to the start page of the application and continue from there.",
            link: Some(Link { label: "Go to the start page", url: "/" }),
            ..Self::empty(StatusCode::NOT_FOUND, request_id)
        }
    }

    /// The application behind our own proxy does not answer.
    pub fn application_unavailable(request_id: &'a str) -> Self {
        Self {
            title: "The application does not answer",
            what_happened: "You are signed in, but the gateway cannot reach the application.",
            what_to_do: "Wait a moment, then load the page again.",
            for_operator: Some(
                "The log has the reason under the request number below. The setting is upstream.url.",
            ),
            ..Self::empty(StatusCode::BAD_GATEWAY, request_id)
        }
    }

    /// The gateway cannot check the session now.
    pub fn session_unknown(request_id: &'a str) -> Self {
        Self {
            title: "This does not work right now",
            what_happened: "This is not your fault: the gateway cannot check your session at the moment.",
            what_to_do: "Wait a moment, then load the page again. You stay signed in.",
            ..Self::empty(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// The end of the session cannot be stored now.
    pub fn not_signed_out(request_id: &'a str) -> Self {
        Self {
            what_happened: "This is not your fault: the gateway cannot sign you out at the moment.",
            what_to_do: "Wait a moment, then sign out again. Until then, you may still be signed in.",
            ..Self::session_unknown(request_id)
        }
    }

    /// The limit of sessions is reached, for the gateway or for the user.
    pub fn session_limit_reached(request_id: &'a str) -> Self {
        Self {
            title: "No more sessions are possible right now",
            what_happened: "This gateway has reached its session limit, or your account has too many open sessions.",
            what_to_do: "Sign out in browsers that you do not need, or try again later.",
            ..Self::empty(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// No public origin has this host.
    pub fn unknown_host(request_id: &'a str) -> Self {
        Self {
            title: "Nothing is served at this address",
            what_happened: "The gateway does not know the host name in the address bar.",
            what_to_do: "Check the address, or ask for the correct one.",
            for_operator: Some("If users need this address, add it to public.urls."),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    fn empty(status: StatusCode, request_id: &'a str) -> Self {
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

    /// Returns the same content in one line, for a program.
    pub fn line(&self) -> String {
        format!("{}: {} (request {})\n", self.title, self.message(), self.request_id)
    }

    /// Returns what a program shows.
    pub fn message(&self) -> &'a str {
        self.for_operator.unwrap_or(self.what_happened)
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
