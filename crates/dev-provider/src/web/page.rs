//! HTML pages for the user

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::{IntoResponse, Response};
use base64_simd::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use url::Url;

const STYLE: &str = include_str!("page.css");

/// Allowed targets of redirects after the form. Browsers apply `form-action` to every redirect that follows.
const LOCAL_SOURCES: &str =
    "http://127.0.0.1:* http://localhost:* http://*.localhost:* https://*.localhost:*";

/// The content of the sign-in page.
pub(super) struct SignIn<'a> {
    /// The id of the request that waits for this form.
    pub(super) pending: &'a str,
    pub(super) client: &'a str,
    pub(super) redirect_uri: &'a str,
    /// The initial value of the user name field.
    pub(super) username: &'a str,
    /// The reason for which the last attempt failed.
    pub(super) message: Option<&'a str>,
}

pub(super) fn sign_in(view: &SignIn<'_>) -> Response {
    let message = view.message.map(|message| format!("<p role=\"alert\">{}</p>\n", escape(message)));
    let body = format!(
        r#"<h1>Sign in</h1>
<p>to continue to <strong>{client}</strong></p>
{message}<form id="login" method="post" action="/login">
<input type="hidden" name="request" value="{pending}">
<label for="username">User name</label>
<input name="username" id="username" value="{username}" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">Password</label>
<input name="password" type="password" id="password" autocomplete="current-password" required>
<button type="submit" id="sign-in">Sign in</button>
</form>"#,
        client = escape(view.client),
        message = message.unwrap_or_default(),
        pending = escape(view.pending),
        username = escape(view.username),
    );
    let form_action = format!("'self' {LOCAL_SOURCES}{}", origin(view.redirect_uri));
    page(StatusCode::OK, "Sign in", &body, &form_action)
}

/// Returns a page with a message only.
pub(super) fn notice(status: StatusCode, title: &str, message: &str) -> Response {
    let body = format!("<h1>{}</h1>\n<p>{}</p>", escape(title), escape(message));
    page(status, title, &body, "'none'")
}

fn page(status: StatusCode, title: &str, body: &str, form_action: &str) -> Response {
    let title = escape(title);
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · development provider</title>
<style>{STYLE}</style>
</head>
<body>
<aside>Development provider, not for production</aside>
<main>
{body}
</main>
</body>
</html>
"#
    );
    (status, headers(form_action), html).into_response()
}

fn headers(form_action: &str) -> [(HeaderName, HeaderValue); 6] {
    let style = STANDARD.encode_to_string(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    );
    // The origin in the policy is plain (see `origin`), so this cannot fail. If it did, the policy would allow nothing.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ]
}

/// Returns the origin of the redirect URI as a further source. Returns an empty string if the origin contains
/// characters that are policy syntax.
fn origin(redirect_uri: &str) -> String {
    let origin = Url::parse(redirect_uri).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let plain = origin.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-_".contains(&byte));
    if plain && origin.contains("://") { format!(" {origin}") } else { String::new() }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escape, origin};

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape(r#"<a href="x">'&"#), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }

    #[test]
    fn origin_with_policy_syntax_is_left_out() {
        assert_eq!(origin("https://app.example:8443/cb"), " https://app.example:8443");
        assert_eq!(origin("https://a;script-src:1/"), "");
        assert_eq!(origin("custom:callback"), "");
    }
}
