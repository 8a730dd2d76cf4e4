//! Warnings about settings that work

use super::*;

#[test]
fn dangerous_setting_that_works_is_a_warning() {
    let all = with(&[
        ("FOREGATE_PUBLIC__URLS", "http://localhost:4180"),
        ("FOREGATE_PROVIDER__ISSUER", "http://127.0.0.1:8080/realms/main"),
        ("FOREGATE_CHECK__TRUSTED_PROXIES", "0.0.0.0/0"),
        ("FOREGATE_CHECK__DANGEROUSLY_KEEP_CONTENT_LENGTH", "true"),
    ])
    .ok()
    .unwrap();
    assert_eq!(all.warnings.len(), 3, "{:?}", all.warnings);
}

#[test]
fn plain_http_to_the_provider_warns_except_on_loopback() {
    for (issuer, backchannel, warns) in [
        ("http://127.0.0.1:8080/realms/main", None, false),
        ("http://localhost:8080/realms/main", Some("http://[::1]:8080/realms/main"), false),
        ("https://keycloak.example.com/realms/main", Some("http://keycloak:8080/realms/main"), true),
    ] {
        let mut given = vec![("FOREGATE_PROVIDER__ISSUER", issuer)];
        given.extend(backchannel.map(|url| ("FOREGATE_PROVIDER__BACKCHANNEL_URL", url)));
        let warnings = with(&given).ok().unwrap().warnings;
        let warned = warnings.iter().any(|warning| warning.contains("plain http"));
        assert_eq!(warned, warns, "{issuer}, {backchannel:?}: {warnings:?}");
    }
}

#[test]
fn local_listener_that_trusts_no_local_proxy_is_a_warning() {
    for (trusted, warns) in
        [("private", true), ("10.0.0.7", true), ("private,127.0.0.1", false), ("::1", false)]
    {
        let warnings = with(&[("FOREGATE_CHECK__TRUSTED_PROXIES", trusted)]).ok().unwrap().warnings;
        let warned = warnings
            .iter()
            .any(|warning| warning.starts_with("check.trusted_proxies: no proxy on this machine"));
        assert_eq!(warned, warns, "{trusted}: {warnings:?}");
    }
}

#[test]
fn user_editable_claim_is_a_warning() {
    for (key, claim, warns) in [
        ("USER", "name", true),
        ("USER", "nickname", true),
        ("GROUPS", "groups,locale", true),
        ("GROUPS", "address.country", true),
        ("USER", "preferred_username", false),
        ("USER", "email", false),
        ("USER", "user.nickname", true),
        ("USER", "https://example.com/nickname", true),
        ("USER", "urn:example:Name", true),
        ("GROUPS", "https://name.example/roles", false),
        ("USER", "/realm/user-name", false),
        ("GROUPS", "groups,realm_access.roles", false),
    ] {
        let warnings = with(&[(&format!("FOREGATE_CLAIMS__{key}"), claim)]).ok().unwrap().warnings;
        let warned = warnings.iter().any(|warning| {
            warning.starts_with(&format!("claims.{}: ", key.to_lowercase())) && warning.contains("themselves")
        });
        assert_eq!(warned, warns, "{key} = {claim}: {warnings:?}");
    }
}

#[test]
fn idle_setting_without_effect_is_a_warning() {
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("IDLE_TIMEOUT", "10h")], "ends no session"),
        (&[("BACKGROUND_PATHS", "/api/poll")], "have no effect"),
        (&[("IDLE_TIMEOUT", "1h"), ("BACKGROUND_PATHS", "/")], "no page load"),
        (&[("IDLE_TIMEOUT", "599m"), ("BACKGROUND_PATHS", "/api/")], ""),
    ];
    for (given, words) in cases {
        let given: Vec<_> =
            given.iter().map(|(name, value)| (format!("FOREGATE_SESSION__{name}"), *value)).collect();
        let given: Vec<_> = given.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let warnings = with(&given).ok().unwrap().warnings;
        assert_eq!(warnings.len(), usize::from(!words.is_empty()), "{warnings:?}");
        assert!(warnings.iter().all(|warning| warning.contains(words)), "{warnings:?}");
    }
}

#[test]
fn named_policy_without_a_default_policy_is_a_warning() {
    for (policies, warns) in [
        ("[policies.defaults]\nallowed_groups = [\"dev\"]\n", true),
        ("[policies.default]\nallowed_groups = [\"dev\"]\n[policies.ops]\n", false),
        ("", false),
    ] {
        let warnings = load_all(&format!("{MINIMAL}{policies}"), &[], &[]).ok().unwrap().warnings;
        let warned = warnings.iter().any(|warning| warning.starts_with("policies.default: "));
        assert_eq!(warned, warns, "{policies}: {warnings:?}");
    }
}

#[test]
fn header_name_with_too_many_spellings_is_a_warning() {
    for (name, warns) in [("X-My-Company-Auth-User-Name-Of-Today", true), ("X-My-Company-User", false)] {
        let warnings = with(&[("FOREGATE_HEADERS__USER", name)]).ok().unwrap().warnings;
        assert_eq!(
            warnings.iter().any(|warning| warning.starts_with("headers.user: ")),
            warns,
            "{warnings:?}"
        );
    }
}
