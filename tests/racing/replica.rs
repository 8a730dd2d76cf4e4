//! One gateway process, which a run kills, stops and starts again at the same addresses

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::addresses::Addresses;
use crate::harness::{Program, Scratch, send_signal};
use crate::subject::Subject;

const START_LIMIT: Duration = Duration::from_secs(60);
const END_LIMIT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A gateway at fixed addresses.
pub(crate) struct Replica {
    pub(crate) addresses: Addresses,
    /// Whether the balancer sends it no requests.
    is_out: AtomicBool,
    /// Whether it cannot reach the store.
    is_cut: AtomicBool,
    starts: AtomicUsize,
    program: Mutex<Option<Program>>,
}

impl Replica {
    pub(crate) fn new(addresses: Addresses) -> Self {
        Self {
            addresses,
            is_out: AtomicBool::new(false),
            is_cut: AtomicBool::new(false),
            starts: AtomicUsize::new(0),
            program: Mutex::new(None),
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.addresses.number
    }

    /// Starts the gateway and waits until it is ready. Each start has a log of its own.
    pub(crate) async fn start(&self, subject: &Subject, scratch: &Scratch) {
        let name = log_name(self.number(), self.starts.fetch_add(1, Ordering::Relaxed));
        let program = Program::start(name, &mut subject.command(&self.addresses, scratch), scratch);
        let began = Instant::now();
        while !subject.is_ready(&self.addresses).await {
            let waited = began.elapsed();
            assert!(waited < START_LIMIT, "gateway {} is not ready:\n{}", self.number(), program.log());
            sleep(POLL_INTERVAL).await;
        }
        *self.program.lock().await = Some(program);
    }

    pub(crate) async fn kill(&self) {
        self.program.lock().await.take();
    }

    /// Asks the gateway to end, and waits until it has.
    pub(crate) async fn terminate(&self) {
        let program = self.program.lock().await.take().unwrap();
        send_signal("-TERM", &[program.id().to_string()]);
        let began = Instant::now();
        while !is_zombie(program.id()) {
            let waited = began.elapsed();
            assert!(waited < END_LIMIT, "gateway {} does not end:\n{}", self.number(), program.log());
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Stops the gateway without ending it. Its sockets stay open.
    pub(crate) async fn freeze(&self) {
        self.program.lock().await.as_ref().unwrap().freeze().await;
    }

    pub(crate) async fn resume(&self) {
        let program = self.program.lock().await;
        send_signal("-CONT", &[program.as_ref().unwrap().id().to_string()]);
    }

    /// Takes the gateway out of the balancer, or puts it in again.
    pub(crate) fn set_out(&self, is_out: bool) {
        self.is_out.store(is_out, Ordering::Relaxed);
    }

    pub(crate) fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Relaxed)
    }

    /// Records whether the gateway can reach the store.
    pub(crate) fn set_cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    /// Returns the process id and its resident memory in kB.
    pub(crate) async fn memory(&self) -> Option<(u32, i64)> {
        let program = self.program.lock().await;
        let id = program.as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some((id, line.trim().trim_end_matches(" kB").parse().ok()?))
    }
}

/// Returns whether a child has ended. It stays in the list of processes until its parent asks for its status.
fn is_zombie(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:\tZ"))
}

/// Returns a name for a log that lives as long as the process, because names of programs are static.
fn log_name(number: usize, start: usize) -> &'static str {
    Box::leak(format!("gateway-{number}-{start}").into_boxed_str())
}
