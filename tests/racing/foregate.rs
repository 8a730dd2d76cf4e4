//! Foregate: the command and the configuration of its processes

use std::process::Command;

use crate::addresses::{Addresses, RedisPlace};
use crate::harness::{Registration, Scratch, foregate};
use crate::rows::Store;

/// The file with the session keys.
pub(crate) const KEYS_FILE: &str = "session-keys";

/// The configuration that all processes share.
pub(crate) struct Foregate {
    pub(crate) origin: String,
    pub(crate) registration: Registration,
    pub(crate) store: Store,
}

impl Foregate {
    pub(crate) fn command(&self, at: &Addresses, scratch: &Scratch) -> Command {
        let name = format!("gateway-{}.toml", at.number);
        let config = scratch.write(&name, &self.config(at, scratch));
        let mut command = foregate();
        command.arg("serve").arg("--config").arg(config);
        command
    }

    fn config(&self, at: &Addresses, scratch: &Scratch) -> String {
        let Self { origin, registration, store } = self;
        let Registration { provider, group, .. } = registration;
        let Addresses { public, check, ops, .. } = at;
        let keys = scratch.path().join(KEYS_FILE);
        format!(
            r#"
[public]
urls = ["{origin}"]
listen = "{public}"

[check]
listen = "{check}"

[ops]
listen = "{ops}"

[provider]
{provider}
[policies.default]
allowed_groups = ["{group}"]

[session]
keys_file = "{keys}"
store = "{store}"
{place}
"#,
            keys = keys.display(),
            store = store.name(),
            place = self.place(at, scratch),
        )
    }

    /// Returns the lines for the place of the sessions.
    fn place(&self, at: &Addresses, scratch: &Scratch) -> String {
        let file = || format!("file = \"{}\"", scratch.path().join("sessions.redb").display());
        match at.redis {
            None if self.store == Store::File => file(),
            None => String::new(),
            Some(RedisPlace::Server(address)) => format!("[session.redis]\nurls = [\"redis://{address}\"]"),
            Some(RedisPlace::Sentinel(address, service)) => format!(
                "[session.redis]\ntopology = \"sentinel\"\nservice = \"{service}\"\nurls = [\"redis://{address}\"]"
            ),
        }
    }
}
