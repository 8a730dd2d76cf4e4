//! Configuration: settings, mistakes and warnings

mod admin_socket;
mod application;
mod documented;
mod generated;
mod mistakes;
mod precedence;
mod provider_page;
mod provider_templates;
mod sections;
mod stores;
mod tls;
mod warnings;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Mistakes, Settings, Sources, load};

/// Two random keys.
const KEY: &str = "Qm7T0v1sYc9XkZ3pWJd5uHnR8aLf2EgBiOyMxKtVq4w";
const OTHER_KEY: &str = "dG9-pQ3rXz_1vLw8KsYhN5cJbT2mFuA7eRoViHyWk0E";

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

const MINIMAL: &str = r#"[public]
urls = ["https://headlamp.example.com"]
[provider]
issuer = "https://keycloak.corp.test/realms/main"
client_id = "headlamp"
client_secret = "hunter2"
[session]
keys = ["Qm7T0v1sYc9XkZ3pWJd5uHnR8aLf2EgBiOyMxKtVq4w"]
"#;

/// A file that is removed when the test ends.
struct TempFile(PathBuf);

impl TempFile {
    fn new(text: impl AsRef<[u8]>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("foregate-config-{}-{number}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.0);
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load_all(text: &str, environment: &[(&str, &str)], set: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    let file = TempFile::new(text);
    load(&Sources { file: Some(file.0.clone()), set: pairs(set), environment: pairs(environment) })
}

/// Loads the minimal file together with environment variables.
fn with(environment: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    load_all(MINIMAL, environment, &[])
}

fn settings(text: &str) -> Settings {
    load_all(text, &[], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn mistakes(text: &str) -> Mistakes {
    load_all(text, &[], &[]).err().expect("there are mistakes")
}

/// Returns the mistakes of the minimal file with one more section.
fn report_with(section: &str) -> String {
    mistakes(&format!("{MINIMAL}{section}")).to_string()
}
