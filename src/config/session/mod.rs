//! How long does a sign-in last, and which keys seal it?

mod guessable;
mod key_ring;
mod keys_file;
mod seal_key;

use std::time::Duration;

use http::Method;

pub use self::keys_file::{KeysFile, KeysFileError, KeysText};
pub use self::seal_key::SealKey;
use super::checks::duration;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::public_paths::{PublicPath, PublicPaths, PublicRule};
use crate::session::cookie_store::Lifetimes;

pub(super) const SECTION: Section = Section {
    path: "session",
    example: "",
    about: "How long a sign-in lasts, and what seals its cookie.",
    keys: &[
        Key {
            name: "keys",
            kind: Kind::Secrets,
            need: Need::Optional("[\"…\"]"),
            about: "Keys that seal the session cookie; `foregate secret` makes one. The first seals, all \
                    of them open: to change the key, put a new one in front and keep the old one for one \
                    session lifetime. This or keys_file is required.",
            right: "what `foregate secret` prints: 32 random bytes as base64url, in session.keys or on a \
                    line of session.keys_file",
        },
        Key {
            name: "keys_file",
            kind: Kind::SecretFile,
            need: Need::Optional("\"/run/secrets/session-keys\""),
            about: "A file with one key on each line; empty lines and lines that begin with # do not count. It is \
                    looked at every 30 seconds; new keys are used at once, and ones that cannot be used are told in \
                    the log, and the old ones go on. docs/session-key.md says how a key is changed.",
            right: "the path of a file that this process may read, with one key of `foregate secret` on each line",
        },
        Key {
            name: "lifetime",
            kind: Kind::Text,
            need: Need::Default("\"10h\""),
            about: "How long after signing in a person must sign in again, whatever happens in between; \
                    from 1m to 30d. A session without a refresh token ends with its tokens; one whose refresh token \
                    the provider lets expire ends with that.",
            right: "a time with its unit, from 1m to 30d, such as 10h",
        },
        Key {
            name: "idle_timeout",
            kind: Kind::Text,
            need: Need::Optional("\"1h\""),
            about: "After how long without a request a session ends; from 1m to 30d. Without it only the lifetime and \
                    the provider end sessions.",
            right: "a time with its unit, from 1m to 30d, such as 1h",
        },
        Key {
            name: "background_paths",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "What pages ask for by themselves: a GET of these does not keep an idle session alive. Written \
                    like public_paths: \"/api/poll\" is that path, \"/api/\" everything below it too.",
            right: "paths that begin with /, such as [\"/api/poll\", \"/events/\"]",
        },
        Key {
            name: "require_fresh_id_token",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "What happens where the provider renews a session without a new ID token. false: the session lives \
                    on, and the ID token is no longer handed out once it is over. true: the session ends with its ID \
                    token, and the person is sent to the provider for a new one.",
            right: "true or false, without quotes",
        },
    ],
};

/// How long a sign-in lasts, and what seals it.
pub struct Session {
    /// The key ring: at least one key, none twice. The first seals, all open.
    pub keys: Vec<SealKey>,
    /// The file they stand in, which may change; `None` where they were given themselves.
    pub keys_file: Option<KeysFile>,
    /// How long it lasts.
    pub lifetimes: Lifetimes,
    /// What pages ask for by themselves.
    pub background_paths: PublicPaths,
}

impl Session {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let keys = key_ring::read(reader);
        let minute = Duration::from_mins(1);
        let lifetime = reader.need("session.lifetime", |text| duration(text, minute, minute * 60 * 24 * 30));
        let idle = reader.may("session.idle_timeout", |text| duration(text, minute, minute * 60 * 24 * 30));
        let paths = reader.each("session.background_paths", |text| {
            PublicPath::parse(text).map_err(|error| Wrong::new(error.to_string()))
        });
        let require_fresh_id_token = reader.switch("session.require_fresh_id_token");
        let lifetimes = Lifetimes { session: lifetime?, idle: idle?, require_fresh_id_token };
        let ((keys, keys_file), paths) = (keys?, paths?);
        warn(reader, &lifetimes, &paths);
        Ok(Self { keys, keys_file, lifetimes, background_paths: background(paths) })
    }
}

fn warn(reader: &mut Reader, lifetimes: &Lifetimes, background_paths: &[PublicPath]) {
    let mut warn = |key: &str, text| reader.report.warn(key, text);
    if lifetimes.idle.is_some_and(|idle| idle >= lifetimes.session) {
        warn("session.idle_timeout", "no session lives longer than session.lifetime, so this ends none");
    }
    if lifetimes.idle.is_none() && !background_paths.is_empty() {
        warn("session.background_paths", "without session.idle_timeout they change nothing");
    }
    if lifetimes.idle.is_some() && background_paths.iter().any(PublicPath::is_everything) {
        warn(
            "session.background_paths",
            "/ lets no page load keep a session alive, only what changes something",
        );
    }
}

fn background(paths: Vec<PublicPath>) -> PublicPaths {
    if paths.is_empty() {
        return PublicPaths::default();
    }
    PublicPaths::new(vec![PublicRule { methods: vec![Method::GET, Method::HEAD], hosts: Vec::new(), paths }])
}
