//! `foregate check --online`: the configuration compared with the provider

use std::process::{Command, Stdio};

use dev_provider::{DevProvider, Preset, Settings};

use crate::harness::real_time_provider;

/// A key for `session.keys`.
const KEY: &str = "session.keys=5mQ2wJ8Jg3m0h9vRkqX1c7nTtYbLsZaE4dUfPiOoKxM";

/// The setting of a client without a secret.
const PUBLIC_CLIENT: &str = "provider.client_authentication=none";

/// Runs the command, and returns whether it succeeded, its output and its errors.
async fn run(issuer: &str, settings: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foregate"));
    command.args(["check", "--online"]).env_remove("FOREGATE_CONFIG").stdin(Stdio::null());
    let issuer = format!("provider.issuer={issuer}");
    let usual = [&*issuer, KEY, "public.urls=https://app.test", "provider.client_id=foregate"];
    let secret = (!settings.contains(&PUBLIC_CLIENT)).then_some("provider.client_secret=x");
    // A later option overrides an earlier one.
    for setting in usual.into_iter().chain(secret).chain(settings.iter().copied()) {
        command.args(["--set", setting]);
    }
    // The provider of the test runs in this process, and must answer meanwhile.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!text.is_empty(), "{errors}");
    (output.status.success(), text, errors)
}

/// Runs the command, and returns whether it succeeded and its findings.
async fn check(issuer: &str, settings: &[&str]) -> (bool, Vec<String>) {
    let (succeeded, text, _) = run(issuer, settings).await;
    let is_finding = |line: &&str| line.starts_with("error: ") || line.starts_with("warning: ");
    (succeeded, text.lines().filter(is_finding).map(str::to_owned).collect())
}

#[tokio::test]
async fn sound_set_up_has_no_finding() {
    let provider = real_time_provider().await;
    let secret = "session.id_token=drop";
    for settings in
        [&[][..], &["provider.scopes=openid,profile,email,groups"], &["provider.userinfo=true", secret]]
    {
        assert_eq!(check(provider.issuer(), settings).await, (true, Vec::new()), "{settings:?}");
    }
}

/// A set-up that does not fit: the fault of the provider, the setting, and words of the finding.
#[derive(Clone, Copy)]
struct Broken {
    fault: Option<&'static str>,
    setting: &'static str,
    is_fatal: bool,
    words: &'static [&'static str],
}

