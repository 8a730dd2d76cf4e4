//! Precedence of the sources, and their notation of values

use super::*;
use crate::access::origin::Origin;
use crate::provider::ClientAuthentication;

#[test]
fn minimal_file_has_fewer_than_ten_lines() {
    assert!(MINIMAL.lines().count() < 10);
    let settings = settings(MINIMAL);
    assert_eq!(settings.public.listen.to_string(), "127.0.0.1:4180");
    assert_eq!(settings.provider.scopes, ["openid", "profile", "email"]);
    assert_eq!(settings.session.lifetimes.session.as_secs(), 36_000);
    assert!(settings.check.trusted_proxies.trusts("127.0.0.1".parse().unwrap()));
    assert!(settings.upstream.is_none());
    assert_eq!(settings.warnings, [""; 0]);
}

#[test]
fn flag_overrides_environment_overrides_file_overrides_default() {
    let listen = |file, environment: &[_], set: &[_]| {
        let text = format!("{MINIMAL}[ops]\n{file}");
        load_all(&text, environment, set).ok().map(|settings| settings.ops.listen.port())
    };
    let file = "listen = '127.0.0.1:2'";
    let environment = [("FOREGATE_OPS__LISTEN", "127.0.0.1:3")];
    let set = [("ops.listen", "127.0.0.1:4")];
    assert_eq!(listen("", &[], &[]), Some(4183));
    assert_eq!(listen(file, &[], &[]), Some(2));
    assert_eq!(listen(file, &environment, &[]), Some(3));
    assert_eq!(listen(file, &environment, &set), Some(4));
}

#[test]
fn overriding_one_key_keeps_the_others_of_its_section() {
    let settings = with(&[("FOREGATE_PROVIDER__CLIENT_ID", "other")]).ok().unwrap();
    assert_eq!(settings.provider.client_id, "other");
    assert_eq!(settings.provider.issuer, "https://keycloak.corp.test/realms/main");
}

#[test]
fn secret_in_the_environment_is_used_exactly_as_written() {
    for text in ["12345", "true", "[x]", "{a=1}", "1e5", "\"quoted\"", "a,b", " a ", "null"] {
        let settings = with(&[("FOREGATE_PROVIDER__CLIENT_SECRET", text)]).ok().unwrap();
        let ClientAuthentication::Basic(secret) = settings.provider.client_authentication else { panic!() };
        assert_eq!(secret.expose(), text);
    }
}

#[test]
fn environment_sets_lists_switches_and_tables() {
    let settings = with(&[
        ("FOREGATE_PUBLIC__URLS", "https://a.test, https://b.test"),
        ("FOREGATE_HEADERS__AUTHORIZATION", "true"),
        ("FOREGATE_PROVIDER__AUTHORIZATION_PARAMETERS__PROMPT", "login"),
        ("FOREGATE_POLICIES__STAFF__ALLOWED_GROUPS", "dev"),
        ("FOREGATE_CHECK__TRUSTED_PROXIES", "127.0.0.1"),
        ("PATH", "/bin"),
    ])
    .ok()
    .unwrap();
    let origins: Vec<_> = settings.public.origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["https://a.test", "https://b.test"]);
    assert!(settings.headers.authorization);
    assert_eq!(settings.provider.authorization_parameters["prompt"], "login");
    assert!(settings.policies.contains("staff"));
}

#[test]
fn empty_list_in_the_environment_is_refused_for_a_policy() {
    for empty in ["", " ", ",", "dev,,ops"] {
        let report =
            with(&[("FOREGATE_POLICIES__DEFAULT__ALLOWED_GROUPS", empty)]).err().unwrap().to_string();
        assert!(report.contains("policies.default.allowed_groups") && report.contains("empty"), "{report}");
    }
}

#[test]
fn empty_policy_section_defines_a_policy() {
    let settings = settings(&format!("{MINIMAL}[policies.staff]\n"));
    assert!(settings.policies.contains("staff"));
    assert!(settings.policies.contains("default"));
    assert!(!settings.policies.contains("admin"));
}

#[test]
fn environment_names_the_file_and_ignores_kubernetes_variables() {
    let file = TempFile::new(MINIMAL);
    let environment = pairs(&[
        ("FOREGATE_CONFIG", file.path()),
        ("FOREGATE_SERVICE_HOST", "10.0.0.1"),
        ("FOREGATE_PORT", "tcp://10.0.0.1:4180"),
    ]);
    assert!(load(&Sources { environment, ..Sources::default() }).is_ok());
}

#[test]
fn secret_from_a_file_loses_its_final_line_break() {
    let secret = TempFile::new("hunter2\r\n");
    let keys = TempFile::new(format!("# the ring\n{KEY}=\n\n  {OTHER_KEY}\n"));
    let text = format!(
        "[public]\nurls = ['https://a.test']\n[provider]\nissuer = 'https://b.test'\nclient_id = 'a'\n\
         client_secret_file = '{}'\n[session]\nkeys_file = '{}'\n",
        secret.path(),
        keys.path()
    );
    let settings = settings(&text);
    let ClientAuthentication::Basic(secret) = settings.provider.client_authentication else { panic!() };
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(settings.session.keys.len(), 2);
    let file = settings.session.keys_file.unwrap().read().unwrap();
    assert_eq!(file.keys().unwrap(), settings.session.keys, "a later look reads the file as the start does");
}
