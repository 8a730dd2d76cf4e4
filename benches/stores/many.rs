//! Checks with many sessions in a store, relative to checks with one
//!
//! The CPU time of this process and of Redis is compared, because the time on a clock depends on what else runs.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use foregate::access::decision::Decision;
use foregate::access::policy::Policy;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

use crate::Folder;
use crate::instance::{Instance, Kind};
use crate::support::user::sign_in;
use crate::support::{Features, Scene};

const ROUNDS: usize = 41;
/// The number of checks in a round. With many sessions, each is one of another session.
const CHECKS: usize = 1000;
/// The number of checks, and of sign-ins, at a time.
const CONCURRENT: usize = 32;
const FRESH: Duration = Duration::from_secs(2);

/// Reports the cost of checks and the memory of sessions, for each store.
pub(crate) fn report(runtime: &Runtime, folder: &Folder, sessions: usize) {
    println!(
        "CPU time of checks with {sessions} sessions in a store: medians of {ROUNDS} alternating rounds of {CHECKS} \
         checks, and the quartiles"
    );
    let features = Features::new(Policy::default(), false);
    let cookie_store = Instance::start(Kind::Cookie, "", FRESH, folder).unwrap();
    let cookies = Checks::of_one(runtime, &cookie_store, &features);
    // The stores stay until the end, so that none uses memory that another returned.
    let mut kept = Vec::new();
    for kind in [Kind::Cookie, Kind::Memory, Kind::File, Kind::Redis] {
        let start = |name: &str, fresh| Instance::start(kind, name, fresh, folder);
        let (Some(one), Some(many), Some(young)) =
            (start("one", Duration::ZERO), start("many", Duration::ZERO), start("young", FRESH))
        else {
            println!(
                "{kind:?}: not measured, because redis-server is missing; tests/tools/install installs it"
            );
            continue;
        };
        let before = many.bytes();
        let many_checks = Checks::of_many(runtime, &many, &features, sessions);
        let bytes = many.bytes().saturating_sub(before) / sessions;
        let [one_checks, young_checks] =
            [&one, &young].map(|store| Checks::of_one(runtime, store, &features));

        let mut ratios = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let cookie = cookies.cost(runtime, &cookie_store);
            let one = one_checks.cost(runtime, &one);
            let many = many_checks.cost(runtime, &many);
            let young = young_checks.cost(runtime, &young);
            let [to_one, to_cookie, young_to_cookie] = &mut ratios;
            to_one.push(many / one);
            to_cookie.push(many / cookie);
            young_to_cookie.push(young / cookie);
        }
        let [to_one, to_cookie, young_to_cookie] = ratios.map(Quartiles::of);
        println!("{kind:?}");
        println!("  {sessions} sessions relative to one: {to_one}");
        println!("  relative to a check with one session in the cookie store: {to_cookie}");
        if kind != Kind::Cookie {
            println!("  the same, with a record that was read within {FRESH:?}: {young_to_cookie}");
        }
        println!("  bytes of a session: {bytes}");
        let [looked_up, in_memory] = [&many_checks, &young_checks].map(|checks| checks.allocations(runtime));
        println!(
            "  allocations of a check: {looked_up}, and {in_memory} with a record that was read within {FRESH:?}"
        );
        kept.push((one, many, young));
    }
}

/// The checks of one round.
struct Checks {
    scene: Scene,
    requests: Vec<HeaderMap>,
}

impl Checks {
    /// Signs one user in. Each check has a copy of the request, so that the caches of the processor make no difference.
    fn of_one(runtime: &Runtime, store: &Instance, features: &Features) -> Self {
        let scene = runtime.block_on(Scene::over(Arc::clone(&store.sessions), features));
        let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).unwrap();
        let headers = || scene.headers.iter().map(|(name, value)| (name.clone(), copy(value))).collect();
        let requests = std::iter::repeat_with(headers).take(CHECKS).collect();
        Self { scene, requests }
    }

    /// Signs that many users in. The checks are those of some of them, from first to last.
    fn of_many(runtime: &Runtime, store: &Instance, features: &Features, sessions: usize) -> Self {
        let scene = runtime.block_on(Scene::over(Arc::clone(&store.sessions), features));
        let every = (sessions / CHECKS).max(1);
        let workers = (0..CONCURRENT).map(async |worker| {
            let mut requests = Vec::new();
            for number in (1..sessions).skip(worker).step_by(CONCURRENT) {
                let request = sign_in(&*store.sessions, features, number).await;
                if number % every == 0 {
                    requests.push(request);
                }
            }
            requests
        });
        let requests = runtime.block_on(join_all(workers)).concat();
        Self { scene, requests }
    }

    async fn run(&self) {
        let workers = self.requests.chunks(CHECKS.div_ceil(CONCURRENT)).map(async |requests| {
            for request in requests {
                read_fields(&self.scene.check_request(request).await);
            }
        });
        join_all(workers).await;
    }

    /// Returns the CPU time of a round in nanoseconds, that of the store's server included.
    fn cost(&self, runtime: &Runtime, store: &Instance) -> f64 {
        let (begun, server_begun) = (cpu_time(), store.server_cpu_time());
        runtime.block_on(self.run());
        cpu_time() - begun + store.server_cpu_time() - server_begun
    }

    /// Returns the number of allocations of one check in this thread.
    fn allocations(&self, runtime: &Runtime) -> u64 {
        let round = allocation_counter::measure(|| runtime.block_on(self.run()));
        round.count_total / self.requests.len() as u64
    }
}

/// Returns the CPU time of this process so far, in nanoseconds.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Reads every field's value, as a response does.
fn read_fields(decision: &Decision) {
    let Decision::Allow(grant) = decision else { panic!("{decision:?}") };
    for field in grant.fields() {
        black_box(&field);
    }
}

/// The quartiles of a ratio.
struct Quartiles([f64; 3]);

impl Quartiles {
    fn of(mut ratios: Vec<f64>) -> Self {
        ratios.sort_by(f64::total_cmp);
        Self([1, 2, 3].map(|quarter| ratios[ratios.len() * quarter / 4]))
    }
}

impl std::fmt::Display for Quartiles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [low, median, high] = self.0;
        write!(formatter, "{median:.2} ({low:.2} to {high:.2})")
    }
}
