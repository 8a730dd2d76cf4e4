//! A Redis for the benchmark, without persistence

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use redis::{Client, Connection, cmd};

use crate::ports::free_address;

/// A running Redis, which is killed on drop.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server, and waits until it answers. Returns `None` if the program is not installed.
    pub(crate) fn start() -> Option<Self> {
        let program = program()?;
        let port = free_address().port();
        let process = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--maxmemory-policy", "noeviction", "--dir", env!("CARGO_TARGET_TMPDIR")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port };
        for _ in 0..500 {
            if server.try_connect().is_some() {
                return Some(server);
            }
            sleep(Duration::from_millis(20));
        }
        panic!("Redis does not answer");
    }

    fn try_connect(&self) -> Option<Connection> {
        Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap().get_connection().ok()
    }

    /// Returns the memory that the server uses, in bytes.
    pub(crate) fn used_bytes(&self) -> usize {
        let info: String = cmd("INFO").arg("memory").query(&mut self.try_connect().unwrap()).unwrap();
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        used.unwrap().trim().parse().unwrap()
    }

    /// Returns the CPU time so far of the thread that runs the commands, in nanoseconds (proc(5)).
    pub(crate) fn cpu_time(&self) -> f64 {
        let times = std::fs::read_to_string(format!("/proc/{}/schedstat", self.process.id())).unwrap();
        times.split(' ').next().unwrap().parse().unwrap()
    }

    /// Returns the number of keys.
    pub(crate) fn keys(&self) -> usize {
        cmd("DBSIZE").query(&mut self.try_connect().unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _exited = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/bin/redis-server");
    program.is_file().then_some(program)
}
