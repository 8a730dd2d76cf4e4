//! Screenshots of pages for a review, in light and dark colours, for desktop and phone

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::chromium::Chromium;
use super::process::repository;

const SIZES: [(&str, u32, u32); 2] = [("desktop", 1280, 800), ("phone", 390, 844)];

impl Chromium {
    /// Writes four screenshots of the open page to `target/screenshots/NAME-….png`.
    pub(crate) async fn take_screenshots(&self, name: &str) {
        let folder = repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        for scheme in ["light", "dark"] {
            self.send_devtools_command(
                "Emulation.setEmulatedMedia",
                json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
            )
            .await;
            for (device, width, height) in SIZES {
                let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": device == "phone" });
                self.send_devtools_command("Emulation.setDeviceMetricsOverride", size).await;
                let picture = self.driver().screenshot().await.unwrap();
                std::fs::write(folder.join(format!("{name}-{scheme}-{device}.png")), picture).unwrap();
            }
        }
        self.send_devtools_command("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.send_devtools_command("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
    }

    async fn send_devtools_command(&self, command: &'static str, parameters: Value) {
        self.driver().issue_cmd(DevTools { command, parameters }).await.unwrap();
    }
}

/// A `DevTools` command, sent through Chromium's driver.
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
