//! Soak test of memory use and response times under hostile load
//!
//! 1. The program starts the binary with a development provider.
//! 2. A signed-in user sends a check every 100 ms.
//! 3. Meanwhile, hostile clients start sign-ins without finishing them, send forged cookies, and send request heads
//!    byte by byte.
//! 4. The program measures the resident memory before and after each attack.
//!
//! `tests/soak` runs it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test program: it prints measurements and panics at the first failure"
)]

#[expect(dead_code, unused_imports, reason = "shared with the other tests, which use the rest")]
#[path = "../it/harness/mod.rs"]
mod harness;
mod healthy;
mod hostile;
#[path = "../support/ports.rs"]
mod ports;

use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Browser, KEY, Process};

use self::healthy::HealthyUser;
use self::hostile::HostileClients;

/// Maximum growth of the resident memory after the warm-up, in kB.
const MAX_GROWTH_KB: i64 = 8 * 1024;
/// Number of connections that send their heads byte by byte.
const SLOW_CONNECTIONS: usize = 2000;
/// Duration of a warm-up round. It exceeds the time limit for a head at the public listener, so that each connection
/// there is closed at least once.
const WARM_UP_ROUND: Duration = Duration::from_secs(13);
const HOSTILE_COOKIES: usize = 10_000;
/// Lifetime of the tokens, longer than any run.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

#[tokio::main]
async fn main() {
    let sign_ins = sign_in_count();
    let settings = dev_provider::Settings {
        access_token_life: TOKEN_LIFETIME,
        id_token_life: TOKEN_LIFETIME,
        ..dev_provider::Settings::default()
    };
    let provider = dev_provider::start(settings).await.unwrap();
    let environment =
        [("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let process = Process::limited(8192, provider.issuer(), &environment, &[("log.level", "error")]).await;
    let user = sign_in(&process).await;
    let hostile = HostileClients::new(&process, &user);
    let began = print_memory("at the start", resident_memory(&process), 0);

    // The allocator keeps the memory that this number of connections needed, and reaches its final size after some
    // rounds. Later requests must not add to it.
    hostile.abandon_sign_ins(20_000).await;
    hostile.send_cookies(1000).await;
    for _ in 0..4 {
        hostile.hold_slow_connections(SLOW_CONNECTIONS, WARM_UP_ROUND).await;
    }
    let warm = print_memory("after the warm-up", settled_memory(&process).await, began);

    let healthy = HealthyUser::start(process.check, process.public, &user);
    let started = Instant::now();
    hostile.abandon_sign_ins(sign_ins).await;
    println!("{sign_ins} abandoned sign-ins in {:.0?}", started.elapsed());
    let first = print_memory("afterwards", settled_memory(&process).await, warm);
    let answers = hostile.send_cookies(HOSTILE_COOKIES).await;
    println!("{HOSTILE_COOKIES} hostile cookies: {answers:?}");
    let second = print_memory("afterwards", settled_memory(&process).await, warm);
    let (sent, closed) = hostile.hold_slow_connections(SLOW_CONNECTIONS, Duration::from_secs(30)).await;
    println!(
        "{SLOW_CONNECTIONS} slow connections for 30 s: {sent} bytes sent, {closed} times closed by the gateway and reopened"
    );
    let third = print_memory("afterwards", settled_memory(&process).await, warm);
    let (checks, slowest) = healthy.stop().await;
    println!("{checks} healthy checks meanwhile: each 200 for testuser, the slowest in {slowest:.1?}");

    sign_in(&process).await;
    println!("a new sign-in succeeded");
    for resident in [first, second, third] {
        assert!(resident - warm < MAX_GROWTH_KB, "the memory grew by {} kB", resident - warm);
    }
    println!("All limits were met.");
}

/// Returns the number of abandoned sign-ins: N of `--starts N`, by default a million.
fn sign_in_count() -> usize {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 1_000_000,
        ["--starts", number] => number.parse().unwrap(),
        ref other => panic!("unknown arguments {other:?}; the only option is --starts N"),
    }
}

/// Signs a user in and returns the browser with the cookies.
async fn sign_in(process: &Process) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    assert!(browser.cookie("foregate").is_some(), "testuser is not signed in");
    browser
}

/// Returns the resident memory of the gateway, in kB (proc(5)).
fn resident_memory(process: &Process) -> i64 {
    let output =
        Command::new("ps").args(["-o", "rss=", "-p", &process.child.id().to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// Returns the resident memory in kB after earlier connections have closed.
async fn settled_memory(process: &Process) -> i64 {
    tokio::time::sleep(Duration::from_secs(3)).await;
    resident_memory(process)
}

fn print_memory(what: &str, resident: i64, before: i64) -> i64 {
    let change = if before == 0 { String::new() } else { format!(" ({:+} kB)", resident - before) };
    println!("memory {what}: {resident} kB{change}");
    resident
}
