//! How is a real browser driven, with every wait bounded and nothing left running?

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

use super::process::{Program, Scratch, installed, processes_naming, signal};

/// No page here takes longer, on a machine that does much else besides; a loop or a lost redirect ends as a failure.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks at a page that changes.
const BLINK: Duration = Duration::from_millis(50);

/// A fresh browser with an empty profile.
pub(crate) struct Chromium {
    client: Client,
    profile: PathBuf,
    _driver: Program,
}

impl Chromium {
    /// Believes the certificate with that pin, if one is given, besides those that everyone believes.
    pub(crate) async fn start(pin: Option<&str>, scratch: &Scratch) -> Self {
        let browser = installed("chromium");
        let mut driver =
            Program::start("chromedriver", Command::new(installed("chromedriver")).arg("--port=0"), scratch);
        let port = driver.says("it says its port", driver_port).await;
        let profile = scratch.path().join("profile");
        let capabilities = capabilities(&browser, &profile, pin);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connect = builder.capabilities(capabilities).connect(&port);
        let client = tokio::time::timeout(PATIENCE * 2, connect).await;
        let client = client.expect("Chromium starts in time").expect("Chromium starts");
        Self { client, profile, _driver: driver }
    }

    /// Opens an address as a person does who types it.
    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn url(&self) -> Url {
        self.client.current_url().await.unwrap()
    }

    /// Types into the one element that `css` names.
    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        let element = self.wait_for(css).await;
        element.clear().await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    pub(crate) async fn click(&self, css: &str) {
        self.wait_for(css).await.click().await.unwrap();
    }

    /// What the element says once it is there and its page is whole.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.whole().await;
        self.wait_for(css).await.text().await.unwrap()
    }

    /// Whether the element is there now.
    pub(crate) async fn has(&self, css: &str) -> bool {
        !self.client.find_all(Locator::Css(css)).await.unwrap().is_empty()
    }

    /// Signs in on the provider's page; the password of every account is its name.
    pub(crate) async fn sign_in(&self, user: &str) {
        self.type_into("#username", user).await;
        self.type_into("#password", user).await;
        self.click("#sign-in").await;
        self.gone("#sign-in").await;
    }

    /// Waits until the element is no longer there, and the page that came instead is whole.
    pub(crate) async fn gone(&self, css: &str) {
        let leaving = async {
            // In the middle of a change of pages the driver has no answer: that says nothing about the next page.
            while self.client.find_all(Locator::Css(css)).await.map_or(true, |found| !found.is_empty()) {
                tokio::time::sleep(BLINK).await;
            }
        };
        let left = tokio::time::timeout(PATIENCE, leaving).await;
        assert!(left.is_ok(), "{css} is still there, at {}", self.url().await);
        self.whole().await;
    }

    /// Waits until a page is there with all that belongs to it: a driver may look at the empty one before it.
    async fn whole(&self) {
        let script = "return document.readyState === 'complete' && location.href !== 'about:blank'";
        let arriving = async {
            while self.client.execute(script, Vec::new()).await.ok() != Some(Value::Bool(true)) {
                tokio::time::sleep(BLINK).await;
            }
        };
        let arrived = tokio::time::timeout(PATIENCE, arriving).await;
        assert!(arrived.is_ok(), "no page is whole, at {}", self.url().await);
    }

    /// Runs a script whose last argument takes the answer.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.client.execute_async(&script, Vec::new()).await.unwrap()
    }

    /// Every cookie of the page's origin, also those that scripts cannot see.
    pub(crate) async fn cookies(&self) -> Vec<fantoccini::cookies::Cookie<'static>> {
        self.client.get_all_cookies().await.unwrap()
    }

    /// Loses the cookies of the page's origin.
    pub(crate) async fn forget_cookies(&self) {
        self.client.delete_all_cookies().await.unwrap();
    }

    /// The driver itself, for what only one file needs.
    pub(crate) fn driver(&self) -> &Client {
        &self.client
    }

    async fn wait_for(&self, css: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                let source = self.client.source().await.unwrap_or_default();
                panic!("no {css} at {} ({error}):\n{source}", self.url().await)
            }
        }
    }
}

impl Drop for Chromium {
    /// The driver is killed after this, and a browser may outlive its driver: so the browser goes first.
    fn drop(&mut self) {
        signal("-KILL", &processes_naming(&self.profile));
    }
}

fn capabilities(browser: &Path, profile: &Path, pin: Option<&str>) -> Capabilities {
    let mut arguments: Vec<String> = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--lang=en-US",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.extend(pin.map(|pin| format!("--ignore-certificate-errors-spki-list={pin}")));
    let limit = u64::try_from(PATIENCE.as_millis()).unwrap();
    let capabilities = json!({
        "browserName": "chrome",
        "timeouts": { "pageLoad": limit, "script": limit },
        "goog:chromeOptions": { "binary": browser, "args": arguments },
    });
    serde_json::from_value(capabilities).unwrap()
}

fn driver_port(line: &str) -> Option<String> {
    let port = line.split_once("started successfully on port ")?.1.trim_end_matches('.');
    Some(format!("http://127.0.0.1:{port}"))
}
