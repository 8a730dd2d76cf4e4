//! Presets: the documented shape of each provider, and the table of the README

use std::fmt::Write;

use dev_provider::{Preset, Settings};
use serde_json::Value;

use crate::harness::{Fixture, part, text};

const README: &str = include_str!("../../README.md");

/// The observed shape of one provider, for a sign-in with `openid profile email groups`.
struct Expected {
    preset: &'static str,
    algorithm: &'static str,
    /// Words for the differences from the default settings, as in the test.
    differs: &'static str,
    /// The claims about the user in the ID token, sorted.
    id_token: &'static str,
    /// The claims about the user in userinfo, sorted.
    userinfo: &'static str,
}

const ALL: &str = "email email_verified groups name preferred_username";

const DEFAULT: Expected =
    Expected { preset: "hydra", algorithm: "RS256", differs: "", id_token: ALL, userinfo: ALL };

const EXPECTED: [Expected; 10] = [
    Expected {
        preset: "dex",
        id_token: "email email_verified groups name",
        userinfo: "email email_verified groups name",
        differs: "no-end-session no-refresh-token",
        ..DEFAULT
    },
    Expected {
        preset: "entra",
        id_token: "email groups name oid preferred_username tid",
        userinfo: "email groups name oid preferred_username tid",
        differs: "no-refresh-token",
        ..DEFAULT
    },
    Expected {
        preset: "google",
        id_token: "email email_verified name",
        userinfo: "email email_verified name",
        differs: "no-end-session no-refresh-token",
        ..DEFAULT
    },
    Expected { differs: "no-refresh-token", ..DEFAULT },
    Expected { preset: "kanidm", algorithm: "ES256", differs: "no-end-session", ..DEFAULT },
    Expected {
        preset: "keycloak",
        id_token: "email email_verified family_name given_name groups name preferred_username",
        userinfo: "email email_verified family_name given_name groups name preferred_username",
        ..DEFAULT
    },
    Expected {
        preset: "lemonldap",
        id_token: "",
        userinfo: "email groups name preferred_username",
        differs: "issuer-slash",
        ..DEFAULT
    },
    Expected {
        preset: "mock",
        id_token: "email groups name",
        userinfo: "email groups name",
        differs: "no-id-token-at-refresh",
        ..DEFAULT
    },
    Expected { preset: "spring", id_token: "", userinfo: "", ..DEFAULT },
    Expected { preset: "zitadel", id_token: "", differs: "issuer-slash no-refresh-token", ..DEFAULT },
];

const PROTOCOL_CLAIMS: [&str; 11] =
    ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "azp", "auth_time", "nonce", "at_hash"];

/// Signs in and returns the tokens, for these scopes.
async fn tokens(fixture: &Fixture, changes: &[(&str, &str)]) -> Value {
    let page = fixture.authorize(changes).await;
    let code = match page.sent_back("code") {
        Some(code) => code,
        None => fixture.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap(),
    };
    fixture.redeem(&code).await.json()
}

fn user_claims<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.retain(|name| !PROTOCOL_CLAIMS.contains(name));
    names.sort_unstable();
    names.join(" ")
}

#[tokio::test]
async fn each_preset_has_its_documented_shape() {
    let mut checked = Vec::new();
    for expected in EXPECTED {
        let name = expected.preset;
        let differs = |word: &str| expected.differs.split(' ').any(|given| given == word);
        let fixture = Fixture::with(Settings::like(name.parse().unwrap())).await;
        let metadata = fixture.get("/.well-known/openid-configuration", &[]).await.json();
        assert_eq!(text(&metadata, "issuer").ends_with('/'), differs("issuer-slash"), "{name}");
        assert_eq!(metadata.get("end_session_endpoint").is_none(), differs("no-end-session"), "{name}");
        let announced = metadata.get("claims_supported").and_then(Value::as_array).unwrap();
        let announced: Vec<_> = announced.iter().map(|claim| claim.as_str().unwrap().to_owned()).collect();
        let shape = Settings::like(name.parse().unwrap()).shape;
        let of_scope = if shape.claims_by_scope { "groups" } else { "" };
        let unscoped = expected.id_token.split(' ').filter(|claim| *claim != of_scope).collect::<Vec<_>>();
        assert_eq!(user_claims(announced.iter()), unscoped.join(" "), "{name}");
        assert_eq!(shape.has_user_name(), expected.id_token.contains("preferred_username"), "{name}");
        let tokens = tokens(&fixture, &[("scope", "openid profile email groups")]).await;
        let id_token = text(&tokens, "id_token");
        assert_eq!(part(id_token, 0).get("alg").unwrap(), expected.algorithm, "{name}");
        assert_eq!(user_claims(part(id_token, 1).keys()), expected.id_token, "{name}");
        let userinfo = fixture.userinfo(text(&tokens, "access_token")).await.json();
        assert_eq!(user_claims(userinfo.as_object().unwrap().keys()), expected.userinfo, "{name}");
        assert_eq!(tokens.get("refresh_token").is_none(), differs("no-refresh-token"), "{name}");
        if let Some(token) = tokens.get("refresh_token").and_then(Value::as_str) {
            let refreshed = fixture.refresh(token).await.json();
            assert_eq!(refreshed.get("id_token").is_none(), differs("no-id-token-at-refresh"), "{name}");
        }
        checked.push(name);
    }
    assert_eq!(checked, Preset::ALL.map(Preset::name));
}

