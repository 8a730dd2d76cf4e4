//! Verdict on a run: the worst that a check got, and the invariants of docs/guarantees.md

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foregate::session::ticket_store::LEASE_TIME;

use crate::failures::Caused;
use crate::ledger::{Attempt, Ledger, Outcome};
use crate::options::{CLIENTS, TOKEN_LIFE};
use crate::rows::{Cost, Run, Store, allowed};
use crate::scene::Scene;
use crate::session::{Session, Tally};

/// How long after an outage checks may still get 503: until connections are made again.
const RECOVERY: Duration = Duration::from_secs(10);
/// By how much the memory of a gateway may grow between the middle and the end of a run, in kB.
const MAX_GROWTH_KB: i64 = 16 * 1024;
/// Keys in Redis that one sign-in adds at most: a record, two indexes, and a login that is not reused.
const KEYS_PER_SIGN_IN: usize = 4;
const KEYS_MARGIN: usize = 10;
/// The time that rounding to whole seconds may take from a delay, and that a request takes on its way.
const DELAY_TOLERANCE: Duration = Duration::from_millis(1100);
/// `Retry-After` of the provider's 429.
const RETRY_AFTER: Duration = Duration::from_secs(7);

/// Sizes at one moment of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    /// Process id and memory in kB of each gateway.
    pub(crate) memory: Vec<(u32, i64)>,
    pub(crate) keys: Option<usize>,
    /// Sign-ins until then.
    pub(crate) sign_ins: usize,
}

/// A finished run with one store.
pub(crate) struct Finished {
    pub(crate) scene: Arc<Scene>,
    pub(crate) sessions: Vec<Arc<Session>>,
    pub(crate) caused: Caused,
    pub(crate) middle: Sizes,
    pub(crate) end: Sizes,
    pub(crate) elapsed: Duration,
}

/// The verdict, with the figures of the table.
pub(crate) struct Verdict {
    pub(crate) run: Run,
    pub(crate) store: Store,
    pub(crate) allowed: Option<Cost>,
    pub(crate) seen: Cost,
    pub(crate) total: Tally,
    pub(crate) unanswered: usize,
    pub(crate) exchanges: usize,
    pub(crate) most_exchanges: usize,
    pub(crate) exchange_limit: usize,
    pub(crate) reuse: usize,
    /// The largest growth of the memory of a gateway, in kB.
    pub(crate) growth: i64,
    /// The number of keys in Redis in the middle and at the end.
    pub(crate) keys: Option<(usize, usize)>,
    pub(crate) caused: Caused,
    /// Whether failures are faults. They are only figures for a gateway without guarantees.
    pub(crate) has_guarantees: bool,
    /// Sentences that each name run, store and session.
    pub(crate) failures: Vec<String>,
}

impl Finished {
    pub(crate) async fn judge(self) -> Verdict {
        let tallies: Vec<(String, Tally)> =
            self.sessions.iter().map(|session| (session.agent.user().to_owned(), session.tally())).collect();
        let successes = self.scene.provider.successes().await;
        let attempts = self.scene.provider.ledger().map(Ledger::attempts).unwrap_or_default();
        let total = sum(tallies.iter().map(|(_, tally)| tally));
        let seen = if !total.redirects.is_empty() {
            Cost::Redirect
        } else if !total.unavailable.is_empty() {
            Cost::Unavailable
        } else {
            Cost::None
        };
        let (run, store) = (self.scene.run, self.scene.store);
        let mut verdict = Verdict {
            run,
            store,
            allowed: self.scene.subject.has_guarantees().then(|| allowed(run, store)).flatten(),
            seen,
            unanswered: self.scene.unanswered(),
            exchanges: successes.values().sum(),
            most_exchanges: successes.values().copied().max().unwrap_or_default(),
            exchange_limit: exchange_limit(self.elapsed),
            reuse: self.scene.provider.reuse_violations().await,
            growth: 0,
            keys: self.middle.keys.zip(self.end.keys),
            caused: Caused::default(),
            has_guarantees: self.scene.subject.has_guarantees(),
            failures: total.failures.clone(),
            total,
        };
        verdict.compare_with_table(&tallies, self.scene.began);
        verdict.judge_sessions(&tallies, &attempts, &self.caused);
        verdict.judge_exchanges(&successes, &attempts);
        verdict.judge_sizes(&self.middle, &self.end);
        verdict.judge_proofs(&self, &attempts);
        verdict.caused = self.caused;
        let place = format!("{}, {}", run.title(), store.name());
        verdict.failures = verdict.failures.into_iter().map(|text| format!("{place}: {text}")).collect();
        verdict
    }
}

