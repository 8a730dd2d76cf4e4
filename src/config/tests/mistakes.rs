//! Every mistake is reported once, with its correction and without a secret

use proptest::prelude::*;

use super::*;
use crate::config::environment::variable;
use crate::config::keys::TABLE;

#[test]
fn seven_mistakes_are_reported_in_seven_messages() {
    let file = TempFile::new(
        r#"[public]
urls = ["http://headlamp.example.com"]
[provider]
issuer = "keycloak.example.com"
client_id = "headlamp"
client_secert = "hunter2"
timeout = 10
[session]
keys = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
[check]
listen = "[::]:4181"
"#,
    );
    let environment = pairs(&[("FOREGATE_LOG__LEVEL", "verbose")]);
    let found = load(&Sources { file: Some(file.0.clone()), environment, set: Vec::new() }).err().unwrap();
    let path = file.path();
    let expected = format!(
        r#"the configuration cannot be used as it is.

provider.client_secert (set in {path}, line 6)
  wrong: there is no such key
  right: did you mean provider.client_secret?

provider.timeout = 10 (set in {path}, line 7)
  wrong: it is a number, not a text in quotes
  right: a time with its unit, from 1s to 60s, such as 10s

public.urls = "http://headlamp.example.com" (set in {path}, line 2)
  wrong: browsers drop the session cookie over plain http, so no user could stay signed in
  right: https://headlamp.example.com, with TLS at the proxy in front

provider.issuer = "keycloak.example.com" (set in {path}, line 4)
  wrong: it is not an absolute URL that begins with https://
  right: the issuer exactly as in the provider's discovery document, such as https://keycloak.example.com/realms/main

session.keys (set in {path}, line 9)
  wrong: key 1 can be guessed, and an attacker who guesses it can act as any user
  right: a separate key that `foregate secret` has made: 32 random bytes as base64url

check.trusted_proxies = [] (the default)
  wrong: no proxy is trusted, but other machines can reach check.listen = [::]:4181
  right: the proxy's own address or network, such as trusted_proxies = ["10.0.3.7"], or trusted_proxies = ["private"] for every private network

log.level = "verbose" (set by the environment variable FOREGATE_LOG__LEVEL)
  wrong: it is not one of the choices
  right: "error", "warn", "info", "debug" or "trace"

7 mistakes in the configuration."#
    );
    assert_eq!(found.to_string(), expected);
}

#[test]
fn empty_configuration_reports_every_required_key() {
    let found = load(&Sources::default()).err().unwrap();
    let keys: Vec<_> = found.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(
        keys,
        ["public.urls", "provider.issuer", "provider.client_id", "provider.client_secret", "session.keys"]
    );
    assert!(found.iter().all(|mistake| mistake.place == "not set" && mistake.value.is_none()));
}

#[test]
fn unknown_key_is_reported_in_the_notation_of_its_source() {
    let set = [("log.lvel", "info")];
    let found = load_all(MINIMAL, &[("FOREGATE_PUBLIC_URLS", "https://a.test")], &set).err().unwrap();
    let right: Vec<_> = found.iter().map(|mistake| mistake.right.as_str()).collect();
    assert_eq!(right, ["did you mean FOREGATE_PUBLIC__URLS?", "did you mean log.level?"]);
    assert!(
        report_with("[flavours]\nsweet = 1").contains("a key of one of the sections check, claims, cookie, ")
    );
    assert!(report_with("[log]\ncolour_of_text = 'x'").contains("one of log.format, log.level"));
}

#[test]
fn misspelled_section_is_one_mistake() {
    let found = mistakes(&MINIMAL.replace("[provider]", "[providr]"));
    assert_eq!(found.count(), 1, "{found}");
    assert!(found.to_string().contains("did you mean provider?"));
}

#[test]
fn secret_set_twice_is_a_mistake_that_names_both_places() {
    let found = with(&[("FOREGATE_PROVIDER__CLIENT_SECRET_FILE", "/run/x")]).err().unwrap().to_string();
    assert!(found.contains("provider.client_secret_file is set as well"), "{found}");
    assert!(found.contains("FOREGATE_PROVIDER__CLIENT_SECRET_FILE"), "{found}");
    assert!(found.contains("line 6"), "{found}");
}

#[test]
fn unreadable_file_is_one_mistake() {
    let file = Some("/nowhere/foregate.toml".into());
    let found = load(&Sources { file, ..Sources::default() }).err().unwrap();
    assert_eq!(found.count(), 1);
    assert!(found.to_string().contains("named by the flag --config"));
}

#[test]
fn invalid_toml_is_one_mistake_with_line_number_without_line_text() {
    for (text, line) in [
        ("[provider]\nclient_secret = \"hunter2\n", 2),
        ("[provider]\nclient_secret = hunter2\n", 2),
        ("[a]\n[a]\nx = 1\n", 2),
        ("[log]\nlevel = 'info'\nlevel = 'hunter2'\n", 3),
        ("hunter2", 1),
    ] {
        let found = mistakes(text);
        assert_eq!(found.count(), 1, "{found}");
        assert!(found.to_string().contains(&format!(", line {line})")), "{found}");
        assert!(!found.to_string().contains("hunter2"), "{found}");
    }
}