#[tokio::test]
async fn preset_that_requires_offline_access_grants_a_refresh_token_for_it() {
    for name in ["dex", "entra", "hydra", "zitadel"] {
        let fixture = Fixture::with(Settings::like(name.parse().unwrap())).await;
        let tokens = tokens(&fixture, &[("scope", "openid offline_access")]).await;
        assert!(tokens.get("refresh_token").is_some(), "{name}");
    }
    let fixture = Fixture::with(Settings::like(Preset::Google)).await;
    let tokens = tokens(&fixture, &[("access_type", "offline")]).await;
    let refreshed = fixture.refresh(text(&tokens, "refresh_token")).await.json();
    assert!(refreshed.get("id_token").is_some() && refreshed.get("refresh_token").is_none());
}

#[tokio::test]
async fn dex_and_kanidm_need_the_scope_of_groups() {
    for preset in [Preset::Dex, Preset::Kanidm] {
        let fixture = Fixture::with(Settings::like(preset)).await;
        let tokens = tokens(&fixture, &[("scope", "openid profile email")]).await;
        assert!(!part(text(&tokens, "id_token"), 1).contains_key("groups"), "{preset}");
    }
}

#[tokio::test]
async fn hydra_refuses_unknown_scopes_and_entra_sends_no_iss() {
    let hydra = Fixture::with(Settings::like(Preset::Hydra)).await;
    let refused = hydra.authorize(&[("scope", "openid nonsense")]).await;
    assert_eq!(refused.sent_back("error").as_deref(), Some("invalid_scope"));
    assert!(refused.sent_back("iss").is_some());
    let entra = Fixture::with(Settings::like(Preset::Entra)).await;
    let silent = entra.authorize(&[("prompt", "none")]).await;
    assert!(silent.sent_back("error").is_some() && silent.sent_back("iss").is_none());
}

#[tokio::test]
async fn zitadel_refuses_a_redirect_after_logout() {
    let fixture = Fixture::with(Settings::like(Preset::Zitadel)).await;
    let tokens = tokens(&fixture, &[]).await;
    let form = [
        ("id_token_hint", text(&tokens, "id_token")),
        ("post_logout_redirect_uri", "http://127.0.0.1:9/goodbye"),
    ];
    assert_eq!(fixture.post("/logout", &[], &form).await.status, 400);
}

#[tokio::test]
async fn entra_and_keycloak_keep_old_refresh_tokens_valid() {
    for preset in [Preset::Entra, Preset::Keycloak] {
        let fixture = Fixture::with(Settings::like(preset)).await;
        let tokens = tokens(&fixture, &[("scope", "openid offline_access")]).await;
        let token = text(&tokens, "refresh_token");
        assert_ne!(text(&fixture.refresh(token).await.json(), "refresh_token"), token, "{preset}");
        assert_eq!(fixture.refresh(token).await.status, 200, "{preset}");
    }
}

#[tokio::test]
async fn kanidm_names_groups_twice_and_denies_unknown_scopes() {
    let fixture = Fixture::with(Settings::like(Preset::Kanidm)).await;
    let denied = fixture.authorize(&[("scope", "openid offline_access")]).await;
    assert_eq!((denied.status, denied.header("location")), (400, None));
    let tokens = tokens(&fixture, &[("scope", "openid groups")]).await;
    let claims = part(text(&tokens, "id_token"), 1);
    assert_eq!(claims.get("preferred_username").unwrap(), "testuser@localhost");
    let expected = serde_json::json!([
        "00000000-0000-4000-9000-000000646576",
        "dev@localhost",
        "00000000-0000-4000-9000-0000006f7073",
        "ops@localhost",
    ]);
    assert_eq!(claims.get("groups"), Some(&expected));
}

#[test]
fn readme_lists_every_preset_as_declared() {
    let mut expected = "| name | rule | source |\n|---|---|---|\n".to_owned();
    for preset in Preset::ALL {
        writeln!(expected, "| `{}` | {} | {} |", preset.name(), preset.rule(), preset.source()).unwrap();
        assert_eq!(preset.name().parse(), Ok(preset));
    }
    let (_, listed) = README.split_once("compares this table. -->\n\n").unwrap();
    assert!(listed.starts_with(&format!("{expected}\n")), "the table should be:\n{expected}");
    assert!("no-such-preset".parse::<Preset>().is_err());
}
