//! HTML pages for users
//!
//! Each page
//!
//! 1. is self-contained: it has no script, loads nothing, and has one style sheet, whose digest is in the policy;
//! 2. escapes each value (askama does so because the names of the templates end in `.html`);
//! 3. must not be cached, framed or interpreted as another media type.
//!
//! Escaping does not make a hostile link harmless. Each URL on a page is therefore our own or a validated
//! [`ReturnTo`](crate::access::return_to::ReturnTo).

mod echo;
mod own_sessions;
mod problem;
mod utc_time;

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderValue, StatusCode, header};

pub use echo::{Echo, Field};
pub use own_sessions::{NoSessionList, OwnSessionRow, OwnSessionsPage, Permission};
pub use problem::{Link, Problem, RETRY_AFTER};

use crate::edge::reply::Reply;

/// The style sheet. The page contains it, and the policy contains its digest.
const STYLE: &str = include_str!("templates/style.css");

/// Header fields in addition to those of every reply.
const SECURITY: [(header::HeaderName, HeaderValue); 3] = [
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// The policy of most pages. It depends only on [`STYLE`], so it is computed once.
static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| content_security_policy(""));

/// Returns the policy of a page whose forms may lead to one more origin. `form_to` begins with a space, or is empty.
fn content_security_policy(form_to: &str) -> HeaderValue {
    let style = base64_simd::STANDARD.encode_to_string(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'{form_to}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Offers to sign in, if the gateway does not redirect to the provider at once.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// The URL that begins the sign-in.
    pub start_url: &'a str,
}

/// Says that a form was sent after the end of the session, and did not reach the application.
#[derive(Template)]
#[template(path = "form_not_sent.html")]
pub struct FormNotSent<'a> {
    /// The URL that begins the sign-in and returns to the form.
    pub start_url: &'a str,
}

/// Asks the user to confirm the sign-out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOut<'a> {
    /// The URL that the form is posted to.
    pub action: &'a str,
    /// The user name, if known.
    pub user: Option<&'a str>,
}

/// Says that the user is signed out.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut<'a> {
    /// Whether the provider confirmed that its session ended too.
    pub at_provider: bool,
    /// The URL to sign in again.
    pub sign_in_url: &'a str,
}

/// Returns a page with the header fields of all pages.
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

/// Returns a page whose form is posted to the gateway, which redirects to another origin. Chromium applies the policy
/// to both.
pub fn page_with_form_to(origin: Option<&str>, template: &impl Template) -> Reply {
    let mut reply = page(StatusCode::OK, template);
    if let Some(origin) = origin {
        let policy = content_security_policy(&format!(" {origin}"));
        reply.headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    reply
}

const NO_PAGE: &str = "This page cannot be shown. Please try again.\n";

#[cfg(test)]
mod tests;
