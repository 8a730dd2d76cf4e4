//! Which contents of the file count, and what does the log say of them?

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
use crate::telemetry::testing::Kept;

const OLD: &str = "mLr1sWZ3m8CTLVJTVvKvdfAwLVqOtPLZWaDdkBHLtcE";
const NEW: &str = "dG9-pQ3rXz_1vLw8KsYhN5cJbT2mFuA7eRoViHyWk0E";
const PASSPHRASE: &str = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSAxMjM";

/// A folder with a file of keys, and what a process makes of it that began with the old key.
struct Scene {
    folder: PathBuf,
    path: PathBuf,
    ring: KeyRing,
    file: KeysFile,
    seen: Seen,
}

impl Scene {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("foregate-keys-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("keys");
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
        Self { folder, path, ring, seen: Ok(file.first), file }
    }

    /// One look, and the lines it makes: never with a key in them, nor with anything else of the file.
    fn look(&mut self) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        self.seen = with_default(log, || look(&self.ring, &self.file, &self.seen, Reason::Interval));
        let lines = kept.text();
        for secret in [OLD, NEW, PASSPHRASE, "canary"] {
            assert!(!lines.contains(secret.split_at(6).0), "{lines}");
        }
        lines.lines().map(str::to_owned).collect()
    }

    fn written(&mut self, text: impl AsRef<[u8]>) -> Vec<String> {
        fs::write(&self.path, text).unwrap();
        self.look()
    }

    /// Whether what this key closes opens, and whether it is the one that closes.
    fn role(&self, key: &str) -> (bool, bool) {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(key).unwrap();
        let alone = KeyRing::new([bytes.as_slice().try_into().unwrap()]).unwrap();
        (opens(&alone, &self.ring), opens(&self.ring, &alone))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn opens(closing: &KeyRing, opening: &KeyRing) -> bool {
    let binding = Binding::new(Purpose::Session, "a", "b", "c", "d");
    let mut value = closing.seal(&binding, 1, b"text", &SystemEntropy).unwrap();
    opening.open(&binding, 1, &mut value).is_some()
}

const OPENS: (bool, bool) = (true, false);
const CLOSES_TOO: (bool, bool) = (true, true);
const UNKNOWN: (bool, bool) = (false, false);

#[test]
fn the_first_key_of_a_new_content_closes_and_what_is_gone_opens_nothing() {
    let mut scene = Scene::new();
    assert_eq!(scene.look(), [""; 0], "it is what the start has read");
    let both = format!("# changed\n{NEW}\n{OLD}\n");
    for (text, old, new, count) in
        [(both.as_str(), OPENS, CLOSES_TOO, 2), (NEW, UNKNOWN, CLOSES_TOO, 1), (OLD, CLOSES_TOO, UNKNOWN, 1)]
    {
        let lines = scene.written(text);
        assert_eq!((scene.role(OLD), scene.role(NEW)), (old, new), "{count}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("INFO") && lines[0].contains(&format!("keys={count}")), "{lines:?}");
        assert_eq!(scene.look(), [""; 0], "told once");
    }
}

#[test]
fn a_content_that_cannot_be_used_changes_nothing_and_is_told_once() {
    let mut scene = Scene::new();
    for (text, words) in [
        (b"".to_vec(), "the file is empty"),
        (b"# nothing but words\n".to_vec(), "holds no key"),
        (format!("{NEW}\ncanary").into_bytes(), "line 2 is 6 characters long"),
        (format!("{NEW}\n\n{PASSPHRASE}").into_bytes(), "line 3 can be guessed"),
        (format!("{NEW}\n{NEW}").into_bytes(), "line 2 is there twice"),
        (b"canary\xff".to_vec(), "not UTF-8"),
        (format!("{NEW}\n{}", "#canary\n".repeat(10_000)).into_bytes(), "longer than"),
    ] {
        let lines = scene.written(text);
        assert_eq!(lines.len(), 1, "{words}: {lines:?}");
        assert!(lines[0].contains("ERROR") && lines[0].contains("session.keys_file: "), "{lines:?}");
        assert!(lines[0].contains(words) && lines[0].contains("stay in use"), "{words}: {lines:?}");
        assert_eq!((scene.role(OLD), scene.role(NEW)), (CLOSES_TOO, UNKNOWN), "{words}");
        assert_eq!(scene.look(), [""; 0], "told once");
    }
    fs::remove_file(&scene.path).unwrap();
    assert!(scene.look()[0].contains("cannot be read"));
    assert_eq!(scene.look(), [""; 0], "told once");
    assert_eq!(scene.role(OLD), CLOSES_TOO);
    assert_eq!(scene.written(NEW).len(), 1, "and it goes on after all that");
    assert_eq!(scene.role(NEW), CLOSES_TOO);
}

/// As an orchestrator mounts a secret: a link to a link to a folder, and the second is swapped.
#[test]
fn a_link_that_is_swapped_counts_by_what_lies_behind_it() {
    let mut scene = Scene::new();
    let folder = scene.folder.clone();
    let made = |name: &str, text: &str| {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("keys"), text).unwrap();
        let file = File::options().write(true).open(folder.join(name).join("keys")).unwrap();
        file.set_modified(UNIX_EPOCH).unwrap();
    };
    let swap = |to: &str| {
        symlink(to, folder.join("data.new")).unwrap();
        fs::rename(folder.join("data.new"), folder.join("data")).unwrap();
    };
    for (name, text) in [("first", OLD), ("second", OLD), ("third", NEW)] {
        made(name, text);
    }
    swap("first");
    fs::remove_file(&scene.path).unwrap();
    symlink(Path::new("data").join("keys"), &scene.path).unwrap();
    assert_eq!(scene.look(), [""; 0]);
    swap("second");
    assert_eq!(scene.look(), [""; 0], "another file with the same text is no change");
    swap("third");
    assert_eq!(scene.look().len(), 1, "another text is one, whatever its time");
    assert_eq!((scene.role(OLD), scene.role(NEW)), (UNKNOWN, CLOSES_TOO));
}