const fn provider_with(fault: &'static str, words: &'static [&'static str]) -> Broken {
    Broken { fault: Some(fault), setting: "log.level=info", is_fatal: true, words }
}

const fn setting(setting: &'static str, words: &'static [&'static str]) -> Broken {
    Broken { fault: None, setting, is_fatal: true, words }
}

const fn doubtful(broken: Broken) -> Broken {
    Broken { is_fatal: false, ..broken }
}

const BROKEN: [Broken; 13] = [
    provider_with("discovery-issuer-changed", &["INVALID", "they must be identical"]),
    provider_with("discovery-alg-hs256-only", &["only with HS256", "with a key pair"]),
    provider_with("discovery-alg-other", &["are ES256, but the provider's published keys are for RS256"]),
    provider_with("discovery-jwks-elsewhere", &["jwks_uri is at localhost", "provider.endpoint_hosts"]),
    provider_with("discovery-token-missing", &["no token_endpoint", "set provider.endpoints.token"]),
    provider_with("discovery-jwks-missing", &["no jwks_uri", "set provider.endpoints.jwks"]),
    provider_with("jwks-encryption-only", &["no key that is supported"]),
    provider_with(
        "discovery-auth-methods-post",
        &["client_secret_basic, but", "announces client_secret_post", "set provider.client_authentication"],
    ),
    setting("provider.signing_algorithms=ES256", &["allows ES256, but the provider announces RS256"]),
    setting("provider.issuer=http://127.0.0.1:1", &["127.0.0.1:1 cannot be reached"]),
    doubtful(setting(
        "provider.scopes=openid,nonsense",
        &["provider.scopes has nonsense", "announces openid", "remove it, or allow it"],
    )),
    doubtful(setting("claims.user=upn", &["claims.user is upn", "such as sub, or set provider.userinfo"])),
    doubtful(provider_with("discovery-end-session-missing", &["set sign_in.provider_logout = false"])),
];

async fn check_broken(provider: &DevProvider, broken: &Broken) {
    let Broken { fault, setting, is_fatal, words } = broken;
    if let Some(fault) = fault {
        provider.hold(fault.parse().unwrap());
    }
    let (fits, findings) = check(provider.issuer(), &[setting]).await;
    provider.release_all();
    let [finding] = &*findings else { panic!("{fault:?} {setting}: {findings:?}") };
    assert_eq!(fits, !is_fatal, "{finding}");
    assert!(finding.starts_with(if *is_fatal { "error: " } else { "warning: " }), "{finding}");
    for word in *words {
        assert!(finding.contains(word), "{word}: {finding}");
    }
}

#[tokio::test]
async fn each_broken_set_up_has_one_finding_that_names_the_fix() {
    let provider = real_time_provider().await;
    for broken in &BROKEN {
        check_broken(&provider, broken).await;
    }
}

#[tokio::test]
async fn each_endpoint_without_tls_is_an_error() {
    let issuer = "https://idp.test";
    let settings = Settings { issuer: Some(issuer.to_owned()), ..Settings::default() };
    let provider = dev_provider::start(settings).await.unwrap();
    provider.hold("discovery-endpoints-http".parse().unwrap());
    let inside = format!("provider.backchannel_url=http://{}", provider.address());
    let (fits, findings) = check(issuer, &[&inside]).await;
    assert!(!fits);
    for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"] {
        let start = format!("error: the provider's {endpoint} is http://idp.test/");
        let found = findings.iter().filter(|finding| finding.starts_with(&start));
        assert_eq!(found.filter(|finding| finding.contains("which is not https")).count(), 1, "{findings:?}");
    }
}

#[tokio::test]
async fn last_lines_say_what_was_not_tested() {
    let provider = real_time_provider().await;
    let untested = "The client ID and the secret were not tested: only a sign-in tests them.";
    let fits = "The configuration is valid, and the provider fits it";
    let (_, text, _) = run(provider.issuer(), &[]).await;
    assert!(text.ends_with(&format!("\n{fits}.\n{untested}\n")), "{text}");
    let warning_of_the_file = "claims.user=name";
    for setting in [warning_of_the_file, "claims.user=upn"] {
        let (_, text, _) = run(provider.issuer(), &[setting]).await;
        assert!(text.ends_with(&format!("{fits}, except for the warnings.\n{untested}\n")), "{text}");
    }
    let (_, text, errors) = run(provider.issuer(), &[PUBLIC_CLIENT]).await;
    assert!(text.ends_with("The client ID was not tested: only a sign-in tests it.\n"), "{text} {errors}");
}

#[tokio::test]
async fn failure_counts_the_findings_and_says_if_nothing_was_compared() {
    let provider = real_time_provider().await;
    let es256 = "provider.signing_algorithms=ES256";
    for (settings, count) in [
        (&[es256][..], "(1 error)"),
        (&[es256, "claims.user=upn"], "(1 error, 1 warning)"),
        (&[es256, "claims.user=upn", "provider.scopes=openid,nonsense"], "(1 error, 2 warnings)"),
    ] {
        let (_, _, errors) = run(provider.issuer(), settings).await;
        assert!(errors.ends_with(&format!("does not fit the provider {count}\n")), "{errors}");
    }
    let (_, _, errors) = run("http://127.0.0.1:1", &[]).await;
    assert!(errors.ends_with("but the provider could not be checked (1 error)\n"), "{errors}");
}

#[tokio::test]
async fn provider_with_other_claims_or_scopes_has_findings_about_both() {
    for (preset, words) in [
        (
            Preset::Dex,
            &["end_session_endpoint", "claims.user is preferred_username", "the scope groups, and"][..],
        ),
        (Preset::Google, &["end_session_endpoint", "claims.user is preferred_username"]),
        (Preset::Kanidm, &["end_session_endpoint", "the scope groups, and"]),
        (Preset::Keycloak, &[]),
        (Preset::Zitadel, &["or set provider.userinfo = true", "the scope groups, and"]),
    ] {
        let provider = dev_provider::start(Settings::like(preset)).await.unwrap();
        let (fits, findings) = check(provider.issuer(), &[]).await;
        assert!(fits && findings.len() == words.len(), "{preset}: {findings:?}");
        for word in words {
            assert!(findings.iter().any(|finding| finding.contains(word)), "{preset} {word}: {findings:?}");
        }
    }
    let kanidm = dev_provider::start(Settings::like(Preset::Kanidm)).await.unwrap();
    let (_, findings) = check(kanidm.issuer(), &["claims.groups=roles"]).await;
    assert!(!findings.iter().any(|finding| finding.contains("scope groups")), "{findings:?}");
}
