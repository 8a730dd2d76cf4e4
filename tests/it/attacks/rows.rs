//! Threats without an advisory
//!
//! The name of each test contains its row in docs/attacks.md.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use reqwest::Method;
use reqwest::header::{COOKIE, HeaderMap, SET_COOKIE};

use super::{ask, fields, raw};
use crate::harness::{Browser, Gateway, KEY, Page, Process, Provider, provider, real_time_provider};

#[tokio::test]
async fn row_11_session_cookie_is_not_valid_on_another_host() {
    let provider = provider().await;
    let urls = [("public.urls", "http://127.0.0.1:PORT,http://app.localhost:PORT")];
    let gateway = Gateway::with(&provider, &urls).await;
    let browser = gateway.signed_in_browser("alice").await;
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
    let host = format!("app.localhost:{}", gateway.public.port());
    assert_eq!(ask(&gateway, Some(&browser), &[("x-forwarded-host", &host)]).await.status, 302);
}

#[tokio::test]
async fn row_17_of_twenty_tabs_five_sign_in_and_the_others_get_a_link() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let mut forms: Vec<Page> = Vec::new();
    for tab in 0..20 {
        forms.push(browser.open(&gateway.url(&format!("/oauth2/start?rd=/tab/{tab}"))).await);
        let pending =
            browser.cookie_names().iter().filter(|name| name.starts_with("foregate-login-")).count();
        assert!(pending <= 5, "{pending}");
        assert!(browser.cookie_header().unwrap().len() < 4096);
    }
    let mut own_pages = 0;
    for (tab, form) in forms.iter().enumerate() {
        let end = browser.sign_in(form, "testuser", "testuser").await;
        if browser.visited.last().unwrap().path() == format!("/tab/{tab}") {
            own_pages += 1;
        } else {
            assert!(end.status == 400 && end.body.contains("/oauth2/start?rd="), "{tab}: {}", end.body);
        }
    }
    assert_eq!(own_pages, 5);
}

#[tokio::test]
async fn row_24_head_of_any_size_is_refused_or_answered() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let request = |fields: &str| {
        format!(
            "GET /oauth2/sign_in HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{fields}\r\n",
            gateway.public
        )
    };
    let many = (0..200).fold(String::new(), |mut fields, number| {
        write!(fields, "X-Number-{number}: 1\r\n").unwrap();
        fields
    });
    let heads =
        [many, format!("X-Long: {}\r\n", "a".repeat(100_000)), format!("{}: 1\r\n", "a".repeat(70_000))];
    for head in heads {
        let answer = raw(Ipv4Addr::LOCALHOST, gateway.public, request(&head).as_bytes()).await;
        // A server that closes while bytes still arrive may lose its own answer.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert!(
        raw(Ipv4Addr::LOCALHOST, gateway.public, request("").as_bytes()).await.starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn row_24_large_body_at_own_pages_is_refused() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = gateway.signed_in_browser("alice").await;
    let own = fields(&[("origin", &gateway.url("")), ("sec-fetch-site", "same-origin")]);
    let body = "a".repeat(200_000);
    let url = gateway.url("/oauth2/sign_out");
    let page = browser.request(Method::POST, &url, own, Some(&[("rd", &body)])).await;
    assert_eq!(page.status, 413, "{}", page.body);
}

/// The gateway keeps no state of a sign-in that is not finished.
#[tokio::test]
async fn row_25_unfinished_sign_ins_take_no_memory() {
    let provider = real_time_provider().await;
    let environment =
        [("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let process = Process::start(provider.issuer(), &environment, &[("log.level", "error")]).await;
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap()
    };
    let begin = async |times: usize| {
        let request = format!(
            "GET /oauth2/start?rd=/deep HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            process.public
        );
        for _ in 0..times {
            let answer =
                raw(Ipv4Addr::LOCALHOST, (Ipv4Addr::LOCALHOST, process.public).into(), request.as_bytes())
                    .await;
            assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
        }
    };
    begin(500).await;
    let before = resident();
    begin(5000).await;
    // 5000 transactions of half a kilobyte would be 2.5 MB.
    assert!(resident() - before < 2000, "{} kB more", resident() - before);
}

#[tokio::test]
async fn row_26_client_input_never_begins_a_log_line() {
    let evil = "%0d%0aERROR%20forged%1b%5b31m%e2%80%a8%e2%80%ae%00";
    for format in ["text", "json"] {
        let provider = real_time_provider().await;
        let environment =
            [("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"), ("FOREGATE_SESSION__KEYS", KEY)];
        let more = [("log.level", "trace"), ("log.format", format)];
        let process = Process::start(provider.issuer(), &environment, &more).await;
        let base = format!("http://127.0.0.1:{}", process.public);
        let mut browser = Browser::new();
        browser.open(&format!("{base}/oauth2/start?rd=/{evil}")).await;
        let state = provider.authorization_requests()[0]["state"].clone();
        for url in [
            format!("{base}/{evil}?{evil}"),
            format!("{base}/oauth2/{evil}"),
            format!("{base}/oauth2/callback?state={evil}&code={evil}&iss={evil}"),
            format!(
                "{base}/oauth2/callback?state={state}&error={evil}&error_description={evil}&iss={}",
                provider.issuer()
            ),
        ] {
            let odd = fields(&[("user-agent", "a\u{2028}b\u{202e}"), ("x-request-id", "\u{202e}forged")]);
            browser.request(Method::GET, &url, odd, None).await;
        }
        let log = process.log();
        assert!(log.contains("sign-in failed") && log.contains("forged"), "{log}");
        for line in log.lines() {
            assert!(!line.trim_start().starts_with("ERROR forged"), "{format}: {log}");
            assert!(!line.contains(['\u{1b}', '\u{2028}', '\u{202e}', '\0', '\r']), "{format}: {line:?}");
            if format == "json" {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
            }
        }
    }
}

const POLYGLOTS: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'-alert(1)-'",
    "javascript:/*--></title></style></textarea></script><svg/onload=alert(1)>//",
    "</title><svg onload=alert(1)>",
];

