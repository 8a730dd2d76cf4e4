//! Claims that are missing, in an unusual shape, or fewer at a refresh than at the sign-in

use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap};
use serde_json::{Value, json};

use crate::harness::{Answers, Browser, Forger, Gateway, KEY, Process, SIGNS_WITH, get_with, until};

/// More than 75 % of the life of the tokens: a refresh is due, and the tokens are still valid.
const DUE: Duration = Duration::from_secs(230);

fn answer(provider: &Forger, claims: Value) {
    let token = json!({"refresh_token": "r"});
    provider.answer(Answers { claims, token, ..Answers::default() });
}

/// Signs in with these claims, and refreshes the session with others. Returns the user and the groups after that, or the
/// status of a check that does not pass.
async fn after_refresh(settings: &[(&str, &str)], first: Value, second: Value, outcome: &str) -> String {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[&[SIGNS_WITH], settings].concat()).await;
    answer(&provider, first);
    let mut browser = Browser::new();
    browser.open(&gateway.url("/oauth2/start")).await;
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
    answer(&provider, second);
    provider.clock().advance(DUE);
    gateway.ask_as(&browser, "/").await;
    let counted = format!("foregate_refreshes_total{{outcome=\"{outcome}\"}} 1\n");
    until(&counted, async || gateway.ops("/metrics").await.body.contains(&counted)).await;
    let reply = gateway.ask_as(&browser, "/").await;
    let field = |name| reply.header(name).unwrap_or_default();
    match reply.status {
        200 => format!("{} in {}", field("x-forwarded-user"), field("x-forwarded-group")),
        status => status.to_string(),
    }
}

#[tokio::test]
async fn refresh_keeps_the_identity_only_if_its_id_token_is_silent_on_the_user() {
    let first = json!({"groups": ["dev"]});
    for (second, outcome, after) in [
        (json!({"preferred_username": null}), "renewed", "alice in dev"),
        (json!({}), "renewed", "alice in "),
        (json!({"hasgroups": true}), "renewed", "alice in "),
        (json!({"preferred_username": null, "groups": []}), "configuration", "302"),
        (json!({"preferred_username": null, "hasgroups": true}), "configuration", "302"),
    ] {
        let what = second.to_string();
        assert_eq!(after_refresh(&[], first.clone(), second, outcome).await, after, "{what}");
    }
    let by_email = [("claims.user", "email")];
    let first_with_email =
        json!({"groups": ["dev"], "email": "a@b.test", "email_verified": true, "name": "A"});
    let removed = json!({"preferred_username": null, "name": "A"});
    let after = after_refresh(&by_email, first_with_email, removed, "configuration").await;
    assert_eq!(after, "302", "a user who removed the address keeps no group");
    let needs_dev = [("policies.default.allowed_groups", "dev")];
    let unknown = after_refresh(&needs_dev, first, json!({"hasgroups": true}), "renewed").await;
    assert_eq!(unknown, "403", "no old group meets a policy");
}

#[tokio::test]
async fn shapes_of_groups_reach_the_application() {
    for (claims, paths, groups) in [
        (json!({"groups": [1234, "dev", {"name": "ops"}]}), "groups", "1234,dev,ops"),
        (json!({"groups": "dev, ops"}), "groups", "dev,ops"),
        (json!({"https://a.test/roles": {"dev": {"org": "1"}, "old": false}}), "https://a.test/roles", "dev"),
        (json!({"a.b": ["literal"], "a": {"b": ["nested"]}}), "a.b", "literal"),
    ] {
        let what = claims.to_string();
        let settings = [("claims.groups", paths), ("claims.comma_separated_groups", "true")];
        let after = after_refresh(&settings, claims.clone(), claims, "renewed").await;
        assert_eq!(after, format!("alice in {groups}"), "{what}");
    }
}

/// Runs the gateway, signs in once with these claims, sends a check, and returns the log.
async fn log_of_sign_in(settings: &[(&str, &str)], claims: Value) -> String {
    let provider = Forger::start().await;
    provider.answer(Answers { claims, ..Answers::default() });
    let usual = [SIGNS_WITH, ("provider.client_secret", "s"), ("session.keys", KEY)];
    let process = Process::start(provider.issuer(), &[], &[&usual, settings].concat()).await;
    let mut browser = Browser::new();
    browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    let host = format!("127.0.0.1:{}", process.public);
    let mut fields = HeaderMap::new();
    let check =
        [("method", "GET"), ("proto", "http"), ("host", &*host), ("uri", "/"), ("for", "203.0.113.9")];
    for (name, value) in check {
        let name = reqwest::header::HeaderName::try_from(format!("x-forwarded-{name}")).unwrap();
        fields.insert(name, value.parse().unwrap());
    }
    fields.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    get_with(&format!("http://127.0.0.1:{}/check/traefik", process.check), fields).await;
    process.log()
}

#[tokio::test]
async fn missing_user_claim_is_logged_with_names_and_remedies() {
    let claims = json!({"preferred_username": null, "name": "Alice Example", "email": "alice@example.com"});
    let log = log_of_sign_in(&[], claims).await;
    let line = log.lines().find(|line| line.contains("sign-in failed")).unwrap_or_default();
    for words in [
        "outcome=\"configuration\"",
        "claims.user is preferred_username, but the ID token has no text there; it has email, name, sub; set \
         claims.user to one that users cannot change, such as sub; or set provider.userinfo = true",
    ] {
        assert!(line.contains(words), "no {words} in {log}");
    }
    assert!(!log.contains("Alice Example") && !log.contains("alice@example.com"), "{log}");
}

#[tokio::test]
async fn omitted_claims_are_one_log_line_and_the_refusal_names_the_setting() {
    let claims = json!({"email": "alice@example.com", "groups": ["a,b", "dev", [], "c,d"]});
    let policy = [("policies.default.allowed_email_domains", "example.com")];
    let log = log_of_sign_in(&policy, claims).await;
    let lines: Vec<_> = log.lines().filter(|line| line.contains("left out of the identity")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    for words in ["email: the provider does not send email_verified", "groups[0] (a,b), groups[3] (c,d): "] {
        assert!(lines[0].contains(words), "no {words} in {log}");
    }
    let refusal = log.lines().find(|line| line.contains("check refused")).unwrap_or_default();
    let remedy = "claims.accept_unverified_email = true if no user can choose an address there";
    assert!(refusal.contains(remedy), "{log}");
}
