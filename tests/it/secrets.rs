//! Is a secret ever printed, at any level?

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::{Browser, get, provider};

const SECRETS: [(&str, &str); 2] = [
    ("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"),
    ("FOREGATE_SESSION__KEYS", "mLr1sWZ3m8CTLVJTVvKvdfAwLVqOtPLZWaDdkBHLtcE"),
];

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _killed = self.0.kill();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn ready(port: u16) {
    for _ in 0..200 {
        let up = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        if up && get(&format!("http://127.0.0.1:{port}/readyz")).await.body.contains("\"state\": \"ready\"") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not ready");
}

#[tokio::test]
async fn a_sign_in_at_the_most_talkative_level_prints_no_secret() {
    for format in ["people", "json"] {
        let provider = provider().await;
        let [public, check, ops] = [free_port(), free_port(), free_port()];
        let mut command = Command::new(env!("CARGO_BIN_EXE_foregate"));
        command
            .arg("serve")
            .envs(SECRETS)
            .env("RUST_LOG", "trace")
            .stderr(Stdio::piped())
            .stdout(Stdio::piped());
        for (key, value) in [
            ("public.urls", format!("http://127.0.0.1:{public}")),
            ("public.listen", format!("127.0.0.1:{public}")),
            ("check.listen", format!("127.0.0.1:{check}")),
            ("ops.listen", format!("127.0.0.1:{ops}")),
            ("provider.issuer", provider.issuer().to_owned()),
            ("provider.client_id", "foregate".to_owned()),
            ("log.level", "trace".to_owned()),
            ("log.format", format.to_owned()),
        ] {
            command.args(["--set", &format!("{key}={value}")]);
        }
        let mut process = Running(command.spawn().unwrap());
        ready(ops).await;
        let mut browser = Browser::new();
        let form = browser.open(&format!("http://127.0.0.1:{public}/oauth2/start?rd=/deep")).await;
        browser.sign_in(&form, "testuser", "testuser").await;
        let callback = browser.visited.iter().find(|url| url.path() == "/oauth2/callback").unwrap().clone();
        browser.go(callback.as_str()).await;
        let query: Vec<String> = callback
            .query_pairs()
            .filter(|(name, _)| name != "iss")
            .map(|(_, value)| value.into_owned())
            .collect();
        let cookie = browser.cookie("foregate").unwrap().to_owned();
        let mut headers = reqwest::header::HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-uri", "/"),
            ("x-forwarded-for", "192.0.2.1"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers.insert("x-forwarded-host", format!("127.0.0.1:{public}").parse().unwrap());
        headers.insert("cookie", format!("foregate={cookie}").parse().unwrap());
        let asked = reqwest::Client::builder()
            .build()
            .unwrap()
            .get(format!("http://127.0.0.1:{check}/check/traefik"))
            .headers(headers)
            .send()
            .await
            .unwrap();
        assert_eq!(asked.status(), 200);
        let token = asked.headers()["x-forwarded-id-token"].to_str().unwrap().to_owned();
        process.0.kill().unwrap();
        let mut log = String::new();
        process.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        process.0.stdout.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.contains("signed in"), "{log}");
        let secrets = SECRETS.iter().map(|(_, value)| (*value).to_owned()).chain(query).chain([cookie]);
        for secret in secrets.chain(token.split('.').map(str::to_owned)).chain(provider_secrets(&provider)) {
            assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
        }
    }
}

/// What the gateway sent to the provider: nonce, challenge and verifier among it.
fn provider_secrets(provider: &dev_provider::DevProvider) -> Vec<String> {
    let sent = provider
        .authorization_requests()
        .into_iter()
        .flat_map(|request| ["nonce", "code_challenge", "state"].map(|name| request[name].clone()));
    sent.collect()
}
