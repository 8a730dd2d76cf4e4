//! Output of the commands of the binary

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn foregate(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foregate"));
    command.args(arguments).env_remove("FOREGATE_CONFIG").envs(environment.iter().copied());
    command.output().unwrap()
}

fn write_file(name: &str, text: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Starts the demo, and returns the lines that it prints before it waits.
fn demo_welcome(arguments: &[&str]) -> Vec<String> {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_foregate"))
        .args(["demo", "--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let welcome = lines.by_ref().take_while(|line| !line.contains("Ctrl-C")).collect();
    demo.kill().unwrap();
    demo.wait().unwrap();
    welcome
}

#[test]
fn demo_prints_the_client_of_its_provider() {
    let welcome = demo_welcome(&[]);
    let client = welcome.iter().find(|line| line.contains("foregate-secret")).unwrap();
    for fact in ["client ID foregate,", "http://127.0.0.1:*", "https://app.localhost:*"] {
        assert!(client.contains(fact), "{client}");
    }
}

#[test]
fn demo_gives_its_provider_the_shape_of_a_preset() {
    let welcome = demo_welcome(&["--like", "lemonldap"]);
    let issuer = welcome.iter().find(|line| line.contains("The provider is at")).unwrap();
    assert!(issuer.contains("/; probes"), "the issuer of this preset ends in a slash: {issuer}");
    assert!(welcome.iter().any(|line| line.contains("the shape of lemonldap")), "{welcome:?}");
}

#[test]
fn demo_says_if_the_preset_needs_other_settings() {
    for preset in dev_provider::Preset::ALL {
        let welcome = demo_welcome(&["--like", preset.name()]).join(" ");
        assert!(welcome.contains(preset.title()), "{preset}: {welcome}");
        let has_user = ["entra", "hydra", "kanidm", "keycloak"].contains(&preset.name());
        assert_eq!(welcome.contains("refuses each sign-in"), !has_user, "{preset}: {welcome}");
        assert_eq!(welcome.contains("\"sign-in failed\""), !has_user, "{preset}: {welcome}");
    }
}

#[test]
fn demo_help_and_errors_list_the_presets() {
    let help = String::from_utf8(foregate(&["demo", "--help"], &[]).stdout).unwrap();
    assert!(help.contains("the example provider of the library zitadel/oidc, not ZITADEL"), "{help}");
    let refused = foregate(&["demo", "--like", "nonsense"], &[]);
    assert!(!refused.status.success());
    let error = String::from_utf8(refused.stderr).unwrap();
    for preset in dev_provider::Preset::ALL {
        assert!(help.contains(preset.name()) && error.contains(preset.name()), "{preset}: {help}{error}");
    }
}

#[test]
fn help_names_each_proxy() {
    let help = String::from_utf8(foregate(&["--help"], &[]).stdout).unwrap();
    // The width of the terminal decides where its lines break.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for proxy in ["Traefik", "Caddy", "Envoy", "nginx", "HAProxy"] {
        assert!(help.contains(proxy), "{proxy}: {help}");
    }
}

const SEVEN: &str = r#"
[public]
urls = ["headlamp.example.com"]
[check]
listen = "0.0.0.0:4181"
[provider]
issuer = "ftp://idp.example.com"
client_id = "foregate"
client_secret = "hush-hush-hush"
client_secret_file = "/nowhere"
signing_algorithms = ["HS256"]
[session]
keys = ["c2hvcnQ"]
[headers]
usr = "X-User"
"#;

#[test]
fn seven_mistakes_make_seven_messages_and_no_start() {
    let file = write_file("seven.toml", SEVEN);
    for command in ["check", "serve"] {
        let output = foregate(&[command, "--config", &file], &[]);
        assert!(!output.status.success());
        let stderr = String::from_utf8(output.stderr).unwrap();
        for key in [
            "public.urls",
            "check.trusted_proxies",
            "provider.issuer",
            "provider.client_secret",
            "provider.signing_algorithms",
            "session.keys",
            "headers.usr",
        ] {
            assert!(stderr.contains(key), "{key}\n{stderr}");
        }
        assert!(stderr.contains("seven.toml") && stderr.contains("headers.user"), "{stderr}");
        assert!(!stderr.contains("hush-hush-hush") && !stderr.contains("c2hvcnQ"), "{stderr}");
        assert_eq!(stderr.matches("\n  wrong:").count(), 7, "{stderr}");
    }
}

#[test]
fn missing_configuration_file_argument_is_reported() {
    let stderr = |arguments: &[&str]| String::from_utf8(foregate(arguments, &[]).stderr).unwrap();
    assert!(stderr(&["check"]).contains("No configuration file was named"));
    assert!(!stderr(&["check", "--config", &write_file("empty.toml", "")]).contains("No configuration file"));
}

#[test]
fn placeholder_or_malformed_value_is_reported_with_its_cause() {
    for (setting, wrong) in [
        ("provider.client_secret=…", "placeholder"),
        ("provider.client_secret=changeme", "placeholder"),
        ("session.keys=ab+/", "standard base64"),
        ("session.keys=short", "5 characters long, not 43"),
        ("session.keys=short!", "a character that base64url does not have"),
        ("public.listen=127.0.0.1:99999", "99999 is not a port"),
    ] {
        let stderr = String::from_utf8(foregate(&["check", "--set", setting], &[]).stderr).unwrap();
        assert!(stderr.contains(wrong), "{setting}\n{stderr}");
    }
}

#[test]
fn minimal_file_is_valid_and_under_ten_lines() {
    let key = String::from_utf8(foregate(&["secret"], &[]).stdout).unwrap();
    let text = format!(
        "[public]\nurls = [\"https://headlamp.example.com\"]\n[provider]\nissuer = \"https://idp.example.com\"\n\
         client_id = \"foregate\"\nclient_secret = \"secret\"\n[session]\nkeys = [\"{}\"]\n",
        key.trim()
    );
    assert!(text.lines().count() < 10);
    let output = foregate(&["check", "--config", &write_file("minimal.toml", &text)], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn check_says_what_the_session_store_means() {
    let check = |settings: &[&str]| {
        let usual = [
            "public.urls=https://app.test",
            "provider.issuer=https://idp.test",
            "provider.client_id=foregate",
        ];
        let more = ["provider.client_secret=x", "session.keys=5mQ2wJ8Jg3m0h9vRkqX1c7nTtYbLsZaE4dUfPiOoKxM"];
        let set = usual.iter().chain(&more).chain(settings).flat_map(|setting| ["--set", setting]);
        let output = foregate(&["check"].into_iter().chain(set).collect::<Vec<_>>(), &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let file = format!("session.file={}/sessions.redb", env!("CARGO_TARGET_TMPDIR"));
    let (one, drops, stale) = ("Run one process", "your proxy drops", "session.stale_if_error: with");
    for (settings, words, others) in [
        (&[][..], &["up to four cookies", one, drops][..], &[stale][..]),
        (&["upstream.url=http://127.0.0.1:8080"], &["up to four cookies", one], &[drops]),
        (&["session.stale_if_error=1m"], &[stale], &[]),
        (&["session.store=file", &file], &["/sessions.redb.", one], &[drops, stale]),
        (
            &["session.store=redis", "session.redis.urls=redis://127.0.0.1:1", "session.stale_if_error=1m"],
            &["in Redis, at 127.0.0.1:1.", "Several gateways may use it"],
            &[one, stale],
        ),
    ] {
        let text = check(settings);
        assert!(words.iter().all(|word| text.contains(word)), "{settings:?}: {text}");
        assert!(!others.iter().any(|word| text.contains(word)), "{settings:?}: {text}");
        assert!(text.ends_with("\nThe configuration is valid.\n"), "{text}");
    }
}

#[test]
fn each_generated_key_is_new_and_has_256_bits() {
    let make = || String::from_utf8(foregate(&["secret"], &[]).stdout).unwrap();
    let (one, two) = (make(), make());
    assert_eq!(one.trim().len(), 43);
    assert_ne!(one, two);
}

#[test]
fn template_equals_the_shipped_file() {
    let output = foregate(&["template"], &[]);
    let shipped = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/config/foregate.toml")).unwrap();
    assert!(
        output.stdout == shipped,
        "config/foregate.toml is old: foregate template > config/foregate.toml"
    );
}