/// Returns the maximum number of successful refreshes of one session.
fn exchange_limit(elapsed: Duration) -> usize {
    let interval = TOKEN_LIFE * 6 / 10;
    usize::try_from(elapsed.as_millis() / interval.as_millis()).unwrap() + 1
}

fn sum<'t>(tallies: impl Iterator<Item = &'t Tally>) -> Tally {
    tallies.fold(Tally::default(), |mut total, tally| {
        total.checks += tally.checks;
        total.allowed += tally.allowed;
        total.unanswered += tally.unanswered;
        total.aborted += tally.aborted;
        total.max_wait = total.max_wait.max(tally.max_wait);
        total.longest_refused = total.longest_refused.max(tally.longest_refused);
        total.unavailable.extend(&tally.unavailable);
        total.redirects.extend(&tally.redirects);
        total.prompts += tally.prompts;
        total.checks_after_end += tally.checks_after_end;
        total.failures.extend(tally.failures.iter().cloned());
        total
    })
}

impl Verdict {
    fn fail(&mut self, text: String) {
        self.failures.push(text);
    }

    /// Compares what each session saw with its cell.
    fn compare_with_table(&mut self, tallies: &[(String, Tally)], began: Instant) {
        let Some(allowed) = self.allowed else { return };
        for (user, tally) in tallies {
            let redirect = tally.redirects.first().map(|(at, replica)| {
                (
                    Cost::Redirect,
                    *at,
                    format!("{} redirects, the first by gateway {replica}", tally.redirects.len()),
                )
            });
            let unavailable = tally
                .unavailable
                .first()
                .map(|at| (Cost::Unavailable, *at, format!("503 for {} checks", tally.unavailable.len())));
            for (cost, at, text) in redirect.into_iter().chain(unavailable) {
                if cost > allowed {
                    let at = at.saturating_duration_since(began).as_secs_f64();
                    self.fail(format!("{user} saw {text}, first at +{at:.1} s; allowed: {allowed}"));
                }
            }
        }
    }

    fn judge_sessions(&mut self, tallies: &[(String, Tally)], attempts: &[Attempt], caused: &Caused) {
        for (user, tally) in tallies {
            let failed = attempts
                .iter()
                .filter(|attempt| attempt.user == *user && attempt.outcome != Outcome::Answered);
            let events = caused.events + failed.count();
            if self.allowed == Some(Cost::Redirect) && tally.redirects.len() > events {
                let redirects = tally.redirects.len();
                self.fail(format!("{user} needed {redirects} redirects for {events} failures"));
            }
            let in_outage =
                |at: &Instant| caused.outages.iter().any(|(from, to)| (*from..=*to + RECOVERY).contains(at));
            let late = tally.unavailable.iter().filter(|at| !in_outage(at)).count();
            if self.allowed == Some(Cost::Unavailable) && late > 0 {
                self.fail(format!("{user} got 503 {late} times when Redis could be reached"));
            }
        }
        let longest = tallies.iter().map(|(_, tally)| tally.longest_refused).max().unwrap_or_default();
        if matches!(self.run, Run::Kill | Run::Stop) && longest > LEASE_TIME + RECOVERY {
            self.fail(format!("a session was refused for {longest:.1?}; a lease lasts {LEASE_TIME:.0?}"));
        }
        if self.unanswered > 0 && !self.run.stops_processes() {
            self.fail(format!("{} requests got no answer", self.unanswered));
        }
    }

    fn judge_exchanges(&mut self, successes: &BTreeMap<String, usize>, attempts: &[Attempt]) {
        for (session, count) in successes {
            if *count > self.exchange_limit {
                self.fail(format!("{session} had {count} refreshes; allowed: {}", self.exchange_limit));
            }
        }
        let mut by_token: BTreeMap<(&str, u64), Vec<&Attempt>> = BTreeMap::new();
        for attempt in attempts {
            by_token.entry((&attempt.grant, attempt.generation)).or_default().push(attempt);
        }
        let mut doubles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for sent in by_token.values() {
            for (number, pair) in sent.windows(2).enumerate() {
                let gap = pair[1].at.duration_since(pair[0].at);
                let (user, outcome) = (&pair[0].user, pair[0].outcome);
                if outcome.is_refusal() {
                    let failures = failures_in_a_row(attempts, &sent[..=number]);
                    let delay = min_delay(outcome, failures, self.store);
                    if gap + DELAY_TOLERANCE < delay {
                        self.fail(format!(
                            "{user}: a refused refresh was repeated after {gap:.1?}, not {delay:.0?}"
                        ));
                    }
                } else {
                    doubles.entry(user).or_default().push(format!("{gap:.1?} after it got {outcome:?}"));
                }
            }
        }
        for (user, times) in &doubles {
            let (count, first) = (times.len(), &times[0]);
            self.fail(format!("{user}: a refresh token was sent again {count} times, the first {first}"));
        }
        if self.reuse > 0 {
            self.fail(format!("the provider received {} spent refresh tokens", self.reuse));
        }
        self.reuse = self.reuse.max(doubles.values().map(Vec::len).sum());
    }

