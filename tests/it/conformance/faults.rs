//! Slow, broken and hostile providers, at every endpoint (threat row 19)

use dev_provider::Fault;

use super::{End, Scene};
use crate::harness::{Browser, Gateway, KEY, Process, Provider, provider, real_time_provider, within};

/// Long enough for an honest answer, short enough for a matrix.
const PATIENCE: (&str, &str) = ("provider.timeout", "1s");

/// What any answer can suffer from. Of these only a wrong content type leaves an answer that could be read.
const TRANSPORT: [&str; 16] = [
    "status-500",
    "status-503",
    "status-429",
    "html",
    "text-plain",
    "garbage",
    "empty",
    "truncated",
    "closed-half-way",
    "huge",
    "slow-first-byte",
    "drip",
    "redirect-302-self",
    "redirect-307-self",
    "redirect-302-elsewhere",
    "redirect-307-elsewhere",
];

/// Signs in while the fault lasts: no session, a page, one event; and whoever was signed in stays so.
async fn held_off(scene: &Scene, known: &Browser, fault: &str) {
    let ended = scene.ended().await;
    let before = scene.provider.observed();
    let faults = [fault];
    let End { browser, page } = within(fault, scene.sign_in(&faults)).await;
    assert!((400..600).contains(&page.status), "{fault}: {}", page.status);
    assert!(page.body.contains("id=\"request-id\">"), "{fault}: {}", page.body);
    assert_eq!(browser.cookie_names(), ["dev_provider_sso"], "{fault}: no cookie of ours is left");
    assert_eq!(scene.ended().await, ended + 1, "{fault}: one event");
    let after = scene.provider.observed();
    assert!(after.token <= before.token + 1, "{fault}: the code is sent once");
    assert_eq!(after.elsewhere, 0, "{fault}: no redirect is followed");
    assert_eq!(scene.gateway.ask_as(known, "/").await.status, 200, "{fault}: sessions live on");
}

#[tokio::test]
async fn row_19_the_token_endpoint_can_do_no_harm() {
    let scene = Scene::new(&[PATIENCE]).await;
    let known = scene.sign_in(&[]).await.browser;
    for fault in TRANSPORT {
        held_off(&scene, &known, &format!("token-{fault}")).await;
    }
    scene.accepts(&[]).await;
}

#[tokio::test]
async fn row_19_userinfo_can_do_no_harm() {
    let scene = Scene::new(&[PATIENCE, ("provider.userinfo", "true")]).await;
    let known = scene.sign_in(&[]).await.browser;
    for fault in TRANSPORT {
        held_off(&scene, &known, &format!("userinfo-{fault}")).await;
    }
    for fault in ["userinfo-sub-changed", "userinfo-sub-missing", "userinfo-signed", "userinfo-refused"] {
        held_off(&scene, &known, fault).await;
    }
    scene.accepts(&["userinfo-only-sub"]).await;
}

/// A gateway that meets the provider while it does this: sign-in says 503, and the process lives.
async fn cannot_start(provider: &Provider, fault: &str) -> String {
    provider.hold(fault.parse::<Fault>().unwrap());
    let gateway = Gateway::with(provider, &[PATIENCE]).await;
    let state = gateway.readyz().await.1["provider"].clone();
    assert_ne!(state["state"], "ready", "{fault}");
    let detail = state["detail"].as_str().unwrap_or_default().to_owned();
    assert!(!detail.contains("not answered yet"), "{fault}: {detail}");
    assert_eq!(Browser::new().go(&gateway.url("/oauth2/start")).await.status, 503, "{fault}");
    assert_eq!(provider.observed().elsewhere, 0, "{fault}: nobody goes elsewhere");
    provider.release_all();
    gateway.stop().await;
    detail
}

#[tokio::test]
async fn row_19_metadata_can_do_no_harm() {
    let provider = provider().await;
    for fault in TRANSPORT.into_iter().filter(|fault| *fault != "text-plain") {
        cannot_start(&provider, &format!("discovery-{fault}")).await;
    }
}

#[tokio::test]
async fn row_19_keys_can_do_no_harm() {
    let provider = provider().await;
    for fault in TRANSPORT.into_iter().filter(|fault| *fault != "text-plain") {
        cannot_start(&provider, &format!("jwks-{fault}")).await;
    }
}

#[tokio::test]
async fn row_19_a_hundred_megabytes_are_not_kept() {
    let provider = real_time_provider().await;
    let secrets = [("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let process = Process::start(provider.issuer(), &secrets, &[]).await;
    let most = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = most();
    for _ in 0..3 {
        let mut browser = Browser::new();
        let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
        provider.arm("token-huge".parse::<Fault>().unwrap());
        assert_ne!(browser.sign_in(&form, "testuser", "testuser").await.status, 200);
    }
    let grown = most() - before;
    assert!(grown < 16 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn row_23_metadata_that_point_elsewhere_are_refused_with_the_name_of_the_setting() {
    let provider = provider().await;
    for fault in
        ["discovery-endpoints-elsewhere", "discovery-token-endpoint-link-local", "discovery-jwks-elsewhere"]
    {
        let detail = cannot_start(&provider, fault).await;
        assert!(detail.contains("provider.endpoint_hosts"), "{fault}: {detail}");
    }
    for fault in
        ["discovery-token-endpoint-file", "discovery-authorization-missing", "discovery-token-missing"]
    {
        cannot_start(&provider, fault).await;
    }
}

#[tokio::test]
async fn d03_metadata_of_another_issuer_are_refused() {
    let provider = provider().await;
    for fault in ["discovery-issuer-changed", "discovery-issuer-slash", "discovery-issuer-missing"] {
        cannot_start(&provider, fault).await;
    }
}