/// Every wrong setting of a secret that we know of.
#[test]
fn mistake_in_a_secret_never_shows_the_secret() {
    for text in [
        "[provider]\nclient_secret = ['hunter2']",
        "[provider]\nclient_secret = { hunter2 = 'hunter2' }",
        "[provider]\nclient_secret_file = 'hunter2'",
        "[provider]\nclient_secret_file = ['hunter2']",
        "[provider]\nclient_secret = 'hunter2'\nclient_secret_file = 'hunter2'",
        "[provider]\nclient_secret = 'hunter2'\nclient_authentication = 'none'",
        "[provider]\nclient_sceret = 'hunter2'",
        "[provider]\nissuer = 'https://me:hunter2@a.test/'",
        "[provider.authorization_parameters]\nclient_secret = 'hunter2'",
        "provider = 'hunter2'",
        "client_secret = 'hunter2'",
        "[public]\nclient_secret = 'hunter2'",
        "[session]\nkeys = 'hunter2'",
        "[session]\nkeys = ['hunter2', 'hunter2', 7]",
        "[session]\nkeys = ['hunter2', '????']",
        "[session]\nkeys_file = 'hunter2'",
        "[session.keys]\nhunter = 'hunter2'",
    ] {
        let found = mistakes(text).to_string();
        assert!(!found.contains("hunter2"), "{found}");
    }
    for name in
        TABLE.all().map(|(name, _)| name).filter(|name| name.contains("secret") || name.contains("keys"))
    {
        let found = load(&Sources { set: pairs(&[(&name, "hunter2")]), ..Sources::default() }).err().unwrap();
        assert!(!found.to_string().contains("hunter2"), "{found}");
    }
}

proptest! {
    #[test]
    fn any_environment_loads_or_reports_mistakes(
        values in prop::collection::vec((0..64_usize, "\\PC{0,24}|[0-9a-z.:/@,\\[\\] -]{0,24}"), 0..12),
        name in "[A-Z_]{0,24}",
    ) {
        let names: Vec<_> = TABLE.all().map(|(name, _)| variable(&name.replace('*', "x"))).collect();
        let environment = values
            .iter()
            .map(|(index, text)| (names[index % names.len()].clone(), text.clone()))
            .chain([(format!("FOREGATE_{name}"), "x".to_owned()), ("FOREGATE_POLICIES__".to_owned(), "x".to_owned())])
            .filter(|(name, _)| name != "FOREGATE_CONFIG")
            .collect();
        if let Err(mistakes) = load(&Sources { environment, ..Sources::default() }) {
            prop_assert!(mistakes.count() > 0);
            prop_assert!(mistakes.to_string().contains("right: "));
        }
    }

    #[test]
    fn any_file_is_read_without_a_panic(text in "(\\[?[a-z.*\"]{0,12}\\]?( = ?[0-9\"'\\[\\{,\\}\\]]{0,8})?\n){0,6}|\\PC{0,40}") {
        let mut report = crate::config::report::Report::default();
        let _read = crate::config::file::read(&mut report, &text, "x");
    }
}

#[test]
fn renamed_key_is_reported_with_its_new_name() {
    for (old, new) in [
        ("headers.blank", "headers.strip"),
        ("public.accept_foreign_writes", "public.allow_cross_origin_writes"),
        ("session.quiet_paths", "session.background_paths"),
    ] {
        let by_flag = load_all(MINIMAL, &[], &[(old, "true")]).err().unwrap().to_string();
        assert!(by_flag.contains("right: renamed to ") && by_flag.contains(new), "{by_flag}");
        let by_environment = with(&[(&variable(old), "true")]).err().unwrap().to_string();
        assert!(by_environment.contains(&format!("right: renamed to {}", variable(new))), "{by_environment}");
    }
    let old_format = with(&[("FOREGATE_LOG__FORMAT", "people")]).err().unwrap().to_string();
    assert!(old_format.contains("renamed to text"), "{old_format}");
}

#[test]
fn key_in_a_section_without_its_name_is_reported_with_the_right_section() {
    for (section, right) in [
        ("[policies]\nallowed_groups = [\"dev\"]\n", "right: [policies.NAME] on a line of its own"),
        ("[public_paths]\npaths = [\"/a\"]\n", "right: [public_paths.NAME] on a line of its own"),
        ("[policies]\nstaff = true\n", "right: [policies.staff] on a line of its own"),
    ] {
        let mistakes = mistakes(&format!("{MINIMAL}{section}")).to_string();
        assert!(mistakes.contains(right), "{mistakes}");
    }
}

#[test]
fn max_age_must_be_a_whole_number_and_acr_one_value() {
    let mistake = |set: (&str, &str)| load_all(MINIMAL, &[], &[set]).err().map(|found| found.to_string());
    let max_age = "provider.authorization_parameters.max_age";
    assert_eq!([mistake((max_age, "0")), mistake((max_age, "3600"))], [None, None]);
    for wrong in ["1h", "-1", "+1", "1.5", " 1", "99999999999"] {
        let found = mistake((max_age, wrong)).unwrap_or_else(|| panic!("{wrong} is accepted"));
        assert!(found.contains("not a whole number"), "{wrong}: {found}");
    }
    assert_eq!(mistake(("provider.required_acr", "gold,urn:mace:silver")), None);
    let long = "x".repeat(256);
    for wrong in ["gold silver", &long] {
        assert!(
            mistake(("provider.required_acr", wrong)).unwrap().contains("not one value of acr"),
            "{wrong}"
        );
    }
}

#[test]
fn response_mode_is_refused_with_the_reason_and_the_remedy() {
    for mode in ["form_post", "fragment", "query"] {
        let set = [("provider.authorization_parameters.response_mode", mode)];
        let found =
            load_all(MINIMAL, &[], &set).err().unwrap_or_else(|| panic!("{mode} is accepted")).to_string();
        assert!(found.contains("only the response mode query is supported"), "{mode}: {found}");
        assert!(found.contains("right: nothing; remove the parameter"), "{mode}: {found}");
    }
}
