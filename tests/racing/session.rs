//! A session, its clients, and what they saw

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::agent::Agent;
use crate::provider::user_name;
use crate::random::Random;
use crate::rows::Run;
use crate::scene::{Answer, Scene};

/// How long checks may be allowed after the end of a session was confirmed.
const END_LIMIT: Duration = Duration::from_secs(2);
/// The default of `session.stale_if_error`, for a gateway that does not reach the store.
const STALE_IF_ERROR: Duration = Duration::from_secs(30);
/// The time between two checks of a client.
const MIN_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// Aborting clients wait at most this long.
const MAX_PATIENCE: Duration = Duration::from_millis(20);

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    SignedIn,
    /// A sign-out or a logout of the provider was sent, and is not confirmed.
    Ending,
    /// It was confirmed at this time.
    Ended(Instant),
}

/// One session with the cookies of one user agent, which its clients share.
pub(crate) struct Session {
    pub(crate) agent: Agent,
    phase: Mutex<Phase>,
    /// The number of sign-ins that have completed. A 401 to a request from before the last one has no meaning.
    sign_ins: AtomicU64,
    signing_in: tokio::sync::Mutex<()>,
    tally: Mutex<Tally>,
    /// Session cookies that the proxy dropped.
    pub(crate) dropped: AtomicUsize,
}

/// What the clients of a session saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) checks: usize,
    pub(crate) allowed: usize,
    /// Checks that no gateway answered.
    pub(crate) unanswered: usize,
    pub(crate) aborted: usize,
    pub(crate) max_wait: Duration,
    /// The times of 503 with `Retry-After`.
    pub(crate) unavailable: Vec<Instant>,
    /// The times of redirects, and the gateway that caused each.
    pub(crate) redirects: Vec<(Instant, usize)>,
    /// The start of the current time without an allowed check, and the longest such time.
    refused_since: Option<Instant>,
    pub(crate) longest_refused: Duration,
    pub(crate) prompts: usize,
    /// Checks with the cookies of an ended session.
    pub(crate) checks_after_end: usize,
    pub(crate) failures: Vec<String>,
}