    fn judge_sizes(&mut self, middle: &Sizes, end: &Sizes) {
        for (process, before) in &middle.memory {
            let Some((_, after)) = end.memory.iter().find(|(same, _)| same == process) else { continue };
            self.growth = self.growth.max(after - before);
            if after - before > MAX_GROWTH_KB {
                self.fail(format!("the memory of a gateway grew from {before} to {after} kB"));
            }
        }
        if let Some((before, after)) = self.keys {
            let margin = (end.sign_ins - middle.sign_ins) * KEYS_PER_SIGN_IN + KEYS_MARGIN;
            if after > before + margin {
                self.fail(format!("Redis had {before} keys and then {after}; allowed: {margin} more"));
            }
        }
    }

    /// A run that did not cause its failure proves nothing.
    fn judge_proofs(&mut self, finished: &Finished, attempts: &[Attempt]) {
        let sessions = finished.sessions.len();
        let count = |outcome| attempts.iter().filter(|attempt| attempt.outcome == outcome).count();
        let polls = sessions * CLIENTS * usize::try_from(finished.elapsed.as_secs()).unwrap();
        let clients = if self.run == Run::Abort { 2 } else { 1 };
        // A client checks about every 750 ms. A stopped gateway delays it for seconds.
        let mut proofs = vec![
            ("refreshes", self.exchanges / sessions),
            ("checks", self.total.checks * clients * 6 / polls),
            ("memory samples", finished.end.memory.len()),
        ];
        proofs.extend(finished.caused.proofs.iter().copied());
        match self.run {
            Run::Restart | Run::SessionKey | Run::Kill | Run::Stop => {
                proofs.push(("failures", finished.caused.events));
            }
            Run::RedisAway | Run::RedisCut | Run::Failover => {
                proofs.push(("outages", finished.caused.outages.len()));
            }
            Run::DropCookies if self.store == Store::Cookie => {
                let dropped = finished.sessions.iter();
                let dropped =
                    dropped.map(|session| session.dropped.load(std::sync::atomic::Ordering::Relaxed));
                proofs.push(("dropped cookies", dropped.sum()));
            }
            Run::Abort => proofs.push(("aborted requests", self.total.aborted)),
            Run::RefreshFaults => {
                proofs.push(("500", count(Outcome::Status500)));
                proofs.push(("429", count(Outcome::Status429)));
                proofs.push(("no answer", count(Outcome::NoAnswer)));
            }
            Run::LostAnswer => proofs.push(("lost answers", count(Outcome::Lost))),
            Run::SignOut => proofs.push(("checks after an end", self.total.checks_after_end)),
            _ => {}
        }
        let interrupts = finished.caused.events + finished.caused.outages.len() > 0;
        // Keycloak does not report the refreshes in flight.
        if interrupts && finished.scene.provider.in_flight().is_some() {
            proofs.push(("refreshes in flight", finished.caused.in_flight));
        }
        for (what, count) in proofs {
            if count == 0 {
                self.fail(format!("the run proves nothing: too few {what}"));
            }
        }
    }
}

/// Returns how often a token failed since the provider last answered a refresh of any session. That resets the delay.
fn failures_in_a_row(attempts: &[Attempt], failed: &[&Attempt]) -> u32 {
    let last = failed.last().unwrap().at;
    let answered = attempts.iter().rfind(|attempt| attempt.is_success() && attempt.at < last);
    let since = failed.iter().filter(|attempt| answered.is_none_or(|answered| attempt.at > answered.at));
    u32::try_from(since.count()).unwrap()
}

/// Returns the least delay after this failure in a row, from 1. Gateways that share Redis count for themselves.
fn min_delay(outcome: Outcome, failures: u32, store: Store) -> Duration {
    let own = if store == Store::Redis { 1 } else { 1 << (failures - 1) };
    match outcome {
        Outcome::Status429 => RETRY_AFTER,
        _ => Duration::from_secs(own),
    }
}
