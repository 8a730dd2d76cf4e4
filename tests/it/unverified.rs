//! Claims that a user can choose, as user name, address, group and input of a policy
//!
//! `docs/security.md` lists every way. The tests of `access::claims` cover the rules themselves.

use serde_json::{Value, json};

use crate::harness::{Answers, Browser, Forger, Gateway, HttpReply, KEY, Page, Process, SIGNS_WITH};

const BOSS: &str = "boss@example.com";

/// Starts a gateway with these settings. Signs in a user whose ID token and userinfo have these claims.
async fn sign_in(settings: &[(&str, &str)], claims: Value, userinfo: Value) -> (Gateway, Browser, Page) {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[&[SIGNS_WITH], settings].concat()).await;
    let userinfo = ("application/json", userinfo.to_string());
    provider.answer(Answers { claims, userinfo, ..Answers::default() });
    let mut browser = Browser::new();
    let page = browser.open(&gateway.url("/oauth2/start?rd=/")).await;
    (gateway, browser, page)
}

async fn identity(settings: &[(&str, &str)], claims: Value, userinfo: Value) -> HttpReply {
    let (gateway, browser, _) = sign_in(settings, claims, userinfo).await;
    gateway.ask_as(&browser, "/").await
}

fn fields(reply: &HttpReply) -> [&str; 3] {
    ["x-forwarded-user", "x-forwarded-email", "x-forwarded-group"]
        .map(|name| reply.header(name).unwrap_or("(no such field)"))
}

#[tokio::test]
async fn unverified_email_as_user_name_is_refused_with_reason_and_setting() {
    let provider = Forger::start().await;
    let more = [SIGNS_WITH, ("claims.user", "email"), ("provider.client_secret", "s"), ("session.keys", KEY)];
    let process = Process::start(provider.issuer(), &[], &more).await;
    for verified in [json!(false), json!(null), json!("false")] {
        let claims = json!({"email": BOSS, "email_verified": verified});
        provider.answer(Answers { claims, ..Answers::default() });
        let mut browser = Browser::new();
        let page = browser.open(&format!("http://127.0.0.1:{}/oauth2/start?rd=/", process.public)).await;
        assert_eq!((page.status, browser.cookie("foregate")), (403, None), "{verified}");
        assert!(page.body.contains("not verified"), "{}", page.body);
    }
    let log = process.log();
    for words in ["sign-in failed", "email_verified: true", "claims.accept_unverified_email = true"] {
        assert!(log.contains(words), "no {words} in {log}");
    }
}

#[tokio::test]
async fn verified_or_accepted_email_is_a_user_name() {
    let verified = json!({"email": BOSS, "email_verified": true});
    let reply = identity(&[("claims.user", "email")], verified, json!({})).await;
    assert_eq!((reply.status, fields(&reply)[0]), (200, BOSS));
    let accepted = [("claims.user", "email"), ("claims.accept_unverified_email", "true")];
    let reply = identity(&accepted, json!({"email": BOSS}), json!({})).await;
    assert_eq!((reply.status, fields(&reply)[0]), (200, BOSS));
}

#[tokio::test]
async fn unverified_email_is_neither_address_nor_group_and_meets_no_policy() {
    let claims = json!({"email": BOSS, "email_verified": false, "groups": ["dev"]});
    let reply = identity(&[("claims.groups", "groups,email")], claims.clone(), json!({})).await;
    assert_eq!((reply.status, fields(&reply)[1], fields(&reply)[2]), (200, "", "dev"));
    for policy in [
        [("policies.default.allowed_emails", BOSS), ("log.level", "info")],
        [("policies.default.allowed_email_domains", "example.com"), ("log.level", "info")],
        [("policies.default.allowed_groups", BOSS), ("claims.groups", "email")],
    ] {
        let reply = identity(&policy, claims.clone(), json!({})).await;
        assert_eq!(reply.status, 403, "{policy:?}");
    }
}

/// Userinfo is not signed, and its email address may differ from that of the ID token.
#[tokio::test]
async fn userinfo_does_not_verify_the_email_of_the_id_token() {
    let settings = [("claims.user", "email"), ("provider.userinfo", "true")];
    let userinfo = json!({"sub": "1", "email": "mallory@example.com", "email_verified": true});
    let (_, browser, page) = sign_in(&settings, json!({"email": BOSS}), userinfo).await;
    assert_eq!((page.status, browser.cookie("foregate")), (403, None), "{}", page.body);
}
