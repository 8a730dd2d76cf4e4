//! Child processes of a test
//!
//! 1. A program ends with its test, or with the test process if all tests share it.
//! 2. If a test fails, the output of its programs is printed.

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

/// Time limit of a condition that a test waits for, such as the start of a program.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs a program until standard input closes, then kills the process group. The test process has the other end of
/// that pipe, which closes when the test process ends for any reason.
const SUPERVISOR_SCRIPT: &str = r#"{ "$@" </dev/null; kill -KILL 0; } & cat >/dev/null; kill -KILL 0"#;

static SCRATCHES: AtomicUsize = AtomicUsize::new(0);

/// A directory of one test, removed at its end unless the test fails.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let number = SCRATCHES.fetch_add(1, Ordering::Relaxed);
        let name = format!("real-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Creates a directory for a program that all tests of this process share. It is not removed at the end of the
    /// process, so this removes the directories of earlier processes.
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
            println!("the files of the programs are in {}", self.0.display());
        } else {
            // A browser may still write to its profile. Files that remain are under target/.
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
    /// Starts `command` with only `PATH` from the environment of the test.
    pub(crate) fn start(name: &'static str, command: &mut Command, scratch: &Scratch) -> Self {
        Self::spawn(name, command.stdin(Stdio::null()), scratch)
    }

    /// Starts a program that all tests of this process share. It and its children end with the process, even if the
    /// process is killed.
    pub(crate) fn start_supervised(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        scratch: &Scratch,
    ) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR_SCRIPT, "supervisor"]).arg(program).args(arguments);
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
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child, log }
    }

    /// Returns the output so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// Waits until `find` returns a value for a line of the log, and returns that value.
    pub(crate) async fn wait_for_line<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let log = self.log.clone();
        self.wait_until(what, async || {
            let text = std::fs::read(&log).ok()?;
            String::from_utf8_lossy(&text).lines().find_map(&find)
        })
        .await
    }

    /// Polls `probe` until it returns a value. Panics after [`START_TIMEOUT`] or if the program ends.
    pub(crate) async fn wait_until<T>(&mut self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        self.wait_until_within(START_TIMEOUT, what, probe).await
    }

    /// Like [`Program::wait_until`], with the time limit `limit`.
    pub(crate) async fn wait_until_within<T>(
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
                sleep(POLL_INTERVAL).await;
            }
        });
        let found = waited.await.ok().flatten();
        found.unwrap_or_else(|| {
            panic!("{}: gave up waiting until {what}; its output:\n{}", self.name, self.log())
        })
    }

    /// Stops the program without ending it, and waits until no thread of it runs. Its sockets stay open.
    pub(crate) async fn freeze(&self) {
        let id = self.id();
        send_signal("-STOP", &[id.to_string()]);
        let stopped = async {
            while !is_stopped(id) {
                sleep(POLL_INTERVAL).await;
            }
        };
        timeout(START_TIMEOUT, stopped).await.expect("the program stops");
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        // An error means that the program has already ended.
        let _ = match self.child.stdin.take() {
            // A killed supervisor would leave the children of the program. Closing the pipe ends all of them.
            Some(pipe) => Ok(drop(pipe)),
            None => self.child.kill(),
        };
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("--- output of {}:\n{}", self.name, self.log());
        }
    }
}

/// Returns loopback addresses on which no program listens.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    [(); N].map(|()| free_address())
}

/// Returns the current root of the repository. The binary may have been compiled in another copy of it.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("CARGO_MANIFEST_DIR is set by cargo"))
}

/// Returns the path of a program in `PATH`. Panics with the command that installs it.
pub(crate) fn find_program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| panic_missing(name))
}

/// Fails the test, because a test must not pass if its program is missing.
pub(crate) fn panic_missing(name: impl AsRef<OsStr>) -> ! {
    panic!("{} is not installed; run tests/run, which installs the programs", name.as_ref().display())
}

/// Returns the processes that have `path` in their command line. Only programs of this test have its path there.
pub(crate) fn processes_with_path(path: &Path) -> Vec<String> {
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

/// Sends a signal to the processes that still exist.
/// Returns whether all threads of a process are stopped.
fn is_stopped(id: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    threads.flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:\tT"))
    })
}

pub(crate) fn send_signal(signal: &str, processes: &[String]) {
    for process in processes {
        let _ = Command::new("kill").arg(signal).arg(process).status();
    }
}
