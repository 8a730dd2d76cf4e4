//! Sessions that are too large, and sessions without the ID token

use crate::harness::{Browser, KEY, Process};

/// A provider whose testuser has a picture of 20,000 characters.
fn settings_with_picture() -> dev_provider::Settings {
    let mut settings = dev_provider::Settings::default();
    let prefix = "data:image/png;base64,";
    let picture = format!("{prefix}{}", "A".repeat(20_000 - prefix.len()));
    settings.users[0].extra.insert("picture".to_owned(), picture.into());
    settings
}

#[tokio::test]
async fn session_too_large_is_403_and_the_log_names_the_largest_claims() {
    let provider = dev_provider::start(settings_with_picture()).await.unwrap();
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    let process = Process::start(provider.issuer(), &[], &secrets).await;
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;

    let page = browser.sign_in(&form, "testuser", "testuser").await;

    assert_eq!((page.status, browser.cookie("foregate")), (403, None));
    assert!(page.body.contains("If you run this gateway") && !page.body.contains("groups"), "{}", page.body);
    let log = process.log();
    let line = log.lines().find(|line| line.contains("not_kept")).unwrap_or_else(|| panic!("{log}"));
    for part in
        ["bytes of cookies", "the limit is 15600", "picture 20002 bytes, ", "session.id_token = 'drop'"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains("AAAA"), "no value of a claim is logged: {log}");
}
