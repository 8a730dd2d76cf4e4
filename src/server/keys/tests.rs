//! Tests of the key reload: accepted content, rejected content and log lines

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use base64_simd::URL_SAFE_NO_PAD;
use tracing::subscriber::with_default;

use super::*;
use crate::config::{Sources, load};
use crate::server::SystemEntropy;
use crate::session::codec::seal::{Binding, Purpose};
use crate::telemetry::testing::CapturedLog;

const OLD: &str = "mLr1sWZ3m8CTLVJTVvKvdfAwLVqOtPLZWaDdkBHLtcE";
const NEW: &str = "dG9-pQ3rXz_1vLw8KsYhN5cJbT2mFuA7eRoViHyWk0E";
const PASSPHRASE: &str = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSAxMjM";

/// A directory with a keys file, and the state of a process that started with the old key.
struct Scene {
    directory: PathBuf,
    path: PathBuf,
    ring: KeyRing,
    file: KeysFile,
    state: KeysFileState,
}

impl Scene {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("foregate-keys-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let path = directory.join("keys");
        fs::write(&path, OLD).unwrap();
        let set = [
            ("public.urls", "https://a.test"),
            ("provider.issuer", "https://b.test"),
            ("provider.client_id", "a"),
            ("provider.client_secret", "b"),
            ("session.keys_file", path.to_str().unwrap()),
        ];
        let set = set.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let session = load(&Sources { set, ..Sources::default() }).unwrap().session;
        let file = session.keys_file.unwrap();
        let ring = KeyRing::new(session.keys.iter().map(|key| &**key)).unwrap();
        Self { directory, path, ring, state: Ok(file.first), file }
    }

    /// Reloads once and returns the log lines, which contain no key and nothing else from the file.
    fn reload(&mut self) -> Vec<String> {
        let captured = CapturedLog::default();
        let writer = captured.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        self.state =
            with_default(log, || reload_if_changed(&self.ring, &self.file, &self.state, Reason::Interval));
        let lines = captured.text();
        for secret in [OLD, NEW, PASSPHRASE, "canary"] {
            assert!(!lines.contains(secret.split_at(6).0), "{lines}");
        }
        lines.lines().map(str::to_owned).collect()
    }

    fn write_and_reload(&mut self, text: impl AsRef<[u8]>) -> Vec<String> {
        fs::write(&self.path, text).unwrap();
        self.reload()
    }

    /// Returns whether the ring opens values that this key sealed, and whether the ring seals with this key.
    fn role(&self, key: &str) -> (bool, bool) {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(key).unwrap();
        let single = KeyRing::new([bytes.as_slice().try_into().unwrap()]).unwrap();
        (can_open(&single, &self.ring), can_open(&self.ring, &single))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn can_open(sealer: &KeyRing, opener: &KeyRing) -> bool {
    let binding = Binding::new(Purpose::Session, "a", "b", "c", "d");
    let mut value = sealer.seal(&binding, 1, b"text", &SystemEntropy).unwrap();
    opener.open(&binding, 1, &mut value).is_some()
}

const OPENS_ONLY: (bool, bool) = (true, false);
const OPENS_AND_SEALS: (bool, bool) = (true, true);
const UNKNOWN: (bool, bool) = (false, false);

#[test]
fn first_key_of_a_changed_file_seals_and_removed_keys_do_not_open() {
    let mut scene = Scene::new();
    assert_eq!(scene.reload(), [""; 0], "the content is the same as at the start");
    let both = format!("# changed\n{NEW}\n{OLD}\n");
    for (text, old, new, count) in [
        (both.as_str(), OPENS_ONLY, OPENS_AND_SEALS, 2),
        (NEW, UNKNOWN, OPENS_AND_SEALS, 1),
        (OLD, OPENS_AND_SEALS, UNKNOWN, 1),
    ] {
        let lines = scene.write_and_reload(text);
        assert_eq!((scene.role(OLD), scene.role(NEW)), (old, new), "{count}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("INFO") && lines[0].contains(&format!("keys={count}")), "{lines:?}");
        assert_eq!(scene.reload(), [""; 0], "logged once");
    }
}

#[test]
fn unusable_keys_file_changes_no_key_and_is_logged_once() {
    let mut scene = Scene::new();
    for (text, words) in [
        (b"".to_vec(), "the file is empty"),
        (b"# nothing but words\n".to_vec(), "contains no key"),
        (format!("{NEW}\ncanary").into_bytes(), "line 2 is 6 characters long"),
        (format!("{NEW}\n\n{PASSPHRASE}").into_bytes(), "line 3 can be guessed"),
        (format!("{NEW}\n{NEW}").into_bytes(), "line 2 appears twice"),
        (b"canary\xff".to_vec(), "not UTF-8"),
        (format!("{NEW}\n{}", "#canary\n".repeat(10_000)).into_bytes(), "longer than"),
    ] {
        let lines = scene.write_and_reload(text);
        assert_eq!(lines.len(), 1, "{words}: {lines:?}");
        assert!(lines[0].contains("ERROR") && lines[0].contains("session.keys_file: "), "{lines:?}");
        assert!(lines[0].contains(words) && lines[0].contains("stay in use"), "{words}: {lines:?}");
        assert_eq!((scene.role(OLD), scene.role(NEW)), (OPENS_AND_SEALS, UNKNOWN), "{words}");
        assert_eq!(scene.reload(), [""; 0], "logged once");
    }
    fs::remove_file(&scene.path).unwrap();
    assert!(scene.reload()[0].contains("cannot be read"));
    assert_eq!(scene.reload(), [""; 0], "logged once");
    assert_eq!(scene.role(OLD), OPENS_AND_SEALS);
    assert_eq!(scene.write_and_reload(NEW).len(), 1, "a usable file is accepted after the errors");
    assert_eq!(scene.role(NEW), OPENS_AND_SEALS);
}

/// An orchestrator mounts a secret as a link to a link to a directory, and swaps the second link.
#[test]
fn swapped_link_is_a_change_only_if_the_text_differs() {
    let mut scene = Scene::new();
    let directory = scene.directory.clone();
    let create = |name: &str, text: &str| {
        fs::create_dir(directory.join(name)).unwrap();
        fs::write(directory.join(name).join("keys"), text).unwrap();
        let file = File::options().write(true).open(directory.join(name).join("keys")).unwrap();
        file.set_modified(UNIX_EPOCH).unwrap();
    };
    let swap = |to: &str| {
        symlink(to, directory.join("data.new")).unwrap();
        fs::rename(directory.join("data.new"), directory.join("data")).unwrap();
    };
    for (name, text) in [("first", OLD), ("second", OLD), ("third", NEW)] {
        create(name, text);
    }
    swap("first");
    fs::remove_file(&scene.path).unwrap();
    symlink(Path::new("data").join("keys"), &scene.path).unwrap();
    assert_eq!(scene.reload(), [""; 0]);
    swap("second");
    assert_eq!(scene.reload(), [""; 0], "a file with the same text is not a change");
    swap("third");
    assert_eq!(scene.reload().len(), 1, "a different text is a change, even with the same modification time");
    assert_eq!((scene.role(OLD), scene.role(NEW)), (UNKNOWN, OPENS_AND_SEALS));
}
