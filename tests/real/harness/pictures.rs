//! What does a page look like, for the person who reviews it: light and dark, on a desk and on a phone?

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::chromium::Chromium;
use super::process::repository;

const SIZES: [(&str, u32, u32); 2] = [("desktop", 1280, 800), ("phone", 390, 844)];

impl Chromium {
    /// Four pictures of the page that is open, as `target/screenshots/NAME-….png`.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        for scheme in ["light", "dark"] {
            self.devtools(
                "Emulation.setEmulatedMedia",
                json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
            )
            .await;
            for (device, width, height) in SIZES {
                let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": device == "phone" });
                self.devtools("Emulation.setDeviceMetricsOverride", size).await;
                let picture = self.driver().screenshot().await.unwrap();
                std::fs::write(folder.join(format!("{name}-{scheme}-{device}.png")), picture).unwrap();
            }
        }
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
    }

    async fn devtools(&self, command: &'static str, parameters: Value) {
        self.driver().issue_cmd(DevTools { command, parameters }).await.unwrap();
    }
}

/// A command of Chromium's own protocol, sent through its driver.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.command, "params": self.parameters }).to_string()))
    }
}
