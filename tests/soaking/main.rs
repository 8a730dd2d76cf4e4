//! Does the gateway keep its memory and its manners while strangers ask for what costs it most, for as long as they like?
//!
//! Starts the binary with a development provider. While a signed-in person's check is asked every 100 ms, it plays
//! sign-ins that nobody finishes, cookies that nobody made, and heads that come byte by byte; it measures the resident
//! memory around each. `tests/soak` runs it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of the tests: it tells what it measures and stops at the first surprise"
)]

#[expect(dead_code, unused_imports, reason = "shared with the other tests, which use the rest")]
#[path = "../it/harness/mod.rs"]
mod harness;
mod healthy;
mod strangers;

use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Browser, KEY, Process};

use self::healthy::Healthy;
use self::strangers::Strangers;

/// Growth of the resident memory after the warm-up, in kB.
const MOST_GROWTH: i64 = 8 * 1024;
/// Connections that send their heads byte by byte.
const SLOW: usize = 2000;
/// Longer than a head may take at the public listener, so that each connection there is closed once at least.
const ROUND: Duration = Duration::from_secs(13);
const COOKIES: usize = 10_000;
/// Longer than any token of this run has to live.
const DAY: Duration = Duration::from_hours(24);

#[tokio::main]
async fn main() {
    let starts = starts();
    let settings = dev_provider::Settings {
        access_token_life: DAY,
        id_token_life: DAY,
        ..dev_provider::Settings::default()
    };
    let provider = dev_provider::start(settings).await.unwrap();
    let environment =
        [("FOREGATE_PROVIDER__CLIENT_SECRET", "foregate-secret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let process = Process::limited(8192, provider.issuer(), &environment, &[("log.level", "error")]).await;
    let person = signed_in(&process).await;
    let strangers = Strangers::new(&process, &person);
    let began = told("started", resident(&process), 0);

    // The allocator keeps what so many connections at once have needed, and takes some rounds to find its size; what is
    // asked for again must not add to it.
    strangers.starts(20_000).await;
    strangers.cookies(1000).await;
    for _ in 0..4 {
        strangers.slow(SLOW, ROUND).await;
    }
    let warm = told("after the warm-up", settled(&process).await, began);

    let healthy = Healthy::begin(process.check, process.public, &person);
    let from = Instant::now();
    strangers.starts(starts).await;
    println!("{starts} abandoned sign-ins in {:.0?}", from.elapsed());
    let first = told("after them", settled(&process).await, warm);
    let answers = strangers.cookies(COOKIES).await;
    println!("{COOKIES} hostile cookies: {answers:?}");
    let second = told("after them", settled(&process).await, warm);
    let (sent, closed) = strangers.slow(SLOW, Duration::from_secs(30)).await;
    println!(
        "{SLOW} slow connections for 30 s: {sent} bytes sent, {closed} times closed by the gateway and opened anew"
    );
    let third = told("after them", settled(&process).await, warm);
    let (asked, slowest) = healthy.end().await;
    println!("{asked} healthy checks meanwhile: each 200 and testuser, the slowest in {slowest:.1?}");

    signed_in(&process).await;
    println!("a fresh sign-in works");
    for resident in [first, second, third] {
        assert!(resident - warm < MOST_GROWTH, "the memory grew by {} kB", resident - warm);
    }
    println!("The gateway held.");
}

/// `--starts N`; a million without it.
fn starts() -> usize {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 1_000_000,
        ["--starts", number] => number.parse().unwrap(),
        ref other => panic!("unknown arguments {other:?}; there is --starts N"),
    }
}

/// A person with a session, whose cookies are given.
async fn signed_in(process: &Process) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    assert!(browser.cookie("foregate").is_some(), "testuser is not signed in");
    browser
}

/// Resident memory of the gateway, in kB (proc(5)).
fn resident(process: &Process) -> i64 {
    let output =
        Command::new("ps").args(["-o", "rss=", "-p", &process.child.id().to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// The same when the connections of before are gone.
async fn settled(process: &Process) -> i64 {
    tokio::time::sleep(Duration::from_secs(3)).await;
    resident(process)
}

fn told(what: &str, resident: i64, before: i64) -> i64 {
    let change = if before == 0 { String::new() } else { format!(" ({:+} kB)", resident - before) };
    println!("memory {what}: {resident} kB{change}");
    resident
}
