//! Check endpoints of the dialects with forwarded fields
//!
//! One table of tests runs for each dialect.

use reqwest::header::HeaderName;

use crate::harness::{Browser, Gateway, HttpReply, provider};

async fn ask_with(gateway: &Gateway, browser: Option<&Browser>, more: &[(&str, &str)]) -> HttpReply {
    let mut headers = gateway.question("/c/main");
    headers.extend(browser.and_then(Browser::cookie_header).map(|value| (reqwest::header::COOKIE, value)));
    for (name, value) in more {
        let name: HeaderName = name.parse().unwrap();
        if *value == "(absent)" {
            headers.remove(name);
        } else {
            headers.insert(name, value.parse().unwrap());
        }
    }
    gateway.ask(headers).await
}

async fn request_that_is_no_navigation_gets_401_and_x_reload(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    for more in [
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")][..],
        &[("sec-fetch-dest", "iframe")],
        &[("sec-websocket-key", "x")],
        &[("sec-purpose", "prefetch")],
        &[("sec-fetch-mode", "(absent)"), ("sec-fetch-dest", "(absent)"), ("accept", "application/json")],
    ] {
        let reply = ask_with(&gateway, None, more).await;
        assert_eq!(reply.status, 401, "{more:?}");
        assert_eq!(reply.header("x-reload"), Some("reload"));
        assert!(reply.header("www-authenticate").is_some());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("vary"), Some("Accept, Cookie"));
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((&problem["status"], problem["title"].as_str()), (&401.into(), Some("Unauthorized")));
        assert!(problem["message"].as_str().unwrap().starts_with("No user is signed in"), "{problem}");
        assert!(problem["request_id"].is_string(), "{problem}");
    }
    let text = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "text/plain")];
    let reply = ask_with(&gateway, None, &text).await;
    assert_eq!((reply.status, reply.header("content-type")), (401, Some("text/plain; charset=utf-8")));
}

async fn form_post_without_session_shows_that_it_was_not_sent(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let referer = gateway.url("/edit");
    let reply = ask_with(&gateway, None, &[("x-forwarded-method", "POST"), ("referer", &referer)]).await;
    assert_eq!(reply.status, 303);
    let page = Browser::new().go(reply.header("location").unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("edit"), "{}", page.body);
}

async fn malformed_check_is_400_even_with_a_session(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let browser = gateway.signed_in_browser("testuser").await;
    for name in
        ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri", "x-forwarded-for"]
    {
        let missing = ask_with(&gateway, Some(&browser), &[(name, "(absent)")]).await;
        assert_eq!(missing.status, 400, "{name}");
        assert!(missing.body.contains(name), "{}", missing.body);
        let mut twice = gateway.question("/");
        let value = twice[name].clone();
        twice.append(name.parse::<HeaderName>().unwrap(), value);
        twice.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
        assert_eq!(gateway.ask(twice).await.status, 400, "{name}");
    }
    for (name, value) in [
        ("x-forwarded-method", "GE T"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-uri", "http://evil.test/"),
        ("x-forwarded-uri", "/a b"),
        ("x-forwarded-uri", "/a#b"),
        ("x-forwarded-for", "unknown"),
    ] {
        let reply = ask_with(&gateway, Some(&browser), &[(name, value)]).await;
        assert_eq!(reply.status, 400, "{name}: {value}");
    }
}

async fn host_that_is_not_configured_is_denied(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let browser = gateway.signed_in_browser("testuser").await;
    for host in ["evil.test", "127.0.0.2", ""] {
        assert_eq!(
            ask_with(&gateway, Some(&browser), &[("x-forwarded-host", host)]).await.status,
            403,
            "{host}"
        );
    }
}

async fn other_forwarded_fields_do_not_change_the_answer(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let spoofs = [
        ("x-original-url", "https://evil.test/"),
        ("x-original-method", "DELETE"),
        ("forwarded", "host=evil.test;proto=https"),
        ("x-forwarded-scheme", "https"),
        ("x-forwarded-port", "444"),
        ("x-forwarded-prefix", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-auth-request-redirect", "https://evil.test/"),
    ];
    let expected = ask_with(&gateway, None, &[]).await;
    let answer = ask_with(&gateway, None, &spoofs).await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), expected.header("location"));
}

