use super::*;
use crate::flow::ports::UnixTime;

const HOSTILE: &str = "<script>\"'&</style><img src=x>";

fn own_sessions(text: &str, permission: Permission) -> Reply {
    let row = |is_current| OwnSessionRow {
        id: text,
        device: text,
        other_host: Some(text),
        address: Some(text.to_owned()),
        began_at: UnixTime(1_763_842_500),
        active_at: UnixTime(1_763_842_500),
        now: UnixTime(1_763_849_700),
        is_current,
    };
    let (user, action, sign_in_url, sign_out_url) = (text, text, text, text);
    let rows = &[row(true), row(false)];
    page(StatusCode::OK, &OwnSessionsPage { user, rows, permission, action, sign_in_url, sign_out_url })
}

/// Returns each page, with the text in each field.
fn every_page(text: &str) -> Vec<Reply> {
    let link = |url| Some(Link { label: text, url });
    let fields = [true, false].map(|identity| Field { name: text, value: text, identity });
    let long = text.repeat(20);
    let long = [Field { name: text, value: &long, identity: true }];
    let session = |headers| Echo {
        headers,
        user: text,
        token_begins_at: Some(UnixTime(1_763_842_500)),
        token_ends_at: Some(UnixTime(u64::MAX)),
        sign_out_url: text,
    };
    let problem = Problem {
        title: text,
        what_happened: text,
        what_to_do: text,
        account: Some(text),
        link: link(text),
        for_operator: Some(text),
        request_id: text,
        status: StatusCode::BAD_REQUEST,
    };
    vec![
        page(StatusCode::OK, &SignIn { start_url: text }),
        page(StatusCode::OK, &FormNotSent { start_url: text }),
        page(StatusCode::OK, &SignOut { action: text, user: Some(text) }),
        page(StatusCode::OK, &SignOut { action: text, user: None }),
        page(StatusCode::OK, &SignedOut { at_provider: false, sign_in_url: text }),
        page(StatusCode::OK, &SignedOut { at_provider: true, sign_in_url: text }),
        own_sessions(text, Permission::Granted),
        own_sessions(text, Permission::NeedsSignIn),
        own_sessions(text, Permission::NotConfirmed),
        page(StatusCode::OK, &NoSessionList { sign_out_url: text }),
        page(StatusCode::OK, &session(&fields)),
        page(StatusCode::OK, &session(&long)),
        problem.reply(),
        Problem::not_permitted(text, text, text).reply(),
        Problem::bad_request(text).reply(),
        Problem::sign_in_ended(text, text).reply(),
        Problem::provider_unavailable(text, text).reply(),
        Problem::not_configured(text, text).reply(),
        Problem::gateway_refused(text, text).reply(),
        Problem::form_post(text).reply(),
        Problem::provider_refused(text, text).reply(),
        Problem::interaction_required(text, text).reply(),
        Problem::insufficient_authentication(text, text).reply(),
        Problem::provider_misbehaved(text, text).reply(),
        Problem::clocks_differ(text, text).reply(),
        Problem::name_not_verified(text, text).reply(),
        Problem::too_many_groups(text).reply(),
        Problem::session_too_large(text).reply(),
        Problem::unknown_host(text).reply(),
    ]
}

fn html(response: &Reply) -> String {
    String::from_utf8(response.body.to_vec()).unwrap()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).expect(start).0
}

/// Removes the style sheet.
fn without_style(html: &str) -> String {
    html.replace(between(html, "<style>", "</style>"), "")
}

