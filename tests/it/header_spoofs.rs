//! Identity header fields sent by a client (threat rows 1 to 4)
//!
//! No such field may change the identity, at the check and in the gateway's own proxy.

use reqwest::Method;
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::harness::{Application, Gateway, provider};
use crate::spoofs::{Spoof, is_fooled, spoofs};

fn fields(spoof: &Spoof) -> HeaderMap {
    let fields = spoof.fields.iter().map(|(name, value)| {
        (
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.trim().as_bytes()).unwrap(),
        )
    });
    fields.fold(HeaderMap::new(), |mut headers, (name, value)| {
        headers.append(name, value);
        headers
    })
}

#[tokio::test]
async fn check_overrides_or_refuses_each_spoofed_header() {
    assert!(spoofs().len() >= 200, "{}", spoofs().len());
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("headers.authorization", "true")]).await;
    let browser = gateway.signed_in_browser("testuser").await;
    for spoof in spoofs().into_iter().filter(|spoof| spoof.expected != "forwarded") {
        let mut headers = gateway.question("/");
        headers.insert(COOKIE, browser.cookie_header().unwrap());
        for (name, value) in &fields(&spoof) {
            headers.append(name, value.clone());
        }
        let reply = gateway.ask(headers).await;
        let what = format!("{:?} ({})", spoof.fields, spoof.why);
        if matches!(&*spoof.expected, "refused" | "connection") {
            assert_eq!(reply.status, 400, "{what}");
            continue;
        }
        assert_eq!(reply.status, 200, "{what}");
        assert_eq!(reply.header("x-forwarded-user"), Some("testuser"), "{what}");
        assert_eq!(reply.header("x-forwarded-group"), Some("dev,ops"), "{what}");
        assert_eq!(reply.header("x-forwarded-email"), Some("testuser@example.com"), "{what}");
        assert!(reply.header("authorization").unwrap().starts_with("Bearer ey"), "{what}");
    }
}

#[tokio::test]
async fn own_proxy_strips_or_refuses_each_spoofed_header() {
    let (application, provider) = (Application::start().await, provider().await);
    let more = [("upstream.url", &*application.url()), ("headlamp.enabled", "true")];
    let gateway = Gateway::with(&provider, &more).await;
    let mut browser = gateway.signed_in_browser("testuser").await;
    for spoof in spoofs() {
        let before = application.received().len();
        let page = browser.request(Method::GET, &gateway.url("/x"), fields(&spoof), None).await;
        let what = format!("{:?} ({})", spoof.fields, spoof.why);
        let arrived = application.received().split_off(before);
        if matches!(&*spoof.expected, "refused" | "connection") {
            assert_eq!((page.status, arrived.len()), (400, 0), "{what}");
            continue;
        }
        assert_eq!((page.status, arrived.len()), (200, 1), "{what}");
        let received = &arrived[0].1;
        let pairs = received.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("evil")));
        assert!(!is_fooled(pairs), "{what}: {received:?}");
        assert_eq!(received["x-forwarded-user"], "testuser", "{what}");
    }
}

/// The files in `deploy/` repeat this list, and the tests with real proxies send only the cases of the table.
#[test]
fn table_has_a_case_for_each_default_of_headers_strip() {
    let template = include_str!("../../config/foregate.toml");
    let entries = template.lines().find_map(|line| line.strip_prefix("#strip = ")).unwrap();
    let entries: Vec<String> = serde_json::from_str(entries).unwrap();
    assert!(entries.len() > 20, "{entries:?}");
    let spoofs = spoofs();
    for entry in entries {
        let mut names = spoofs.iter().flat_map(|spoof| &spoof.fields).map(|(name, _)| &**name);
        let found = names.any(|name| match entry.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == entry,
        });
        assert!(found, "{entry}");
    }
}

/// The tests run only the complete file in front of the gateway.
#[test]
fn readme_has_the_expression_of_the_file_for_traefik() {
    let expression = |text: &str| {
        let (_, value) = text.split_once("authResponseHeadersRegex: \"").unwrap();
        let (value, _) = value.split_once('"').unwrap();
        value.split("\\\n").map(str::trim_start).collect::<String>()
    };
    let readme = expression(include_str!("../../README.md"));
    assert_eq!(readme, expression(include_str!("../../deploy/traefik/dynamic.yaml")));
    assert!(readme.starts_with("^(Impersonate-|") && readme.ends_with("|X-Scheme)$"), "{readme}");
}
