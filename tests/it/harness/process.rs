//! The binary itself, as an operator runs it

use std::io::Read;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use super::{browser::get, until};
use crate::ports::free_address;

/// `foregate serve` in its own process, which is killed on drop.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) public: u16,
    pub(crate) check: u16,
    pub(crate) ops: u16,
}

impl Process {
    /// Starts it with the usual client ID, and waits until it has loaded the provider's keys.
    pub(crate) async fn start(issuer: &str, environment: &[(&str, &str)], more: &[(&str, &str)]) -> Self {
        Self::limited(512, issuer, environment, more).await
    }

    /// The same, with the log written to `log`.
    pub(crate) async fn logging_to(log: Stdio, issuer: &str, more: &[(&str, &str)]) -> Self {
        Self::run(512, log, issuer, &[], more).await
    }

    /// The same, with this limit of file descriptors.
    pub(crate) async fn limited(
        descriptors: u32,
        issuer: &str,
        environment: &[(&str, &str)],
        more: &[(&str, &str)],
    ) -> Self {
        Self::run(descriptors, Stdio::piped(), issuer, environment, more).await
    }

    async fn run(
        descriptors: u32,
        log: Stdio,
        issuer: &str,
        environment: &[(&str, &str)],
        more: &[(&str, &str)],
    ) -> Self {
        let [public, check, ops] = [free_port(), free_port(), free_port()];
        // The shell limits itself, and then replaces itself by the gateway. The limit therefore applies to the gateway.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$1\" && shift && exec \"$@\"", "sh", &descriptors.to_string()]);
        command
            .args([env!("CARGO_BIN_EXE_foregate"), "serve"])
            .stderr(log)
            .stdout(Stdio::piped())
            .envs(environment.iter().copied());
        let usual = [
            ("public.urls", format!("http://127.0.0.1:{public}")),
            ("public.listen", format!("127.0.0.1:{public}")),
            ("check.listen", format!("127.0.0.1:{check}")),
            ("ops.listen", format!("127.0.0.1:{ops}")),
            ("provider.issuer", issuer.to_owned()),
            ("provider.client_id", "foregate".to_owned()),
        ];
        for (key, value) in usual {
            command.args(["--set", &format!("{key}={value}")]);
        }
        for (key, value) in more {
            command.args(["--set", &format!("{key}={value}")]);
        }
        let process = Self { child: command.spawn().unwrap(), public, check, ops };
        process.wait_until_ready().await;
        process
    }

    /// Sends a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Stops the process, which then writes its queued lines. Returns everything that it printed.
    pub(crate) fn log(mut self) -> String {
        self.signal("INT");
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }

    async fn wait_until_ready(&self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.ops);
        until("the process has the provider's keys", async || {
            let up = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.ops)).await.is_ok();
            up && get(&url).await.body.contains("\"state\": \"ready\"")
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _killed = self.child.kill();
    }
}

fn free_port() -> u16 {
    free_address().port()
}