#[test]
fn hostile_text_on_a_page_is_escaped() {
    for response in every_page(HOSTILE) {
        let html = html(&response);
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains(r#""'&"#), "{html}");
        assert_eq!(html.matches("</style>").count(), 1, "{html}");
    }
}

#[test]
fn content_security_policy_has_the_digest_of_the_style_sheet() {
    for response in every_page("x") {
        let policy = response.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let html = html(&response);
        let sent = digest(&SHA256, between(&html, "<style>", "</style>").as_bytes());
        assert_eq!(
            between(&policy, "style-src 'sha256-", "'"),
            base64_simd::STANDARD.encode_to_string(sent.as_ref())
        );
        assert!(!html.contains("style=\""), "the policy forbids style attributes");
    }
}

#[test]
fn each_page_supports_phones_and_screen_readers() {
    for response in every_page("alice") {
        let html = html(&response);
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{html}");
        assert!(html.contains(r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#));
        assert!(between(&html, "<title>", " · Foregate</title>").len() > 3);
        assert_eq!(html.matches("<main>").count(), 1);
        assert_eq!(html.matches("<h1>").count(), 1);
        assert!(!between(&html, "<h1>", "</h1>").is_empty());
        let label = |at: &str| html.matches(at).count();
        assert!(label(r#"id="sign-in""#) < 2 && label(r#"id="sign-out""#) < 2, "an id is used once");
    }
}

#[test]
fn each_page_loads_nothing() {
    for response in every_page("alice") {
        let html = html(&response);
        for reference in ["src=", "srcset=", "@import", "url(", "<script", "javascript:", "http-equiv", " on"]
        {
            let checked = if reference == " on" { without_style(&html) } else { html.clone() };
            let attribute = |rest: &str| rest.split([' ', '>']).next().is_some_and(|word| word.contains('='));
            let found = checked.split(reference).skip(1).any(|rest| reference != " on" || attribute(rest));
            assert!(!found, "{reference} in {checked}");
        }
        assert!(
            html.split("<link ").skip(1).all(|link| link.starts_with("rel=\"icon\" href=\"data:")),
            "{html}"
        );
    }
}

#[test]
fn each_page_has_all_security_headers() {
    for response in every_page("alice") {
        let says = |name: &str| response.headers[name].to_str().unwrap();
        assert_eq!(says("content-type"), "text/html; charset=utf-8");
        assert_eq!(says("x-content-type-options"), "nosniff");
        assert_eq!(says("referrer-policy"), "no-referrer");
        assert_eq!(says("cross-origin-opener-policy"), "same-origin");
        assert_eq!(says("cache-control"), "no-store");
        assert_eq!(says("x-frame-options"), "DENY");
        assert_eq!(says("vary"), "Cookie");
        for rule in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(says("content-security-policy").contains(rule), "{rule}");
        }
    }
}

#[test]
fn page_about_an_outage_has_retry_after() {
    let outage = Problem::provider_unavailable("/", "1").reply();
    assert_eq!(outage.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(outage.headers.contains_key(header::RETRY_AFTER));
    assert!(!Problem::bad_request("1").reply().headers.contains_key(header::RETRY_AFTER));
}

#[test]
fn page_that_cannot_be_rendered_is_replaced_by_plain_text() {
    #[derive(Template)]
    #[template(ext = "html", source = "{{ Broken }}")]
    struct Page;
    struct Broken;
    impl std::fmt::Display for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    let response = page(StatusCode::OK, &Page);
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert!(response.headers.contains_key(header::CONTENT_SECURITY_POLICY));
    assert_eq!(html(&response), NO_PAGE);
}

#[test]
fn demo_page_folds_a_long_value_and_shows_times_in_utc() {
    let token = "e".repeat(1200);
    let headers = [
        Field { name: "x-id-token", value: &token, identity: true },
        Field { name: "x-groups", value: "", identity: true },
        Field { name: "accept", value: "text/html", identity: false },
    ];
    let token_ends_at = Some(UnixTime(1_763_842_500));
    let echo =
        Echo { headers: &headers, user: "alice", token_begins_at: None, token_ends_at, sign_out_url: "/" };
    let html = html(&page(StatusCode::OK, &echo));
    assert_eq!(html.matches(&token).count(), 1);
    assert_eq!(html.matches("<details>").count(), 1);
    assert!(html.contains("<em>empty</em>"));
    assert!(
        html.contains(r#"<time datetime="2025-11-22T20:15:00Z">22 Nov 2025, 20:15 UTC</time>"#),
        "{html}"
    );
    let (identity, others) = html.split_once("The rest of the request").unwrap();
    assert!(identity.contains("x-id-token") && !identity.contains(">accept<"));
    assert!(others.contains(">accept<") && !others.contains("x-id-token"));
}

#[test]
fn sessions_page_has_buttons_only_after_a_recent_authentication() {
    for (permission, forms, id) in [
        (Permission::Granted, 2, "end-others"),
        (Permission::NeedsSignIn, 0, "sign-in-again"),
        (Permission::NotConfirmed, 0, "not-confirmed"),
    ] {
        let html = html(&own_sessions("alice", permission));
        assert_eq!(html.matches("<form").count(), forms, "{permission:?}");
        assert!(html.contains(&format!("id=\"{id}\"")), "{html}");
        assert_eq!(html.matches("This browser").count(), 1);
        assert!(html.contains("2 hours ago") && html.contains("22 Nov 2025, 20:15 UTC"), "{html}");
    }
}

#[test]
fn sessions_page_shows_a_hundred_sessions() {
    let row = |id| OwnSessionRow {
        id,
        device: "Firefox on Linux",
        other_host: None,
        address: None,
        began_at: UnixTime(1),
        active_at: UnixTime(1),
        now: UnixTime(1),
        is_current: id == "0",
    };
    let ids: Vec<_> = (0..103).map(|number| number.to_string()).collect();
    let rows: Vec<_> = ids.iter().map(|id| row(id)).collect();
    let permission = Permission::Granted;
    let page = page(
        StatusCode::OK,
        &OwnSessionsPage {
            user: "a",
            rows: &rows,
            permission,
            action: "/",
            sign_in_url: "/",
            sign_out_url: "/",
        },
    );
    let html = html(&page);
    assert_eq!(html.matches("Firefox on Linux</strong>").count(), 100);
    assert!(html.contains("3 more sessions are not shown"));
}
