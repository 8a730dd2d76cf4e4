//! How is another program run so that it never outlives its test and its words are there when the test fails?

use std::ffi::OsStr;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::ports::free_address;

/// How long a program may take until it answers.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Runs a program for as long as somebody holds the other end of our input, and not a moment longer: when the test
/// process ends, however it ends, its end of the pipe closes, and the whole process group is killed.
const LEASH: &str = r#"{ "$@" </dev/null; kill -KILL 0; } & cat >/dev/null; kill -KILL 0"#;

static SCRATCHES: AtomicUsize = AtomicUsize::new(0);

/// A directory of one test, gone with it unless the test fails.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let number = SCRATCHES.fetch_add(1, Ordering::Relaxed);
        let name = format!("real-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A directory of what all tests of this process share; nobody is there to remove it at the end, so those that
    /// earlier processes left are removed now.
    pub(crate) fn shared(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let left = entry.file_name();
            let process = left.to_str().and_then(|left| left.strip_prefix(name)?.strip_prefix('-'));
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let path = folder.join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("what the programs wrote is in {}", self.0.display());
        } else {
            // A browser may still be letting go of its profile; what stays is under target/.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A running program, killed when dropped.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command` with nothing of our environment but where programs are.
    pub(crate) fn start(name: &'static str, command: &mut Command, scratch: &Scratch) -> Self {
        Self::spawn(name, command.stdin(Stdio::null()), scratch)
    }

    /// The same for a program that outlives its test because all tests of this process share it: it and its children
    /// end with the process, even if that is killed.
    pub(crate) fn start_leashed(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        scratch: &Scratch,
    ) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", LEASH, "leash"]).arg(program).args(arguments);
        Self::spawn(name, command.process_group(0).stdin(Stdio::piped()), scratch)
    }

    fn spawn(name: &'static str, command: &mut Command, scratch: &Scratch) -> Self {
        let log = scratch.path().join(format!("{name}.log"));
        let out = File::create(&log).unwrap();
        let err = out.try_clone().unwrap();
        command.env_clear().env("HOME", scratch.path()).stdout(out).stderr(err);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name, child, log }
    }

    /// Everything it has said until now.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// Waits until a line of its log makes `find` answer, and gives the answer.
    pub(crate) async fn says<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let log = self.log.clone();
        self.until(what, async || {
            let words = std::fs::read(&log).ok()?;
            String::from_utf8_lossy(&words).lines().find_map(&find)
        })
        .await
    }

    /// Asks again and again, no longer than [`START`] and no longer than the program lives.
    pub(crate) async fn until<T>(&mut self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        self.until_within(START, what, probe).await
    }

    /// The same with a limit of its own.
    pub(crate) async fn until_within<T>(
        &mut self,
        limit: Duration,
        what: &str,
        probe: impl AsyncFn() -> Option<T>,
    ) -> T {
        let waited = timeout(limit, async {
            loop {
                if let Some(found) = probe().await {
                    return Some(found);
                }
                if self.child.try_wait().unwrap().is_some() {
                    return None;
                }
                sleep(POLL).await;
            }
        });
        let found = waited.await.ok().flatten();
        found.unwrap_or_else(|| {
            panic!("{}: never came so far that {what}; it said:\n{}", self.name, self.log())
        })
    }

    pub(crate) fn kill(&mut self) {
        // Already gone is as good.
        let _ = match self.child.stdin.take() {
            // Who holds the leash would leave its children: letting go ends them all.
            Some(leash) => Ok(drop(leash)),
            None => self.child.kill(),
        };
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("--- {} said:\n{}", self.name, self.log());
        }
    }
}

/// Addresses on loopback that nothing listens on.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    [(); N].map(|()| free_address())
}

/// Where the repository is now; what was true when this was compiled may be another copy of it.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the repository is"))
}

/// A program of `PATH`, or the failure that says where it comes from.
pub(crate) fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| missing(name))
}

/// Fails the test: a missing program is no reason to pass.
pub(crate) fn missing(name: impl AsRef<OsStr>) -> ! {
    panic!("{} is missing: run tests/run, which installs them", name.as_ref().display())
}

/// The processes that carry a path of ours on their command line, which no other process on the machine does.
pub(crate) fn processes_naming(path: &Path) -> Vec<String> {
    let needle = path.as_os_str().as_encoded_bytes();
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
    numbers
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let line = std::fs::read(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
            line.windows(needle.len()).any(|window| window == needle)
        })
        .collect()
}

/// Sends them a signal, as far as they are still there.
pub(crate) fn signal(signal: &str, processes: &[String]) {
    for process in processes {
        let _ = Command::new("kill").arg(signal).arg(process).status();
    }
}