impl Session {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            agent: Agent::new(user_name(number)),
            phase: Mutex::new(Phase::SignedIn),
            sign_ins: AtomicU64::new(0),
            signing_in: tokio::sync::Mutex::default(),
            tally: Mutex::default(),
            dropped: AtomicUsize::new(0),
        }
    }

    /// Returns the number of sign-ins.
    pub(crate) fn sign_ins(&self) -> usize {
        usize::try_from(self.sign_ins.load(Ordering::Relaxed)).unwrap()
    }

    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.tally.lock().unwrap().clone();
        let refused = tally.refused_since.map(|since| since.elapsed()).unwrap_or_default();
        tally.longest_refused = tally.longest_refused.max(refused);
        tally
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap());
    }

    /// Records a failure, at the time since the start of the run.
    pub(crate) fn fail(&self, scene: &Scene, what: &str) {
        let at = scene.began.elapsed().as_secs_f64();
        let text = format!("{} at +{at:.1} s: {what}", self.agent.user());
        self.count(|tally| tally.failures.push(text));
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.lock().unwrap()
    }

    fn set_phase(&self, phase: Phase) {
        *self.phase.lock().unwrap() = phase;
    }

    /// Polls until the run ends. If `aborts` is true, the client drops each request after some milliseconds.
    pub(crate) async fn poll(&self, scene: &Scene, mut random: Random, aborts: bool) {
        while !scene.has_stopped() {
            if aborts {
                let patience = random.up_to(MAX_PATIENCE);
                let (mut choices, cookies) = (random.fork("patience"), self.cookies(scene));
                let done = tokio::time::timeout(patience, scene.check(&cookies, &mut choices));
                let aborted = usize::from(done.await.is_err());
                self.count(|tally| tally.aborted += aborted);
            } else {
                self.check(scene, &mut random).await;
            }
            tokio::time::sleep(random.between(MIN_PAUSE, MAX_PAUSE)).await;
        }
    }

    fn cookies(&self, scene: &Scene) -> String {
        self.agent.cookies(&scene.origin)
    }

    /// Sends one check and judges its answer. Returns whether it was allowed.
    pub(crate) async fn check(&self, scene: &Scene, random: &mut Random) -> bool {
        let (sign_ins, sent) = (self.sign_ins.load(Ordering::Relaxed), Instant::now());
        let answer = scene.check(&self.cookies(scene), random).await;
        self.count(|tally| tally.checks += 1);
        let Some(answer) = answer else {
            self.count(|tally| tally.unanswered += 1);
            return false;
        };
        self.count(|tally| tally.max_wait = tally.max_wait.max(answer.waited));
        self.take_cookies(scene, &answer);
        let is_allowed = scene.subject.lets_pass(answer.status);
        match self.phase() {
            Phase::Ending => {}
            Phase::Ended(at) => self.judge_after_end(scene, &answer, sent, at),
            Phase::SignedIn if is_allowed => self.judge_allowed(scene, &answer),
            Phase::SignedIn if answer.status == 401 => {
                self.count(|tally| _ = tally.refused_since.get_or_insert(sent));
                self.sign_in_again(scene, random, sign_ins, answer.replica).await;
            }
            Phase::SignedIn if answer.says_retry_later() => self.count(|tally| {
                tally.refused_since.get_or_insert(sent);
                tally.unavailable.push(Instant::now());
            }),
            Phase::SignedIn => {
                self.fail(scene, &format!("status {} from gateway {}", answer.status, answer.replica));
            }
        }
        is_allowed
    }

    fn judge_allowed(&self, scene: &Scene, answer: &Answer) {
        let user = answer.headers.get(scene.subject.user_header()).map(|user| user.to_str().unwrap());
        if user != Some(self.agent.user()) {
            self.fail(scene, &format!("gateway {} took the user for {user:?}", answer.replica));
        }
        self.count(|tally| {
            tally.allowed += 1;
            let refused = tally.refused_since.take().map(|since| since.elapsed()).unwrap_or_default();
            tally.longest_refused = tally.longest_refused.max(refused);
        });
    }

    /// Judges the answer to a check that was sent with the cookies of an ended session.
    fn judge_after_end(&self, scene: &Scene, answer: &Answer, sent: Instant, ended: Instant) {
        self.count(|tally| tally.checks_after_end += 1);
        let is_cut = scene.replicas[answer.replica].is_cut();
        let limit = if is_cut { END_LIMIT + STALE_IF_ERROR } else { END_LIMIT };
        let after = sent.saturating_duration_since(ended);
        if scene.subject.lets_pass(answer.status) && after > limit {
            let what = format!("gateway {} allowed a check {after:.1?} after the end", answer.replica);
            self.fail(scene, &format!("{what}; allowed for {limit:.0?}"));
        } else if !matches!(answer.status, 401 | 503) && !scene.subject.lets_pass(answer.status) {
            self.fail(scene, &format!("status {} after the end of the session", answer.status));
        }
    }

    /// Stores the cookies of a check, unless the proxy drops them. A check must not delete the session cookie while the
    /// session goes on.
    fn take_cookies(&self, scene: &Scene, answer: &Answer) {
        let set = session_cookies(&answer.headers, scene.subject.cookie());
        if answer.status != 401
            && self.phase() == Phase::SignedIn
            && set.iter().any(|line| line.contains("Max-Age=0"))
        {
            self.fail(scene, &format!("the session cookie was deleted with status {}", answer.status));
        }
        if scene.run == Run::DropCookies {
            self.dropped.fetch_add(set.len(), Ordering::Relaxed);
        } else {
            self.agent.store(&scene.origin, &answer.headers);
        }
    }

    /// Signs in at the start of a run, with the password.
    pub(crate) async fn begin(&self, scene: &Scene, random: &mut Random) {
        let prompted = self.agent.sign_in(scene, random).await;
        assert_eq!(prompted, Ok(true), "{} cannot sign in", self.agent.user());
        self.sign_ins.fetch_add(1, Ordering::Relaxed);
    }

    /// Signs in by a redirect, unless that happened since the request that got 401.
    async fn sign_in_again(&self, scene: &Scene, random: &mut Random, sign_ins: u64, replica: usize) {
        let _guard = self.signing_in.lock().await;
        if self.sign_ins.load(Ordering::Relaxed) != sign_ins || self.phase() != Phase::SignedIn {
            return;
        }
        self.count(|tally| tally.redirects.push((Instant::now(), replica)));
        self.sign_in(scene, random, false).await;
    }

    async fn sign_in(&self, scene: &Scene, random: &mut Random, may_prompt: bool) {
        match self.agent.sign_in(scene, random).await {
            Ok(true) if !may_prompt => {
                self.count(|tally| tally.prompts += 1);
                self.fail(scene, "the provider asked for the password");
            }
            Ok(_) => {}
            Err(error) => self.fail(scene, &format!("the sign-in failed: {error}")),
        }
        self.sign_ins.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the session by `end`, which returns whether that was confirmed. The clients go on with the old cookies for
    /// `time`. Then the user signs in again, with the password if the provider's own session has ended.
    pub(crate) async fn end(
        &self,
        scene: &Scene,
        random: &mut Random,
        time: Duration,
        end: impl AsyncFnOnce(&mut Random) -> Result<bool, String>,
    ) {
        let _guard = self.signing_in.lock().await;
        self.set_phase(Phase::Ending);
        let may_prompt = match end(random).await {
            Ok(may_prompt) => may_prompt,
            Err(error) => {
                self.fail(scene, &error);
                true
            }
        };
        self.set_phase(Phase::Ended(Instant::now()));
        tokio::time::sleep(time).await;
        self.sign_in(scene, random, may_prompt).await;
        self.set_phase(Phase::SignedIn);
    }

    /// Waits until a check is allowed. Returns whether that was in time.
    pub(crate) async fn recovers(&self, scene: &Scene, random: &mut Random, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if self.check(scene, random).await {
                return true;
            }
            tokio::time::sleep(MIN_PAUSE).await;
        }
        false
    }
}

/// Returns the lines that set the session cookie.
fn session_cookies<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let lines = headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    lines.filter(|line| line.split('=').next() == Some(name)).collect()
}