#[tokio::test]
async fn row_30_client_input_never_becomes_markup() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for polyglot in POLYGLOTS {
        let text: String = form_urlencoded::byte_serialize(polyglot.as_bytes()).collect();
        for path in [
            "sign_in?rd=TEXT",
            "sign_in?form=TEXT",
            "sign_in?form=not_sent&rd=/TEXT",
            "start?rd=TEXT&rd=TEXT",
            "sign_out?rd=TEXT",
            "TEXT",
            "callback?state=TEXT&code=TEXT&iss=TEXT&error=TEXT",
            "callback?state=STATE&error=TEXT&error_description=TEXT&error_uri=TEXT&iss=ISS",
        ] {
            let mut browser = Browser::new();
            let path = path.replace("TEXT", &text).replace("ISS", provider.issuer());
            let path = if path.contains("STATE") {
                browser.open(&gateway.url("/oauth2/start")).await;
                path.replace("STATE", &provider.authorization_requests().last().unwrap()["state"])
            } else {
                path
            };
            let page = browser.go(&gateway.url(&format!("/oauth2/{path}"))).await;
            assert!(!page.body.contains(polyglot), "{path}: {}", page.body);
            assert!(page.headers.contains_key("content-security-policy"), "{path}");
        }
    }
}

/// The page for denied users shows the user name, and the provider lets users choose it.
#[tokio::test]
async fn row_30_user_name_never_becomes_markup() {
    for polyglot in POLYGLOTS {
        let mut settings = dev_provider::Settings::default();
        polyglot.clone_into(&mut settings.users[0].username);
        let provider = Provider::start(settings).await;
        let gateway = Gateway::with(&provider, &[("policies.default.allowed_groups", "nobody")]).await;
        let mut browser = Browser::new();
        let form = browser.open(&gateway.url("/oauth2/start")).await;
        browser.sign_in(&form, polyglot, "testuser").await;
        let page = gateway.ask_as(&browser, "/").await;
        assert_eq!(page.status, 403);
        assert!(page.body.contains("Signed in as") && !page.body.contains(polyglot), "{}", page.body);
    }
}

/// TLS ends at the proxy. Its forwarded fields change neither scheme nor host.
#[tokio::test]
async fn row_33_and_row_39_scheme_and_host_come_from_the_configuration() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("public.urls", "https://app.test")]).await;
    for spoof in [
        &[("x-forwarded-proto", "http")][..],
        &[("x-forwarded-host", "evil.test"), ("x-forwarded-port", "81")],
        &[("forwarded", "host=evil.test;proto=http")],
        &[("x-host", "evil.test"), ("x-forwarded-server", "evil.test")],
    ] {
        let mut headers = fields(spoof);
        headers.insert("host", "app.test:80".parse().unwrap());
        let page = Browser::new().request(Method::GET, &gateway.url("/oauth2/start"), headers, None).await;
        assert!(
            page.location().contains("redirect_uri=https%3A%2F%2Fapp.test%2Foauth2%2Fcallback"),
            "{spoof:?}"
        );
        let cookies: Vec<&str> =
            page.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        assert!(!cookies.is_empty());
        for cookie in cookies {
            assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{spoof:?}: {cookie}");
        }
    }
}

#[tokio::test]
async fn row_45_planted_login_cookies_do_not_prevent_a_sign_in() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for (count, length) in [(1000, 3), (300, 60), (5, 4000), (40, 500)] {
        let planted: Vec<String> =
            (0..count).map(|number| format!("foregate-login-{number}={}", "x".repeat(length))).collect();
        for path in ["start", "callback?state=x&code=y", "sign_in", "sign_out"] {
            let headers = HeaderMap::from_iter([(COOKIE, planted.join("; ").parse().unwrap())]);
            let url = gateway.url(&format!("/oauth2/{path}"));
            let page = Browser::new().request(Method::GET, &url, headers, None).await;
            assert!(page.status < 500, "{count} of {length} at {path}: {}", page.status);
        }
    }
    let mut browser = Browser::new();
    for number in 0..30 {
        browser.set_cookie(&format!("foregate-login-{number}"), "planted");
    }
    let form = browser.open(&gateway.url("/oauth2/start?rd=/deep")).await;
    browser.sign_in(&form, "alice", "alice").await;
    assert_eq!(browser.visited.last().unwrap().path(), "/deep");
}
