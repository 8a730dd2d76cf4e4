//! Lifetimes of a session, and the keys that seal it

mod guessable;
mod key_ring;
mod keys_file;
pub(super) mod redis;
mod seal_key;
mod store;

use std::time::Duration;

use http::Method;

pub use self::keys_file::{KeysFile, KeysFileError, KeysText};
pub use self::seal_key::SealKey;
pub use self::store::SessionStorage;
use super::checks::{choice, duration};
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong, all};
use crate::access::public_paths::{PublicPath, PublicPaths, PublicRule};
use crate::session::cookie_store::Lifetimes;

pub(super) const SECTION: Section = Section {
    path: "session",
    example: "",
    about: "How long a sign-in lasts, where sessions are, and which keys seal them.",
    keys: &[
        Key {
            name: "keys",
            kind: Kind::Secrets,
            need: Need::Optional("[\"…\"]"),
            about: "Keys that seal (encrypt) sessions. `foregate secret` makes one. The first key seals new \
                    sessions, and every key opens them. To change the key, put a new one in front and keep \
                    the old one for one session lifetime. Either keys or keys_file is required.",
            right: "what `foregate secret` prints: 32 random bytes as base64url, in session.keys or on a \
                    line of session.keys_file",
        },
        Key {
            name: "keys_file",
            kind: Kind::SecretFile,
            need: Need::Optional("\"/run/secrets/session-keys\""),
            about: "A file with one key on each line. Empty lines and lines that begin with # are ignored. The \
                    gateway looks at the file every 30 seconds and uses new keys at once. If the file is \
                    unusable, the log gives the reason, and the current keys stay in use. docs/session-key.md \
                    describes how to change a key.",
            right: "the path of a file that this process may read, with one key from `foregate secret` on each line",
        },
        Key {
            name: "lifetime",
            kind: Kind::Text,
            need: Need::Default("\"10h\""),
            about: "How long after a sign-in the user must sign in again, from 1m to 30d. Nothing extends this \
                    time. A session ends earlier if it has no refresh token and its tokens expire, or if its \
                    refresh token expires at the provider.",
            right: "a time with its unit, from 1m to 30d, such as 10h",
        },
        Key {
            name: "idle_timeout",
            kind: Kind::Text,
            need: Need::Optional("\"1h\""),
            about: "The time without a request after which a session ends, from 1m to 30d. Without this key, \
                    idle sessions continue until they end otherwise.",
            right: "a time with its unit, from 1m to 30d, such as 1h",
        },
        Key {
            name: "background_paths",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "Paths that pages request by themselves. A GET or HEAD of such a path does not keep an idle session \
                    alive. They are written like public_paths: \"/api/poll\" is only that path, and \"/api/\" is \
                    also everything below it.",
            right: "paths that begin with /, such as [\"/api/poll\", \"/events/\"]",
        },
        Key {
            name: "require_fresh_id_token",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "What happens if the provider refreshes a session without a new ID token. If false, the session \
                    continues, and the gateway no longer passes on the ID token after it has expired. If true, the \
                    session ends when its ID token expires, and the user is redirected to the provider for a new \
                    one.",
            right: "true or false, without quotes",
        },
        Key {
            name: "id_token",
            kind: Kind::Text,
            need: Need::Default("\"keep\""),
            about: "Whether a session contains the ID token: \"keep\", or \"drop\" for applications that need none. \
                    With \"drop\", the cookies are smaller, headers.id_token is always sent empty, and neither \
                    headers.authorization nor [headlamp] can be used. A sign-out then sends no id_token_hint, so \
                    the provider may ask the user to confirm it. docs/sessions.md describes what happens to \
                    existing sessions.",
            right: "\"keep\" or \"drop\"",
        },
        Key {
            name: "store",
            kind: Kind::Text,
            need: Need::Default("\"cookie\""),
            about: "Where sessions are: \"cookie\" keeps them in the browser, sealed, \"file\" keeps them in session.file, \
                    and \"redis\" in [session.redis]. With \"file\" and \"redis\", sessions may be large, a proxy may drop \
                    Set-Cookie, and a restart keeps all sessions. Only \"redis\" serves several gateways. \
                    docs/stores.md compares them.",
            right: "\"cookie\", \"file\" or \"redis\"",
        },
        Key {
            name: "file",
            kind: Kind::Text,
            need: Need::Optional("\"/var/lib/foregate/sessions.redb\""),
            about: "The file with the sessions. Only one process can use it. Required if session.store is \"file\".",
            right: "the path of a file in an existing directory that this process may write, such as \
                    /var/lib/foregate/sessions.redb",
        },
        Key {
            name: "stale_if_error",
            kind: Kind::Text,
            need: Need::Default("\"30s\""),
            about: "How long a session goes on that was read before, if the store does not answer, from 0s to 5m. It never \
                    goes on after its tokens have expired. Has no effect with session.store = \"cookie\".",
            right: "a time with its unit, from 0s to 5m, such as 30s",
        },
    ],
};

