//! Proof of docs/guarantees.md: failures of real processes while sessions poll
//!
//! 1. Each run causes one failure of the table, with one store. Its servers are its own.
//! 2. Sessions with several clients each poll all the time. A client that gets 401 makes its user agent sign in again.
//! 3. The run fails if a check got worse than the table allows, or if something else of that page is not true.
//!
//! `tests/race` runs it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test program: it prints results and panics if its servers do not start"
)]

mod addresses;
mod agent;
mod failures;
mod foregate;
#[expect(
    dead_code,
    unused_imports,
    clippy::all,
    clippy::pedantic,
    reason = "shared with the tests with real programs, which use the rest"
)]
#[cfg(test)]
#[path = "../real/harness/mod.rs"]
mod harness;
mod ledger;
mod oauth2_proxy;
mod options;
#[path = "../support/ports.rs"]
mod ports;
mod provider;
mod random;
mod relay;
mod replica;
mod rows;
mod scene;
#[expect(dead_code, reason = "shared with the tests of the stores, which use the rest")]
#[cfg(test)]
#[path = "../real/redis/servers.rs"]
mod servers;
mod session;
mod sign_outs;
mod subject;
mod table;
mod verdict;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use self::failures::{Failures, is_possible};
use self::options::{CLIENTS, Options};
use self::random::Random;
use self::rows::{Run, Store, compare_with_page};
use self::scene::Scene;
use self::session::Session;
use self::verdict::{Finished, Sizes, Verdict};

/// Time limit in which each session is allowed again after a run.
const RECOVERY_LIMIT: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            println!("tests/race: {error}");
            return ExitCode::from(2);
        }
    };
    compare_with_page();
    let load = options.load();
    println!(
        "seed {}; {} sessions with {CLIENTS} clients each, {} s for each run",
        options.seed,
        load.sessions,
        load.duration.as_secs()
    );
    let mut verdicts = Vec::new();
    for batch in options.batches() {
        let cells = batch.into_iter().filter(|(run, store)| is_possible(*run, *store));
        let cells = cells.map(|(run, store)| race(run, store, &options));
        for verdict in join_all(cells).await {
            println!("{}", verdict.line());
            let word = if verdict.has_guarantees { "FAILED" } else { "seen" };
            verdict.failures.iter().take(10).for_each(|failure| println!("  {word}: {failure}"));
            verdicts.push(verdict);
        }
    }
    if options.full {
        println!("\n{}", table::markdown(&verdicts));
    }
    let asserted = verdicts.iter().filter(|verdict| verdict.has_guarantees);
    let failures: usize = asserted.map(|verdict| verdict.failures.len()).sum();
    println!("{} runs, {failures} failures, seed {}", verdicts.len(), options.seed);
    if failures == 0 && !verdicts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one failure with one store.
async fn race(run: Run, store: Store, options: &Options) -> Verdict {
    let random = Random::new(options.seed).fork(&format!("{} {}", run.name(), store.name()));
    let load = options.load();
    let scene = Arc::new(Scene::start(run, store, options, &random).await);
    let sessions: Vec<_> = (0..load.sessions).map(|number| Arc::new(Session::new(number))).collect();
    for (number, session) in sessions.iter().enumerate() {
        session.begin(&scene, &mut random.fork(&format!("begin {number}"))).await;
    }
    let began = Instant::now();
    let mut tasks = start_clients(&scene, &sessions, &random);
    if run.stops_processes() {
        let probed = Arc::clone(&scene);
        tasks.push(tokio::spawn(async move { probed.probe_readiness().await }));
    }
    let failures = Failures {
        scene: Arc::clone(&scene),
        sessions: sessions.clone(),
        random: random.fork("failures"),
        end: began + load.duration,
        caused: failures::Caused::default(),
    };
    let measuring = async {
        tokio::time::sleep(load.duration / 2).await;
        measure(&scene, &sessions).await
    };
    let (caused, middle) = tokio::join!(failures.cause(), measuring);
    scene.stop();
    for task in tasks {
        task.await.unwrap();
    }
    wait_for_recovery(&scene, &sessions, &random).await;
    let end = measure(&scene, &sessions).await;
    let elapsed = scene.began.elapsed();
    let verdict =
        Finished { scene: Arc::clone(&scene), sessions, caused, middle, end, elapsed }.judge().await;
    if !verdict.failures.is_empty() {
        scene.keep_logs();
    }
    verdict
}

fn start_clients(
    scene: &Arc<Scene>,
    sessions: &[Arc<Session>],
    random: &Random,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut tasks = Vec::new();
    for (number, session) in sessions.iter().enumerate() {
        for client in 0..CLIENTS {
            let (scene, session) = (Arc::clone(scene), Arc::clone(session));
            let random = random.fork(&format!("client {number} {client}"));
            let aborts = scene.run == Run::Abort && client % 2 == 1;
            tasks.push(tokio::spawn(async move { session.poll(&scene, random, aborts).await }));
        }
    }
    tasks
}

/// Asserts that every session goes on after the run.
async fn wait_for_recovery(scene: &Scene, sessions: &[Arc<Session>], random: &Random) {
    let recovering = sessions.iter().map(async |session| {
        let mut random = random.fork(session.agent.user());
        if !session.recovers(scene, &mut random, RECOVERY_LIMIT).await {
            session.fail(scene, "no check was allowed in 20 s after the run");
        }
    });
    join_all(recovering).await;
}

async fn measure(scene: &Scene, sessions: &[Arc<Session>]) -> Sizes {
    let sign_ins = sessions.iter().map(|session| session.sign_ins()).sum();
    Sizes { memory: scene.memory().await, keys: scene.count_keys().await, sign_ins }
}
