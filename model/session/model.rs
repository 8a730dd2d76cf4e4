//! Who does what to the registry, and what must hold?

use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Mutex;
use shuttle::thread;

use super::registry::{Listed, Presentation, Presented, RefreshLease, Registry, Room};
use crate::flow::ports::{SessionId, UnixTime};

const ID: SessionId = SessionId([7; 16]);
const NOW: UnixTime = UnixTime(100);
const LOOK: Presentation =
    Presentation { now: NOW, active: true, idle: None, unknown_lease: RefreshLease::Available };
const SCHEDULES: usize = 20_000;

/// What really happened, as somebody outside sees it.
#[derive(Default)]
struct Truth {
    /// The exchanges that run.
    running: usize,
    /// The generations whose refresh token the provider has taken.
    used: Vec<u64>,
    /// The generations that were kept, as they were told of.
    kept: Vec<u64>,
    /// The newest cookie that reached the browser.
    browser: u64,
    /// Somebody signed out.
    ended: bool,
    /// The provider refused the newest refresh token.
    refused: bool,
}

struct World {
    registry: Registry<u64>,
    truth: Mutex<Truth>,
}

fn listed(generation: u64) -> Listed<'static> {
    Listed { id: ID, generation, subject: "alice", ends_at: UnixTime(1000), active_at: NOW }
}

fn world() -> Arc<World> {
    let registry = Registry::new(Room { sessions: 4, per_user: 4 });
    registry.begin(listed(1), 0, NOW).unwrap();
    let truth = Truth { browser: 1, ..Truth::default() };
    Arc::new(World { registry, truth: Mutex::new(truth) })
}

impl World {
    /// A request of a browser: what it sees, and an exchange if it gets the lease.
    fn request(&self) {
        let (shown, was_ended) = {
            let truth = self.truth.lock().unwrap();
            // Requests of one browser overtake each other: an older cookie may come late.
            (thread_rng().gen_range(1..=truth.browser), truth.ended)
        };
        let generation = match self.registry.record_presented(listed(shown), LOOK) {
            Presented::Ended => return,
            seen if was_ended => panic!("seen after the end: {seen:?}"),
            Presented::Newest { lease: RefreshLease::Available | RefreshLease::RetryAt(_), .. } => shown,
            Presented::Newer { held, lease: RefreshLease::Available | RefreshLease::RetryAt(_), .. } => held,
            Presented::Unknown => panic!("a session is forgotten"),
            Presented::Newest { .. } | Presented::Newer { .. } | Presented::Older { .. } => return,
        };
        let was_ended = self.truth.lock().unwrap().ended;
        if self.registry.try_lease(listed(generation), 0, NOW) {
            assert!(!was_ended, "an exchange begins after the end");
            self.exchange(generation);
        }
    }

    fn exchange(&self, generation: u64) {
        {
            let mut truth = self.truth.lock().unwrap();
            truth.running += 1;
            assert!(truth.running == 1 || truth.ended, "two exchanges of one session");
            assert!(!truth.used.contains(&generation), "a refresh token is sent twice");
        }
        thread::yield_now();
        match thread_rng().gen_range(0..6) {
            0 => self.settle(|| self.registry.release(ID, generation, RefreshLease::RetryAt(NOW))),
            1 => {
                self.truth.lock().unwrap().used.push(generation);
                self.settle(|| self.registry.release(ID, generation, RefreshLease::TokenSpent));
            }
            2 => {
                {
                    let mut truth = self.truth.lock().unwrap();
                    truth.used.push(generation);
                    truth.refused = true;
                }
                self.settle(|| self.registry.end_after_refresh(ID, generation));
            }
            _ => self.renewed(generation),
        }
    }

    fn renewed(&self, generation: u64) {
        self.truth.lock().unwrap().used.push(generation);
        let was_ended = self.truth.lock().unwrap().ended;
        let mut kept = None;
        self.settle(|| {
            kept = self.registry.renew(listed(generation + 1), (generation + 1, RefreshLease::Available), NOW)
        });
        let mut truth = self.truth.lock().unwrap();
        if kept.is_some() {
            assert!(!was_ended, "written after the end");
            assert!(!truth.kept.contains(&(generation + 1)), "a generation is written twice");
            truth.kept.push(generation + 1);
            if thread_rng().gen_bool(0.5) {
                truth.browser = truth.browser.max(generation + 1);
            }
        } else {
            assert!(self.is_over(), "new tokens are lost, and the session lives");
        }
    }

    /// The lease is over for the outside before it is for the registry, so that nobody is blamed for being quick.
    fn settle(&self, settle: impl FnOnce()) {
        self.truth.lock().unwrap().running -= 1;
        settle();
    }

    fn is_over(&self) -> bool {
        self.registry.record_presented(listed(1), LOOK) == Presented::Ended
    }

    /// Somebody whose lease is over says what it likes.
    fn loser(&self) {
        let over = self.truth.lock().unwrap().kept.iter().max().map_or(0, |newest| newest - 1);
        self.registry.end_after_refresh(ID, over);
        self.registry.release(ID, over, RefreshLease::Available);
        assert_eq!(self.registry.renew(listed(over + 1), (0, RefreshLease::Available), NOW), None);
    }

    fn sign_out(&self) {
        assert!(self.registry.end(listed(1), NOW));
        self.truth.lock().unwrap().ended = true;
        assert!(self.is_over());
    }
}

fn play(signs_out: bool) {
    let world = world();
    let actors: Vec<_> = (0..3)
        .map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || (0..3).for_each(|_| world.request()))
        })
        .collect();
    let other = Arc::clone(&world);
    let loser = thread::spawn(move || other.loser());
    if signs_out {
        world.sign_out();
    }
    for actor in actors {
        actor.join().unwrap();
    }
    loser.join().unwrap();
    let mut truth = world.truth.lock().unwrap();
    truth.kept.sort_unstable();
    assert!(truth.kept.iter().zip(2..).all(|(kept, next)| *kept == next), "a generation is left out");
    assert_eq!((truth.running, world.registry.len()), (0, 1));
    assert_eq!(world.is_over(), signs_out || truth.refused, "over without a reason, or alive without one");
}

/// A promise of the registry.
pub(crate) fn renewals_race_with_each_other() {
    shuttle::check_random(|| play(false), SCHEDULES);
    shuttle::check_pct(|| play(false), SCHEDULES, 3);
}

/// A promise of the registry.
pub(crate) fn renewals_race_with_a_sign_out() {
    shuttle::check_random(|| play(true), SCHEDULES);
    shuttle::check_pct(|| play(true), SCHEDULES, 3);
}

/// A promise of the registry.
pub(crate) fn sign_ins_race_for_the_last_places_and_the_counts_add_up() {
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
                            Listed { id, generation: 1, subject, ends_at: UnixTime(1000), active_at: NOW };
                        registry.begin(listed, 0, NOW).is_ok()
                    })
                })
                .collect();
            let begun = actors.into_iter().map(|actor| actor.join().unwrap()).filter(|begun| *begun).count();
            assert_eq!((begun, registry.len()), (2, 2), "one place for each of two people");
        },
        SCHEDULES,
    );
}
