//! Log lines and their limits, for any input of a client

use dev_provider::{Preset, Settings};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::harness::{Browser, DevProvider, KEY, Process, get_with, real_time_provider};

const SECRETS: [(&str, &str); 2] = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];

/// Asks the Traefik check, with these fields set or replaced.
async fn ask(process: &Process, fields: &[(&str, &str)]) -> u16 {
    ask_at(process, "/check/traefik", fields).await
}

async fn ask_at(process: &Process, path: &str, fields: &[(&str, &str)]) -> u16 {
    let host = format!("127.0.0.1:{}", process.public);
    let mut headers = HeaderMap::new();
    let usual = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", &host),
        ("x-forwarded-uri", "/"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    for (name, value) in usual.iter().chain(fields) {
        headers
            .insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    get_with(&format!("http://127.0.0.1:{}{path}", process.check), headers).await.status
}

#[tokio::test]
async fn log_names_the_client_behind_the_trusted_proxies() {
    let provider = real_time_provider().await;
    let trusted = [("check.trusted_proxies", "127.0.0.1,10.0.0.0/8")];
    let process = Process::start(provider.issuer(), &[], &[&SECRETS[..], &trusted].concat()).await;
    let fields = [("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.1"), ("x_forwarded_user", "root")];
    assert_eq!(ask(&process, &fields).await, 400);
    let log = process.log();
    assert!(log.contains("client=203.0.113.7"), "{log}");
    assert!(!log.contains("6.6.6.6"), "{log}");
}

#[tokio::test]
async fn unknown_check_path_is_answered_with_the_valid_paths() {
    let provider = real_time_provider().await;
    let process = Process::start(provider.issuer(), &[], &SECRETS).await;
    let misspelt = format!("/check/treafik{}", "x".repeat(1000));
    for path in [&*misspelt, "/check/ngnix", "/check", "/check/policy/staff"] {
        let url = format!("http://127.0.0.1:{}{path}", process.check);
        let reply = get_with(&url, HeaderMap::new()).await;
        assert_eq!(reply.status, 404, "{path}");
        for right in ["/check/NAME", "traefik", "caddy"] {
            assert!(reply.body.contains(right), "{path}: {}", reply.body);
        }
    }
    let log = process.log();
    let line = log.lines().find(|line| line.contains("request with an unknown path")).unwrap();
    assert!(
        line.contains("/check/treafikxxx")
            && line.contains("use /check/NAME, where NAME is one of traefik, "),
        "{line}"
    );
    assert!(line.len() < 600, "{} bytes", line.len());
    assert_eq!(log.matches("request with an unknown path").count(), 1, "{log}");
}

#[tokio::test]
async fn untrusted_peer_line_has_a_setting_that_can_be_pasted() {
    let provider = real_time_provider().await;
    let trusted = [("check.trusted_proxies", "10.0.0.0/8")];
    let process = Process::start(provider.issuer(), &[], &[&SECRETS[..], &trusted].concat()).await;
    assert_eq!(ask(&process, &[]).await, 403);
    let log = process.log();
    assert!(log.contains("set check.trusted_proxies = ['127.0.0.1']"), "{log}");
}

#[tokio::test]
async fn client_refused_by_the_provider_is_logged_with_its_settings() {
    let provider = real_time_provider().await;
    let wrong = [("provider.client_secret", "wrong"), ("session.keys", KEY)];
    let process = Process::start(provider.issuer(), &[], &wrong).await;
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    let page = browser.sign_in(&form, "alice", "alice").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("If you run this gateway"), "{}", page.body);
    let log = process.log();
    let line = log.lines().find(|line| line.contains("invalid_client")).unwrap();
    for setting in ["provider.client_id", "client secret", "(client_secret_basic is set)"] {
        assert!(line.contains(setting), "{line}");
    }
}

/// The text ends at the 1,000th character of a longer description.
const REMEDY: &str = "Remedy: change the settings of this client.";

#[tokio::test]
async fn remedy_at_the_end_of_a_long_description_is_logged() {
    let provider = real_time_provider().await;
    let process = Process::start(provider.issuer(), &[], &SECRETS).await;
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    provider.arm("token-error-invalid-scope".parse().unwrap());
    assert_eq!(browser.sign_in(&form, "alice", "alice").await.status, 403);
    provider.arm("authorization-access-denied-no-state".parse().unwrap());
    let page = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    assert_eq!(page.status, 400);
    let log = process.log();
    let line = log.lines().find(|line| line.contains("invalid_scope")).unwrap();
    assert!(line.contains(REMEDY), "{line}");
    assert!(log.contains("has the error access_denied"), "without a state: {log}");
}

#[tokio::test]
async fn denial_by_a_policy_is_logged_with_its_name() {
    let provider = real_time_provider().await;
    let staff = [("policies.staff.allowed_groups", "managers")];
    let process = Process::start(provider.issuer(), &[], &[&SECRETS[..], &staff].concat()).await;
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    browser.sign_in(&form, "alice", "alice").await;
    let cookie = browser.cookie_header().unwrap();
    let cookie = ("cookie", cookie.to_str().unwrap());
    let too_long = "x".repeat(1000);
    for policy in ["staff", "stuff", "a%0Ab%22c", &too_long] {
        let path = format!("/check/policy/{policy}/traefik");
        assert_eq!(ask_at(&process, &path, &[cookie]).await, 403, "{policy}");
    }
    assert_eq!(ask(&process, &[("x_forwarded_user", "root"), cookie]).await, 400);
    let log = process.log();
    let line_of = |policy: &str| log.lines().find(|line| line.contains(policy)).unwrap_or_default();
    assert!(line_of("policy=\"staff\"").contains("in none of the allowed groups"), "{log}");
    assert!(line_of("policy=\"stuff\"").contains("unknown policy"), "{log}");
    // The path is not decoded, so that a name cannot contain a line break.
    assert!(log.contains("policy=\"a%0Ab%22c\""), "{log}");
    assert!(line_of("xxx").len() < 600, "{log}");
    assert!(!log.contains("policy=\"default\""), "an alias breaks no policy: {log}");
}

/// Control characters, both line separators, and characters that change the writing direction.
const EVIL: &str = concat!(
    "a\r\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2J\u{9b}31m\u{7f}\0\u{85}\"b\\",
    "\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}",
);
/// Several values of this length fit into one request head.
const LONG: usize = 5_000;

/// Returns the characters of a text that a header field can carry.
fn in_a_field(text: &str) -> String {
    text.chars().filter(|character| !character.is_ascii_control()).collect()
}

/// Sends a text in every field whose value may be logged, one field at a time.
async fn send_everywhere(process: &Process, provider: &DevProvider, text: &str) {
    let carried = in_a_field(text);
    for name in ["method", "proto", "host", "uri", "for"] {
        ask(process, &[(&format!("x-forwarded-{name}"), &carried)]).await;
    }
    let host = format!("127.0.0.1:{}", process.public);
    let others = [("user-agent", &*carried), ("x-request-id", &carried), ("x-forwarded-user", &carried)];
    let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    for alias in ["x_forwarded_user", &format!("impersonate_{letters}")] {
        ask(process, &[&others[..], &[(alias, &carried)]].concat()).await;
    }
    let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let named = format!("http://127.0.0.1:{}/check/policy/{text}/traefik", process.check);
    let question =
        [("method", "GET"), ("proto", "http"), ("host", &host), ("uri", "/"), ("for", "203.0.113.9")];
    let fields = question.map(|(name, value)| {
        (format!("x-forwarded-{name}").parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    });
    assert_eq!(get_with(&named, HeaderMap::from_iter(fields)).await.status, 403);
    let base = format!("http://{host}");
    let unknown = HeaderMap::from_iter([(
        "host".parse().unwrap(),
        HeaderValue::from_bytes(carried.as_bytes()).unwrap(),
    )]);
    get_with(&format!("{base}/oauth2/start"), unknown).await;
    let mut browser = Browser::new();
    browser.open(&format!("{base}/oauth2/start?rd=/{text}")).await;
    let state = provider.authorization_requests().last().unwrap()["state"].clone();
    for query in [
        format!("state={text}&code={text}&iss={text}"),
        format!("{text}={text}&state={text}&state={text}"),
        format!("state={state}&error={text}&error_description={text}&iss={}", provider.issuer()),
    ] {
        browser.go(&format!("{base}/oauth2/callback?{query}")).await;
    }
    browser.open(&format!("{base}/oauth2/start")).await;
    let state = provider.authorization_requests().last().unwrap()["state"].clone();
    browser.go(&format!("{base}/oauth2/callback?state={state}&code=x&iss={text}")).await;
}

#[tokio::test]
async fn each_event_is_one_short_line_for_any_client_input() {
    for format in ["text", "json"] {
        let provider = real_time_provider().await;
        let more = [("log.format", format), ("log.level", "debug")];
        let process = Process::start(provider.issuer(), &[], &[&SECRETS[..], &more].concat()).await;
        send_everywhere(&process, &provider, EVIL).await;
        send_everywhere(&process, &provider, &"x".repeat(LONG)).await;
        let log = process.log();
        for line in log.lines() {
            assert!(line.len() < 4096, "{format}: {} bytes", line.len());
            let hidden = |one: char| one.is_control() || EVIL[EVIL.find('\u{2028}').unwrap()..].contains(one);
            assert!(!line.contains(hidden), "{format}: {line:?}");
            if format == "json" {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(
                    line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string()
                );
            } else {
                // Each line begins with the gateway's own timestamp.
                assert!(line.starts_with("20") && !line.starts_with("2026-01-01T00:00:00Z"), "{line:?}");
            }
        }
        for event in ["sign-in failed", "check refused", "its host is not configured", "forged", "(cut)"] {
            assert!(log.contains(event), "{format}: no line with {event}: {log}");
        }
    }
}

#[tokio::test]
async fn ten_thousand_refusals_log_few_lines_and_are_all_counted() {
    const REFUSALS: usize = 10_000;
    let provider = real_time_provider().await;
    let process = Process::start(provider.issuer(), &[], &SECRETS).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/check/traefik", process.check);
    for _ in 0..REFUSALS {
        assert_eq!(client.get(&url).send().await.unwrap().status(), 400);
    }
    let metrics = get_with(&format!("http://127.0.0.1:{}/metrics", process.ops), HeaderMap::new()).await.body;
    let counted = r#"foregate_checks_total{dialect="traefik",decision="malformed"} 10000"#;
    assert!(metrics.contains(counted), "{metrics}");
    let log = process.log();
    let lines = log.lines().filter(|line| line.contains("check refused")).count();
    // At most twenty lines a minute, and a busy machine needs several minutes.
    assert!((20..=200).contains(&lines), "{lines}");
}

#[tokio::test]
async fn requests_to_an_unavailable_application_log_few_lines() {
    let provider = real_time_provider().await;
    // No server listens on the port of the discard protocol.
    let more = [("upstream.url", "http://127.0.0.1:9"), ("public_paths.open.paths", "/open/")];
    let process = Process::start(provider.issuer(), &[], &[&SECRETS[..], &more].concat()).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/open/", process.public);
    for _ in 0..500 {
        assert_eq!(client.get(&url).send().await.unwrap().status(), 502);
    }
    let lines = process.log().lines().filter(|line| line.contains("not passed on")).count();
    assert!((20..=200).contains(&lines), "{lines}");
}

#[tokio::test]
async fn missing_scope_of_groups_is_logged_once() {
    let provider = dev_provider::start(Settings::like(Preset::Kanidm)).await.unwrap();
    let process = Process::start(provider.issuer(), &[], &SECRETS).await;
    for _ in 0..2 {
        let mut browser = Browser::new();
        let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
        browser.sign_in(&form, "testuser", "testuser").await;
        assert!(browser.cookie_header().is_some());
    }
    let log = process.log();
    let line = "the provider sent no claim of claims.groups (groups), and announces the scope groups: add it to \
                provider.scopes";
    assert_eq!(log.matches(line).count(), 1, "{log}");
}
