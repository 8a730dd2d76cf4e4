//! Chromium, controlled through its `WebDriver`
//!
//! 1. Each wait has a time limit.
//! 2. No browser process remains after a test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

use super::process::{Program, Scratch, find_program, processes_with_path, send_signal};

/// Time limit of each page, sufficient on a busy machine. A redirect loop or a missing redirect fails the test.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Interval between two queries of a page that changes.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A browser with an empty profile.
pub(crate) struct Chromium {
    client: Client,
    profile: PathBuf,
    _driver: Program,
}

impl Chromium {
    /// Starts a browser. In addition to the public authorities, it accepts the certificate with the given pin.
    pub(crate) async fn start(pin: Option<&str>, scratch: &Scratch) -> Self {
        let browser = find_program("chromium");
        let mut driver = Program::start(
            "chromedriver",
            Command::new(find_program("chromedriver")).arg("--port=0"),
            scratch,
        );
        let port = driver.wait_for_line("it logged its port", driver_port).await;
        let profile = scratch.path().join("profile");
        let capabilities = capabilities(&browser, &profile, pin);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connect = builder.capabilities(capabilities).connect(&port);
        let client = tokio::time::timeout(TIMEOUT * 2, connect).await;
        let client = client.expect("Chromium starts in time").expect("Chromium starts");
        Self { client, profile, _driver: driver }
    }

    /// Opens a URL as if a user had typed it.
    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn url(&self) -> Url {
        self.client.current_url().await.unwrap()
    }

    /// Types into the element that `css` selects.
    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        let element = self.wait_for(css).await;
        element.clear().await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    pub(crate) async fn click(&self, css: &str) {
        self.wait_for(css).await.click().await.unwrap();
    }

    /// Waits until the page is complete and the element exists, and returns its text.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.wait_until_complete().await;
        self.wait_for(css).await.text().await.unwrap()
    }

    /// Returns whether the element exists now.
    pub(crate) async fn has(&self, css: &str) -> bool {
        !self.client.find_all(Locator::Css(css)).await.unwrap().is_empty()
    }

    /// Signs in on the provider's page. The password of each account is its name.
    pub(crate) async fn sign_in(&self, user: &str) {
        self.type_into("#username", user).await;
        self.type_into("#password", user).await;
        self.click("#sign-in").await;
        self.wait_until_gone("#sign-in").await;
    }

    /// Waits until the element no longer exists and the next page is complete.
    pub(crate) async fn wait_until_gone(&self, css: &str) {
        let leaving = async {
            // While one page replaces another, the driver returns an error. The error says nothing about the next
            // page.
            while self.client.find_all(Locator::Css(css)).await.map_or(true, |found| !found.is_empty()) {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let left = tokio::time::timeout(TIMEOUT, leaving).await;
        assert!(left.is_ok(), "{css} still exists at {}", self.url().await);
        self.wait_until_complete().await;
    }

    /// Waits until a page is completely loaded. Before that, the driver may return the empty initial page.
    async fn wait_until_complete(&self) {
        let script = "return document.readyState === 'complete' && location.href !== 'about:blank'";
        let arriving = async {
            while self.client.execute(script, Vec::new()).await.ok() != Some(Value::Bool(true)) {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let arrived = tokio::time::timeout(TIMEOUT, arriving).await;
        assert!(arrived.is_ok(), "the page is not complete at {}", self.url().await);
    }

    /// Runs a script and returns the value that it passes to its function `done`.
    pub(crate) async fn run_script(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.client.execute_async(&script, Vec::new()).await.unwrap()
    }

    /// Like [`Chromium::run_script`], but returns null if one page replaces another meanwhile.
    pub(crate) async fn try_script(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.client.execute_async(&script, Vec::new()).await.unwrap_or(Value::Null)
    }

    /// Returns all cookies of the page's origin, including those that scripts cannot read.
    pub(crate) async fn cookies(&self) -> Vec<fantoccini::cookies::Cookie<'static>> {
        self.client.get_all_cookies().await.unwrap()
    }

    /// Deletes the cookies of the page's origin.
    pub(crate) async fn delete_cookies(&self) {
        self.client.delete_all_cookies().await.unwrap();
    }

    /// Returns the driver, for features that only one file needs.
    pub(crate) fn driver(&self) -> &Client {
        &self.client
    }

    async fn wait_for(&self, css: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().at_most(TIMEOUT).for_element(Locator::Css(css)).await;
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
    /// Kills the browser first. The driver is killed afterwards, and a browser can outlive its driver.
    fn drop(&mut self) {
        send_signal("-KILL", &processes_with_path(&self.profile));
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
    let limit = u64::try_from(TIMEOUT.as_millis()).unwrap();
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
