//! Concurrent users of the registry, and the checks on it

use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Mutex;
use shuttle::thread;

use super::registry::{Listed, Presentation, Presented, RefreshLease, Registry, Room};
use crate::flow::ports::{SessionId, UnixTime};

const ID: SessionId = SessionId([7; 16]);
const NOW: UnixTime = UnixTime(100);
const PRESENTATION: Presentation =
    Presentation { now: NOW, active: true, idle: None, unknown_lease: RefreshLease::Available };
const SCHEDULES: usize = 20_000;

/// The events that happened, as recorded outside the registry.
#[derive(Default)]
struct Observed {
    /// The number of exchanges in progress.
    running: usize,
    /// The generations whose refresh token the provider has used.
    used: Vec<u64>,
    /// The generations that were committed, in the order of the commits' results.
    committed: Vec<u64>,
    /// The newest cookie that reached the browser.
    browser: u64,
    /// The user signed out.
    ended: bool,
    /// The provider refused the newest refresh token.
    refused: bool,
}

struct Scenario {
    registry: Registry<u64>,
    observed: Mutex<Observed>,
}

fn listed(generation: u64) -> Listed<'static> {
    Listed { id: ID, generation, subject: "alice", ends_at: UnixTime(1000), active_at: NOW, policies: None }
}

fn scenario() -> Arc<Scenario> {
    let registry = Registry::new(Room { sessions: 4, per_user: 4 });
    registry.begin(listed(1), 0, NOW).unwrap();
    let observed = Observed { browser: 1, ..Observed::default() };
    Arc::new(Scenario { registry, observed: Mutex::new(observed) })
}

impl Scenario {
    /// Presents a cookie of the browser, and runs an exchange if it acquires the lease.
    fn request(&self) {
        let (presented, was_ended) = {
            let observed = self.observed.lock().unwrap();
            // Requests of one browser overtake each other: an older cookie may arrive later.
            (thread_rng().gen_range(1..=observed.browser), observed.ended)
        };
        let generation = match self.registry.record_presented(listed(presented), PRESENTATION) {
            Presented::Ended => return,
            answer if was_ended => panic!("presented after the end: {answer:?}"),
            Presented::Newest { lease: RefreshLease::Available | RefreshLease::RetryAt(_), .. } => presented,
            Presented::Newer {
                result, lease: RefreshLease::Available | RefreshLease::RetryAt(_), ..
            } => result,
            Presented::Unknown => panic!("an entry was removed"),
            Presented::Newest { .. } | Presented::Newer { .. } | Presented::Older { .. } => return,
        };
        let was_ended = self.observed.lock().unwrap().ended;
        if self.registry.try_lease(listed(generation), 0, NOW) {
            assert!(!was_ended, "an exchange begins after the end");
            self.exchange(generation);
        }
    }

    fn exchange(&self, generation: u64) {
        {
            let mut observed = self.observed.lock().unwrap();
            observed.running += 1;
            assert!(observed.running == 1 || observed.ended, "two exchanges of one session");
            assert!(!observed.used.contains(&generation), "a refresh token is sent twice");
        }
        thread::yield_now();
        match thread_rng().gen_range(0..6) {
            0 => self.end_exchange(|| self.registry.release(ID, generation, RefreshLease::RetryAt(NOW))),
            1 => {
                self.observed.lock().unwrap().used.push(generation);
                self.end_exchange(|| self.registry.release(ID, generation, RefreshLease::TokenSpent));
            }
            2 => {
                {
                    let mut observed = self.observed.lock().unwrap();
                    observed.used.push(generation);
                    observed.refused = true;
                }
                self.end_exchange(|| self.registry.end_after_refresh(ID, generation));
            }
            _ => self.commit_refresh(generation),
        }
    }

