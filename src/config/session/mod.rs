//! How long does a sign-in last, and which keys seal it?

mod guessable;
mod seal_keys;

use std::time::Duration;

use zeroize::Zeroizing;

use super::checks::duration;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::Told;

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
            about: "A file with one key on each line; empty lines and lines that begin with # do not count.",
            right: "the path of a file that this process may read, with one key of `foregate secret` on each line",
        },
        Key {
            name: "lifetime",
            kind: Kind::Text,
            need: Need::Default("\"10h\""),
            about: "How long after signing in a person must sign in again, whatever happens in between; \
                    from 1m to 30d.",
            right: "a time with its unit, from 1m to 30d, such as 10h",
        },
    ],
};

/// How long a sign-in lasts, and what seals it.
pub struct Session {
    /// The key ring: at least one key, none twice. The first seals, all open.
    pub keys: Vec<Zeroizing<[u8; 32]>>,
    /// From signing in to signing in again.
    pub lifetime: Duration,
}

impl Session {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Told> {
        let keys = seal_keys::read(reader);
        let minute = Duration::from_mins(1);
        let lifetime = reader.need("session.lifetime", |text| duration(text, minute, minute * 60 * 24 * 30));
        Ok(Self { keys: keys?, lifetime: lifetime? })
    }
}
