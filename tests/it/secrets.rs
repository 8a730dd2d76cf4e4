//! Is a secret ever printed, at any level?

use reqwest::header::{HeaderMap, HeaderName};

use crate::harness::{Browser, KEY, Process, get_with, provider};

const SECRETS: [(&str, &str); 3] = [
    ("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"),
    ("FOREGATE_SESSION__KEYS", KEY),
    ("RUST_LOG", "trace"),
];

#[tokio::test]
async fn a_sign_in_at_the_most_talkative_level_prints_no_secret() {
    for format in ["people", "json"] {
        let provider = provider().await;
        let more = [("log.level", "trace"), ("log.format", format)];
        let process = Process::start(provider.issuer(), &SECRETS, &more).await;
        let mut browser = Browser::new();
        let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start?rd=/deep", process.public)).await;
        browser.sign_in(&form, "testuser", "testuser").await;
        let callback = browser.visited.iter().find(|url| url.path() == "/oauth2/callback").unwrap().clone();
        browser.go(callback.as_str()).await;
        let cookie = browser.cookie("foregate").unwrap().to_owned();
        let token = token(&process, &cookie).await;

        let log = process.log();
        assert!(log.contains("signed in"), "{log}");
        let answer =
            callback.query_pairs().filter(|(name, _)| name != "iss").map(|(_, value)| value.into_owned());
        let asked = provider
            .authorization_requests()
            .into_iter()
            .flat_map(|request| ["nonce", "code_challenge", "state"].map(|name| request[name].clone()));
        let verifier = provider.token_requests()[0].field("code_verifier").unwrap().to_owned();
        let mut secrets = vec![cookie, verifier, KEY.to_owned(), "foregate-secret".to_owned()];
        secrets.extend(answer.chain(asked).chain(token.split('.').map(str::to_owned)));
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
        }
    }
}

/// The ID token, as a check gives it out.
async fn token(process: &Process, cookie: &str) -> String {
    let fields = [
        ("x-forwarded-method", "GET".to_owned()),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-host", format!("127.0.0.1:{}", process.public)),
        ("x-forwarded-uri", "/".to_owned()),
        ("x-forwarded-for", "192.0.2.1".to_owned()),
        ("cookie", format!("foregate={cookie}")),
    ];
    let headers: HeaderMap =
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
    let asked = get_with(&format!("http://127.0.0.1:{}/check/traefik", process.check), headers).await;
    assert_eq!(asked.status, 200);
    asked.header("x-forwarded-id-token").unwrap().to_owned()
}