async fn alias_of_an_identity_header_is_refused(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let browser = gateway.signed_in_browser("testuser").await;
    for name in [
        "x_forwarded_user",
        "x.forwarded.user",
        "x-forwarded_id-token",
        "impersonate_user",
        "impersonate.group",
    ] {
        assert_eq!(ask_with(&gateway, Some(&browser), &[(name, "root")]).await.status, 400, "{name}");
    }
    let exact = ask_with(&gateway, Some(&browser), &[("x-forwarded-user", "root")]).await;
    assert_eq!((exact.status, exact.header("x-forwarded-user")), (200, Some("testuser")));
}

async fn own_cookies_are_removed_and_other_cookies_are_kept(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("headers.authorization", "true")]).await.in_dialect(dialect);
    let mut browser = gateway.signed_in_browser("testuser").await;
    let alone = gateway.ask_as(&browser, "/").await;
    // The jar also has the provider's own cookie, because cookies ignore ports.
    assert!(!alone.header("cookie").unwrap_or_default().contains("foregate"));
    browser.set_cookie("theme", "dark");
    browser.set_cookie("foregate-1", "left over");
    let passed = gateway.ask_as(&browser, "/").await;
    let cookie = passed.header("cookie").unwrap();
    assert!(cookie.contains("theme=dark") && !cookie.contains("foregate"), "{cookie}");
    let token = passed.header("x-forwarded-id-token").unwrap();
    assert_eq!(passed.header("authorization"), Some(format!("Bearer {token}").as_str()));
    assert!(!passed.headers.contains_key("set-cookie"));
}

async fn identity_header_names_are_configurable(dialect: &'static str) {
    let provider = provider().await;
    let more = [("headers.user", "X-Who"), ("headers.group", "X-Of")];
    let gateway = Gateway::with(&provider, &more).await.in_dialect(dialect);
    let passed = gateway.ask_as(&gateway.signed_in_browser("alice").await, "/").await;
    assert_eq!((passed.header("x-who"), passed.header("x-of")), (Some("alice"), Some("dev")));
    assert_eq!(passed.header("x-forwarded-user"), None);
}

async fn missing_groups_and_unverified_email_give_empty_headers(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let passed = gateway.ask_as(&gateway.signed_in_browser("bob").await, "/").await;
    assert_eq!(passed.status, 200);
    assert_eq!(passed.header("x-forwarded-group"), Some(""));
    assert_eq!(passed.header("x-forwarded-email"), Some(""));
}

async fn named_policy_decides_and_an_unknown_policy_denies(dialect: &'static str) {
    let provider = provider().await;
    let gateway =
        Gateway::with(&provider, &[("policies.ops.allowed_groups", "ops")]).await.in_dialect(dialect);
    let (alice, testuser) =
        (gateway.signed_in_browser("alice").await, gateway.signed_in_browser("testuser").await);
    let ask = async |browser: &Browser, path: &str| {
        let mut headers = gateway.question("/");
        headers.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
        gateway.ask_at(path, headers).await
    };
    assert_eq!(ask(&alice, &format!("/check/{dialect}")).await.status, 200);
    assert_eq!(ask(&testuser, &format!("/check/policy/ops/{dialect}")).await.status, 200);
    let denied = ask(&alice, &format!("/check/policy/ops/{dialect}")).await;
    assert_eq!(denied.status, 403);
    assert!(denied.body.contains("alice"), "{}", denied.body);
    assert!(!denied.headers.contains_key("location") && !denied.headers.contains_key("x-forwarded-user"));
    assert_eq!(ask(&testuser, &format!("/check/policy/none/{dialect}")).await.status, 403);
}

async fn untrusted_peer_gets_403_and_no_identity(dialect: &'static str) {
    let provider = provider().await;
    let gateway =
        Gateway::with(&provider, &[("check.trusted_proxies", "192.0.2.1")]).await.in_dialect(dialect);
    let browser = gateway.signed_in_browser("testuser").await;
    let reply = gateway.ask_as(&browser, "/").await;
    assert_eq!(reply.status, 403);
    assert!(!reply.headers.contains_key("x-forwarded-user"));
}