/// How long a sign-in lasts, and which keys seal it.
pub struct Session {
    /// The key ring: at least one key, without duplicates. The first key seals, and all keys open.
    pub keys: Vec<SealKey>,
    /// The file that contains the keys, which may change; `None` if the keys were set directly.
    pub keys_file: Option<KeysFile>,
    /// The time limits of a session.
    pub lifetimes: Lifetimes,
    /// Whether a session contains the ID token, and applications may receive it.
    pub keeps_id_token: bool,
    /// The paths that pages request by themselves.
    pub background_paths: PublicPaths,
    /// Where the sessions are.
    pub storage: SessionStorage,
    /// How long a session that was read goes on while the store does not answer.
    pub stale_if_error: Duration,
}

impl Session {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let keys = key_ring::read(reader);
        let minute = Duration::from_mins(1);
        let lifetime =
            reader.read_required("session.lifetime", |text| duration(text, minute, minute * 60 * 24 * 30));
        let idle = reader
            .read_optional("session.idle_timeout", |text| duration(text, minute, minute * 60 * 24 * 30));
        let paths = reader.read_list("session.background_paths", |text| {
            PublicPath::parse(text).map_err(|error| Wrong::new(error.to_string()))
        });
        let require_fresh_id_token = reader.switch("session.require_fresh_id_token");
        let keeps_id_token = read_keeps_id_token(reader);
        let storage = store::read(reader);
        let stale_if_error = reader.read_required("session.stale_if_error", |text| {
            duration(text, Duration::ZERO, Duration::from_mins(5))
        });
        let lifetimes = Lifetimes { session: lifetime?, idle: idle?, require_fresh_id_token };
        let ((keys, keys_file), paths) = (keys?, paths?);
        if matches!(storage, Ok(SessionStorage::Cookie)) && reader.is_chosen("session.stale_if_error") {
            reader
                .report
                .warn("session.stale_if_error", "with session.store = \"cookie\", this has no effect");
        }
        warn(reader, &lifetimes, &paths);
        let (keeps_id_token, storage, stale_if_error) = (keeps_id_token?, storage?, stale_if_error?);
        let background_paths = background_rule(paths);
        Ok(Self { keys, keys_file, lifetimes, keeps_id_token, background_paths, storage, stale_if_error })
    }
}

/// Reads whether sessions contain the ID token. They must, if a setting passes it on to the application.
fn read_keeps_id_token(reader: &mut Reader) -> Result<bool, Reported> {
    let key = "session.id_token";
    let keeps = reader.read_required(key, |text| choice(text, &[("keep", true), ("drop", false)]))?;
    let users = [
        ("headlamp.enabled = true", "headlamp.enabled = false", reader.switch("headlamp.enabled")),
        (
            "headers.authorization = true",
            "headers.authorization = false",
            reader.switch("headers.authorization"),
        ),
        ("headers.id_token", "remove headers.id_token", reader.is_chosen("headers.id_token")),
    ];
    let report = |(setting, instead, is_set): (&str, &str, bool)| {
        if keeps || !is_set {
            return Ok(());
        }
        let what = format!("{setting} passes on the ID token, which the session then does not contain");
        Err(reader.report_wrong(key, Wrong::new(what).right(format!("\"keep\"; or {instead}"))))
    };
    all::<(), Vec<()>>(users.into_iter().map(report)).map(|_| keeps)
}

fn warn(reader: &mut Reader, lifetimes: &Lifetimes, background_paths: &[PublicPath]) {
    let mut warn = |key: &str, text| reader.report.warn(key, text);
    if lifetimes.idle.is_some_and(|idle| idle >= lifetimes.session) {
        warn("session.idle_timeout", "session.lifetime is not longer than this, so this ends no session");
    }
    if lifetimes.idle.is_none() && !background_paths.is_empty() {
        warn("session.background_paths", "without session.idle_timeout, these paths have no effect");
    }
    if lifetimes.idle.is_some() && background_paths.iter().any(PublicPath::is_everything) {
        warn(
            "session.background_paths",
            "with /, no page load keeps a session alive, only requests that change something",
        );
    }
}

fn background_rule(paths: Vec<PublicPath>) -> PublicPaths {
    if paths.is_empty() {
        return PublicPaths::default();
    }
    PublicPaths::new(vec![PublicRule { methods: vec![Method::GET, Method::HEAD], hosts: Vec::new(), paths }])
}