    fn commit_refresh(&self, generation: u64) {
        self.observed.lock().unwrap().used.push(generation);
        let was_ended = self.observed.lock().unwrap().ended;
        let mut committed = None;
        self.end_exchange(|| {
            committed =
                self.registry.commit(listed(generation + 1), (generation + 1, RefreshLease::Available), NOW)
        });
        let mut observed = self.observed.lock().unwrap();
        if committed.is_some() {
            assert!(!was_ended, "written after the end");
            assert!(!observed.committed.contains(&(generation + 1)), "a generation is written twice");
            observed.committed.push(generation + 1);
            if thread_rng().gen_bool(0.5) {
                observed.browser = observed.browser.max(generation + 1);
            }
        } else {
            assert!(self.has_ended(), "new tokens are lost, and the session continues");
        }
    }

    /// Counts the exchange as ended before the registry does, so that the next exchange may begin at once.
    fn end_exchange(&self, end_lease: impl FnOnce()) {
        self.observed.lock().unwrap().running -= 1;
        end_lease();
    }

    fn has_ended(&self) -> bool {
        self.registry.record_presented(listed(1), PRESENTATION) == Presented::Ended
    }

    /// Calls every operation of a lease that has ended.
    fn act_without_lease(&self) {
        let lost = self.observed.lock().unwrap().committed.iter().max().map_or(0, |newest| newest - 1);
        self.registry.end_after_refresh(ID, lost);
        self.registry.release(ID, lost, RefreshLease::Available);
        assert_eq!(self.registry.commit(listed(lost + 1), (0, RefreshLease::Available), NOW), None);
    }

    fn sign_out(&self) {
        assert!(self.registry.end(listed(1), NOW));
        self.observed.lock().unwrap().ended = true;
        assert!(self.has_ended());
    }
}

fn run_schedule(signs_out: bool) {
    let scenario = scenario();
    let actors: Vec<_> = (0..3)
        .map(|_| {
            let scenario = Arc::clone(&scenario);
            thread::spawn(move || (0..3).for_each(|_| scenario.request()))
        })
        .collect();
    let other = Arc::clone(&scenario);
    let loser = thread::spawn(move || other.act_without_lease());
    if signs_out {
        scenario.sign_out();
    }
    for actor in actors {
        actor.join().unwrap();
    }
    loser.join().unwrap();
    let mut observed = scenario.observed.lock().unwrap();
    observed.committed.sort_unstable();
    assert!(
        observed.committed.iter().zip(2..).all(|(committed, next)| *committed == next),
        "a generation is missing"
    );
    assert_eq!((observed.running, scenario.registry.len()), (0, 1));
    assert_eq!(
        scenario.has_ended(),
        signs_out || observed.refused,
        "the session ended without a reason, or continued after one"
    );
}

/// Checks concurrent refreshes.
pub(crate) fn refreshes_race_with_each_other() {
    shuttle::check_random(|| run_schedule(false), SCHEDULES);
    shuttle::check_pct(|| run_schedule(false), SCHEDULES, 3);
}

/// Checks refreshes that are concurrent with a sign-out.
pub(crate) fn refreshes_race_with_a_sign_out() {
    shuttle::check_random(|| run_schedule(true), SCHEDULES);
    shuttle::check_pct(|| run_schedule(true), SCHEDULES, 3);
}

/// Checks concurrent sign-ins for the last places, and the counts.
pub(crate) fn sign_ins_race_for_the_last_places_and_the_counts_are_right() {
    shuttle::check_random(
        || {
            let registry: Arc<Registry<u64>> = Arc::new(Registry::new(Room { sessions: 3, per_user: 1 }));
            let actors: Vec<_> = (0..4_u8)
                .map(|actor| {
                    let registry = Arc::clone(&registry);
                    thread::spawn(move || {
                        let id = SessionId([actor, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, actor]);
                        let subject = if actor < 2 { "alice" } else { "bob" };
                        let listed =
                            Listed { id, generation: 1, subject, ends_at: UnixTime(1000), active_at: NOW, policies: None };
                        registry.begin(listed, 0, NOW).is_ok()
                    })
                })
                .collect();
            let begun = actors.into_iter().map(|actor| actor.join().unwrap()).filter(|begun| *begun).count();
            assert_eq!((begun, registry.len()), (2, 2), "one place for each of two users");
        },
        SCHEDULES,
    );
}
