//! Configuration: reading and validation
//!
//! 1. A later source overrides an earlier one: the defaults, the TOML file, `FOREGATE_…` environment variables, `--set`
//!    flags.
//! 2. One table of keys (`keys`) drives the reading, the search for unknown keys, the template and the reference.
//! 3. All mistakes are reported at once. The settings that [`load`] returns are parsed and valid.

mod checks;
mod claims;
mod cookie;
mod drain;
mod environment;
mod file;
mod headers;
mod headlamp;
mod key;
mod keys;
mod listeners;
mod log;
mod mistake;
mod nearest;
mod policies;
mod provider;
mod provider_template;
mod public;
mod public_paths;
mod reader;
mod reference;
mod report;
mod secrets;
mod session;
mod settings;
mod sign_in;
mod source_value;
mod sources;
mod template;
mod tls;
mod upstream;

pub use self::session::{KeysFile, KeysFileError, KeysText, SealKey, Session, SessionStorage};
pub use drain::Drain;
pub use headers::Headers;
pub use listeners::{CheckListener, Ops};
pub use log::Log;
pub use mistake::{Mistake, Mistakes};
pub use provider_template::{PROVIDER_TEMPLATES, ProviderTemplate};
pub use public::Public;
pub use reference::reference;
pub use settings::{Settings, load};
pub use sign_in::SignIn;
pub use sources::Sources;
pub use template::template;
pub use upstream::Upstream;

#[cfg(test)]
mod tests;