async fn websocket_of_another_origin_is_refused_despite_a_session(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let browser = gateway.signed_in_browser("testuser").await;
    let own = gateway.url("");
    for (origin, status) in
        [(own.as_str(), 200), ("https://evil.test", 403), ("null", 403), ("(absent)", 200)]
    {
        let reply =
            ask_with(&gateway, Some(&browser), &[("sec-websocket-key", "x"), ("origin", origin)]).await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

async fn public_listener_answers_no_check(dialect: &'static str) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let mut browser = gateway.signed_in_browser("testuser").await;
    let page = browser.go(&gateway.url(&format!("/check/{dialect}"))).await;
    assert_eq!(page.status, 404);
    assert!(!page.headers.contains_key("x-forwarded-user"));
}

async fn public_path_passes_without_session_identity_or_own_cookies(dialect: &'static str) {
    let provider = provider().await;
    let more = [("public_paths.assets.paths", "/assets/"), ("headers.authorization", "true")];
    let gateway = Gateway::with(&provider, &more).await.in_dialect(dialect);
    let mut headers = gateway.question("/assets/app.js?v=1");
    headers.insert("cookie", "foregate=stale; theme=dark".parse().unwrap());
    headers.insert("x-forwarded-user", "root".parse().unwrap());
    let reply = gateway.ask(headers).await;
    assert_eq!(reply.status, 200);
    for name in ["x-forwarded-user", "x-forwarded-group", "x-forwarded-email", "x-forwarded-id-token"] {
        assert_eq!(reply.header(name), Some(""), "{name}");
    }
    assert_eq!((reply.header("cookie"), reply.header("authorization")), (Some("theme=dark"), None));
    let known = gateway.signed_in_browser("testuser").await;
    assert_eq!(gateway.ask_as(&known, "/assets/x").await.header("x-forwarded-user"), Some("testuser"));
    for private in ["/assets/../admin", "/assets/%2e%2e/admin", "/assets//x", "/Assets/x", "/?/assets/"] {
        assert_eq!(gateway.ask(gateway.question(private)).await.status, 302, "{private}");
    }
    let mut post = gateway.question("/assets/app.js");
    post.insert("x-forwarded-method", "POST".parse().unwrap());
    assert_eq!(gateway.ask(post).await.status, 303, "the methods are GET and HEAD");
}

async fn cross_origin_write_is_refused_unless_allowed(dialect: &'static str) {
    let provider = provider().await;
    let forged =
        [("x-forwarded-method", "POST"), ("origin", "https://sibling.test"), ("sec-fetch-site", "same-site")];
    let gateway = Gateway::start(&provider).await.in_dialect(dialect);
    let browser = gateway.signed_in_browser("testuser").await;
    assert_eq!(ask_with(&gateway, Some(&browser), &forged).await.status, 403);
    let own = gateway.url("");
    let same_origin = [("x-forwarded-method", "POST"), ("origin", &*own), ("sec-fetch-site", "same-origin")];
    assert_eq!(ask_with(&gateway, Some(&browser), &same_origin).await.status, 200);
    let open =
        Gateway::with(&provider, &[("public.allow_cross_origin_writes", "true")]).await.in_dialect(dialect);
    let browser = open.signed_in_browser("testuser").await;
    assert_eq!(ask_with(&open, Some(&browser), &forged).await.status, 200);
}

/// Instantiates the table for each dialect, in one module per dialect.
macro_rules! in_each_dialect {
    ([$($dialect:ident),*], $table:tt) => {
        $(in_dialect!($dialect, $table);)*
    };
}

macro_rules! in_dialect {
    ($dialect:ident, [$($name:ident,)*]) => {
        mod $dialect {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(stringify!($dialect)).await;
                }
            )*
        }
    };
}

in_each_dialect!(
    [traefik, caddy, haproxy],
    [
        request_that_is_no_navigation_gets_401_and_x_reload,
        form_post_without_session_shows_that_it_was_not_sent,
        malformed_check_is_400_even_with_a_session,
        host_that_is_not_configured_is_denied,
        other_forwarded_fields_do_not_change_the_answer,
        alias_of_an_identity_header_is_refused,
        own_cookies_are_removed_and_other_cookies_are_kept,
        identity_header_names_are_configurable,
        missing_groups_and_unverified_email_give_empty_headers,
        named_policy_decides_and_an_unknown_policy_denies,
        untrusted_peer_gets_403_and_no_identity,
        websocket_of_another_origin_is_refused_despite_a_session,
        public_listener_answers_no_check,
        public_path_passes_without_session_identity_or_own_cookies,
        cross_origin_write_is_refused_unless_allowed,
    ]
);
