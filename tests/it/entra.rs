//! The configuration of docs/entra.md, with a provider that behaves like Entra ID

use std::path::PathBuf;

use dev_provider::{Client, Settings};
use serde_json::json;

use crate::harness::{Browser, Gateway, KEY, Provider};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const CLIENT: &str = "22222222-2222-2222-2222-222222222222";
const GROUP: &str = "33333333-3333-3333-3333-333333333333";

/// Starts a provider with its issuer and its endpoints on different hosts. The URL of its keys has a query.
async fn entra() -> Provider {
    let mut settings = Settings {
        issuer_text: Some(format!("https://sts.windows.net/{TENANT}/")),
        jwks_query: Some(format!("appid={CLIENT}")),
        discovery: false,
        ..Settings::default()
    };
    let client = settings.clients[0].clone();
    settings.clients[0] = Client { id: CLIENT.to_owned(), secret: Some("hush".to_owned()), ..client };
    let user = &mut settings.users[0];
    (user.email_verified, user.groups) = (false, vec![GROUP.to_owned()]);
    user.extra.insert("upn".to_owned(), json!("testuser@corp.example"));
    Provider::start(settings).await
}

/// Writes the file of the page for this provider and this group, without the files of secrets.
fn write_documented_config(base: &str, group: &str) -> PathBuf {
    let page = include_str!("../../docs/entra.md");
    let block = page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let text: Vec<&str> =
        block.lines().map(str::trim_start).filter(|line| !line.contains("_file = ")).collect();
    let at = |path: &str| format!("https://login.microsoftonline.com/{TENANT}/{path}");
    let text = text
        .join("\n")
        .replace(&at("oauth2/authorize"), &format!("{base}/authorize"))
        .replace(&at("oauth2/token"), &format!("{base}/token"))
        .replace(&at("discovery/keys"), &format!("{base}/jwks"))
        .replace(&at("oauth2/logout"), &format!("{base}/logout"))
        .replace(GROUP, group);
    assert!(!text.contains("microsoftonline"), "{text}");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("entra-{group}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

async fn gateway(provider: &Provider, group: &str) -> Gateway {
    let secrets = [("provider.client_secret", "hush"), ("session.keys", KEY)];
    Gateway::of(provider.clock.clone(), Some(write_documented_config(provider.base_url(), group)), &secrets)
        .await
}

#[tokio::test]
async fn headlamp_behind_entra_id_works_as_documented() {
    let provider = entra().await;
    let gateway = gateway(&provider, GROUP).await;
    assert_eq!(gateway.readyz().await.1["provider"]["state"], "ready");

    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/c/main")).await;
    browser.sign_in(&form, "testuser", "testuser").await;

    let reply = gateway.ask_as(&browser, "/c/main").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("x-forwarded-user"), Some("testuser@corp.example"));
    assert_eq!(reply.header("x-forwarded-email"), Some("testuser@corp.example"));
    assert_eq!(reply.header("x-forwarded-group"), Some(GROUP));
    let observed = provider.observed();
    assert_eq!((observed.discovery, observed.code_exchange), (0, 1), "the metadata is not requested");
}

#[tokio::test]
async fn user_without_the_group_is_denied() {
    let provider = entra().await;
    let gateway = gateway(&provider, "44444444-4444-4444-4444-444444444444").await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 403);
}
