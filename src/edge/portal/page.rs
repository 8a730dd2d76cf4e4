//! Which pages does a person see, and how is each sent?
//!
//! Every page
//!
//! 1. is whole in itself: no script, nothing from elsewhere, and one style sheet, which the policy names by its digest;
//! 2. escapes whatever it is told (askama, by the template's name ending in `.html`);
//! 3. is never cached, framed or guessed to be something else.
//!
//! Escaping cannot make a hostile link harmless: URLs given to a page are our own or went through
//! [`ReturnTo`](crate::access::return_to::ReturnTo).

mod echo;
mod problem;

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderValue, StatusCode, header};

pub use echo::{Echo, Field};
pub use problem::{Link, Problem, RETRY_AFTER};

use crate::edge::reply::Reply;

/// The one style sheet, in the page and in the policy.
const STYLE: &str = include_str!("templates/style.css");

/// In addition to those of every reply.
const SECURITY: [(header::HeaderName, HeaderValue); 3] = [
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Follows from [`STYLE`] alone, so it is worked out once.
static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy(""));

/// The policy of a page whose forms may lead to one more origin, written with a space before it.
fn policy(form_to: &str) -> HeaderValue {
    let style = base64_simd::STANDARD.encode_to_string(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'{form_to}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Asks the person to sign in, where they are not sent to the provider at once.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// Where the sign-in starts.
    pub start_url: &'a str,
}

/// Says that a form was sent when the session was over, and reached nobody.
#[derive(Template)]
#[template(path = "form_not_sent.html")]
pub struct FormNotSent<'a> {
    /// Where the sign-in starts, to return to the form.
    pub start_url: &'a str,
}

/// Asks whether the person wants to sign out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOut<'a> {
    /// Where the answer is posted.
    pub action: &'a str,
    /// The person, where known.
    pub user: Option<&'a str>,
}

/// Says that the person is signed out here, and what that may not mean.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut<'a> {
    /// Where to sign in again.
    pub sign_in_url: &'a str,
}

/// Sends a page with the header fields that every page carries.
pub fn page(status: StatusCode, template: &impl Template) -> Reply {
    let (status, media_type, text) = match template.render() {
        Ok(html) => (status, "text/html; charset=utf-8", html),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", NO_PAGE.to_owned()),
    };
    let mut reply = Reply::new(status).with_body(HeaderValue::from_static(media_type), text);
    reply.headers.extend(SECURITY);
    reply.headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.clone());
    reply
}

/// Sends a page whose form leads to us and, by a redirect, on to another origin: Chromium asks the policy about each.
pub fn page_with_form_to(origin: Option<&str>, template: &impl Template) -> Reply {
    let mut reply = page(StatusCode::OK, template);
    if let Some(origin) = origin {
        let policy = policy(&format!(" {origin}"));
        reply.headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    reply
}

const NO_PAGE: &str = "This page cannot be shown. Please try again.\n";

#[cfg(test)]
mod tests;
