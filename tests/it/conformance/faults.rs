//! Slow, broken and hostile providers, at every endpoint (threat row 19)

use dev_provider::Fault;

use super::{End, Scene};
use crate::harness::{Browser, Gateway, KEY, Process, Provider, provider, real_time_provider, within};

/// Long enough for a correct response, and short enough for many cases.
const PROVIDER_TIMEOUT: (&str, &str) = ("provider.timeout", "1s");

/// Faults that any response can have. Only a response with a wrong content type could still be read.
const TRANSPORT_FAULTS: [&str; 16] = [
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

/// Signs in during the fault. Expects an error page, one event and no session. The session of `known` stays valid.
async fn expect_failed_sign_in(scene: &Scene, known: &Browser, fault: &str) {
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
    assert_eq!(scene.gateway.ask_as(known, "/").await.status, 200, "{fault}: existing sessions stay valid");
}

#[tokio::test]
async fn row_19_token_endpoint_faults_end_only_the_sign_in() {
    let scene = Scene::new(&[PROVIDER_TIMEOUT]).await;
    let known = scene.sign_in(&[]).await.browser;
    for fault in TRANSPORT_FAULTS {
        expect_failed_sign_in(&scene, &known, &format!("token-{fault}")).await;
    }
    scene.expect_acceptance(&[]).await;
}

#[tokio::test]
async fn row_19_userinfo_faults_end_only_the_sign_in() {
    let scene = Scene::new(&[PROVIDER_TIMEOUT, ("provider.userinfo", "true")]).await;
    let known = scene.sign_in(&[]).await.browser;
    for fault in TRANSPORT_FAULTS {
        expect_failed_sign_in(&scene, &known, &format!("userinfo-{fault}")).await;
    }
    for fault in ["userinfo-sub-changed", "userinfo-sub-missing", "userinfo-signed", "userinfo-refused"] {
        expect_failed_sign_in(&scene, &known, fault).await;
    }
    scene.expect_acceptance(&["userinfo-only-sub"]).await;
}

/// Starts a gateway during the fault. Expects this status at sign-in, and that the process keeps running: 503 if waiting
/// may help, and 403 if only the settings or the provider can change it.
///
/// Returns the detail of the provider's state.
async fn expect_unavailable_provider(provider: &Provider, fault: &str, status: u16) -> String {
    provider.hold(fault.parse::<Fault>().unwrap());
    let gateway = Gateway::with(provider, &[PROVIDER_TIMEOUT]).await;
    let state = gateway.readyz().await.1["provider"].clone();
    assert_ne!(state["state"], "ready", "{fault}");
    let detail = state["detail"].as_str().unwrap_or_default().to_owned();
    assert!(!detail.contains("not answered yet"), "{fault}: {detail}");
    assert_eq!(Browser::new().go(&gateway.url("/oauth2/start")).await.status, status, "{fault}");
    assert_eq!(provider.observed().elsewhere, 0, "{fault}: no request goes to another host");
    provider.release_all();
    gateway.stop().await;
    detail
}

#[tokio::test]
async fn row_19_metadata_faults_make_sign_in_unavailable() {
    let provider = provider().await;
    for fault in TRANSPORT_FAULTS.into_iter().filter(|fault| *fault != "text-plain") {
        expect_unavailable_provider(&provider, &format!("discovery-{fault}"), 503).await;
    }
}

#[tokio::test]
async fn row_19_key_set_faults_make_sign_in_unavailable() {
    let provider = provider().await;
    for fault in TRANSPORT_FAULTS.into_iter().filter(|fault| *fault != "text-plain") {
        expect_unavailable_provider(&provider, &format!("jwks-{fault}"), 503).await;
    }
}

#[tokio::test]
async fn key_set_without_a_usable_key_makes_sign_in_unavailable() {
    let provider = provider().await;
    for fault in ["jwks-no-keys", "jwks-encryption-only", "jwks-alg-mismatch"] {
        let detail = expect_unavailable_provider(&provider, fault, 503).await;
        assert!(detail.contains("no key that is supported"), "{fault}: {detail}");
    }
}

#[tokio::test]
async fn row_19_response_of_100_megabytes_is_not_kept_in_memory() {
    let provider = real_time_provider().await;
    let secrets = [("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let process = Process::start(provider.issuer(), &secrets, &[]).await;
    let peak_memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = peak_memory();
    for _ in 0..3 {
        let mut browser = Browser::new();
        let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
        provider.arm("token-huge".parse::<Fault>().unwrap());
        assert_ne!(browser.sign_in(&form, "testuser", "testuser").await.status, 200);
    }
    let grown = peak_memory() - before;
    assert!(grown < 16 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn row_23_endpoints_on_other_hosts_are_refused_with_the_setting() {
    let provider = provider().await;
    for fault in
        ["discovery-endpoints-elsewhere", "discovery-token-endpoint-link-local", "discovery-jwks-elsewhere"]
    {
        let detail = expect_unavailable_provider(&provider, fault, 403).await;
        assert!(detail.contains("provider.endpoint_hosts"), "{fault}: {detail}");
    }
    for fault in [
        "discovery-token-endpoint-file",
        "discovery-authorization-missing",
        "discovery-token-missing",
        "discovery-jwks-missing",
    ] {
        expect_unavailable_provider(&provider, fault, 403).await;
    }
}

#[tokio::test]
async fn d03_metadata_of_another_issuer_is_refused() {
    let provider = provider().await;
    for fault in ["discovery-issuer-changed", "discovery-issuer-slash", "discovery-issuer-missing"] {
        expect_unavailable_provider(&provider, fault, 403).await;
    }
}
