//! Each provider's template, and the default settings, with a provider of the same shape
//!
//! The presets of the development provider imitate shapes that were measured or documented. They prove nothing about
//! the real provider. docs/providers-run.md lists the runs with real ones.

use std::path::PathBuf;
use std::time::Duration;

use dev_provider::{Preset, Settings};
use foregate::config::PROVIDER_TEMPLATES;
use serde_json::{Value, json};

use crate::harness::{Browser, Gateway, KEY, Process, Provider};
use crate::refresh::scene::{poll, until_refreshes};

/// More than 75 % of the lifetime of the tokens: a refresh is due, and the tokens are still valid.
const DUE: Duration = Duration::from_secs(230);

/// A preset with a template, and the user and the groups that the application must receive.
type Expected = (Preset, &'static str, &'static str);

const EXPECTED: [Expected; 9] = [
    (Preset::Dex, "testuser@example.com", "dev,ops"),
    (
        Preset::Entra,
        "testuser@example.com",
        "00000000-0000-4000-9000-000000646576,00000000-0000-4000-9000-0000006f7073",
    ),
    (Preset::Google, "testuser@example.com", "example.com"),
    (Preset::Hydra, "testuser", "dev,ops"),
    (
        Preset::Kanidm,
        "testuser@localhost",
        "00000000-0000-4000-9000-000000646576,dev@localhost,00000000-0000-4000-9000-0000006f7073,ops@localhost",
    ),
    (Preset::Keycloak, "testuser", "dev,ops"),
    (Preset::Lemonldap, "testuser", "dev,ops"),
    (Preset::Spring, "00000000-0000-4000-8000-000000000001", ""),
    // The template has the name of the claim of roles at ZITADEL. The preset imitates the library only.
    (Preset::Zitadel, "testuser", ""),
];

/// Settings of a provider like this preset. The user is in the Workspace domain of Google's template.
fn settings_like(preset: Preset) -> Settings {
    let mut settings = Settings::like(preset);
    if preset == Preset::Google {
        settings.users[0].extra.insert("hd".to_owned(), json!("example.com"));
    }
    settings
}

fn write(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("template-{name}"));
    std::fs::write(&path, text).unwrap();
    path
}

/// Starts the gateway with the unmodified template. The settings over it are those of this machine.
async fn gateway_with_template(provider: &Provider, name: &str) -> Gateway {
    let template = PROVIDER_TEMPLATES.iter().find(|template| template.name == name).unwrap();
    let file = write(&format!("{name}.toml"), template.text);
    let (secret, keys) =
        (write(&format!("{name}-secret"), "foregate-secret"), write(&format!("{name}-keys"), KEY));
    let machine = [
        ("provider.issuer", provider.issuer()),
        ("provider.client_id", "foregate"),
        ("provider.client_secret_file", secret.to_str().unwrap()),
        ("session.keys_file", keys.to_str().unwrap()),
    ];
    Gateway::of(provider.clock.clone(), Some(file), &machine).await
}

#[tokio::test]
async fn template_signs_in_and_refreshes_with_its_preset() {
    for (preset, user, groups) in EXPECTED {
        let provider = Provider::start(settings_like(preset)).await;
        let gateway = gateway_with_template(&provider, preset.name()).await;
        let mut browser = Browser::new();
        let form = browser.open(&gateway.url("/oauth2/start?rd=/deep")).await;
        let page = browser.sign_in(&form, "testuser", "testuser").await;
        assert_eq!(page.url.path(), "/deep", "{preset}: {}", page.body);
        provider.clock.advance(DUE);
        assert_eq!(poll(&gateway, &browser).await.status, 200, "{preset}");
        until_refreshes(&gateway, "renewed", 1).await;
        let reply = gateway.ask_as(&browser, "/").await;
        assert_eq!(reply.status, 200, "{preset}: {}", reply.body);
        let identity = [reply.header("x-forwarded-user"), reply.header("x-forwarded-group")];
        assert_eq!(identity, [Some(user), Some(groups)], "{preset}");
        gateway.stop().await;
    }
}

#[test]
fn each_preset_with_a_template_has_a_row() {
    let has_template = |preset: &Preset| PROVIDER_TEMPLATES.iter().any(|found| found.name == preset.name());
    let rows: Vec<Preset> = EXPECTED.into_iter().map(|(preset, ..)| preset).collect();
    assert_eq!(rows, Preset::ALL.into_iter().filter(has_template).collect::<Vec<_>>());
}

const BY_CLAIM: &str = "set claims.user to one that users cannot change, such as sub";
const BY_USERINFO: &str = "set provider.userinfo = true";

/// The result of a sign-in with the default settings: the user, or the setting that the log names.
const BY_DEFAULT: [(Preset, Result<&str, &str>); 10] = [
    (Preset::Dex, Err(BY_CLAIM)),
    (Preset::Entra, Ok("testuser@example.com")),
    (Preset::Google, Err(BY_CLAIM)),
    (Preset::Hydra, Ok("testuser")),
    (Preset::Kanidm, Ok("testuser@localhost")),
    (Preset::Keycloak, Ok("testuser")),
    (Preset::Lemonldap, Err(BY_USERINFO)),
    (Preset::Mock, Err(BY_CLAIM)),
    (Preset::Spring, Err(BY_USERINFO)),
    (Preset::Zitadel, Err(BY_USERINFO)),
];

#[tokio::test]
async fn default_settings_sign_in_or_the_log_names_the_setting() {
    for (preset, expected) in BY_DEFAULT {
        let provider = dev_provider::start(settings_like(preset)).await.unwrap();
        let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
        let process = Process::start(provider.issuer(), &[], &secrets).await;
        let url = |path: &str| format!("http://127.0.0.1:{}{path}", process.public);
        let mut browser = Browser::new();
        let form = browser.open(&url("/oauth2/start?rd=/deep")).await;
        let page = browser.sign_in(&form, "testuser", "testuser").await;
        match expected {
            Ok(user) => {
                let found: Value =
                    serde_json::from_str(&browser.go(&url("/oauth2/userinfo")).await.body).unwrap();
                assert_eq!(found["user"], user, "{preset}: {found}");
            }
            Err(setting) => {
                assert_eq!((page.status, browser.cookie("foregate")), (403, None), "{preset}");
                assert!(page.body.contains("not set up for this sign-in service"), "{preset}: {}", page.body);
                assert_names_setting(&process.log(), setting);
            }
        }
    }
}

/// Asserts that one line of the log has the outcome of a wrong set-up, and that it names the setting.
fn assert_names_setting(log: &str, setting: &str) {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("outcome=\"configuration\"")).collect();
    let [line] = &*lines else { panic!("expected one line: {log}") };
    assert!(line.contains("claims.user is preferred_username") && line.contains(setting), "{line}");
}
