//! Refreshes that the provider received, and what it did with each

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dev_provider::{Endpoint, Fault, RefreshPlan, RefreshSeen, TransportFault};

use crate::random::Random;

/// A delay that is longer than the time limit of the gateway for a request to the provider.
const NO_ANSWER: Duration = Duration::from_secs(60);
/// A block of refreshes of which one is lost, which makes 2 %.
const LOST_BLOCK: usize = 50;
/// A block of refresh tokens of which one fails, which makes 10 %.
const FAULT_BLOCK: usize = 10;
/// The failures of the run with faults.
const KINDS: [Outcome; 3] = [Outcome::Status500, Outcome::NoAnswer, Outcome::Status429];
/// How often one token may get 500 or 429 in a row.
const MAX_FAILURES: usize = 3;

/// What the provider does with refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It answers after this time.
    Delay(Duration),
    /// One token in ten gets 500 or 429 up to three times, or no answer.
    Faults,
    /// One answer in fifty is lost after the token was exchanged.
    Lost,
}

/// What happened to a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Status500,
    /// 429 with `Retry-After: 7`.
    Status429,
    /// Nothing was exchanged, but the gateway cannot know that.
    NoAnswer,
    /// The token was exchanged.
    Lost,
}

impl Outcome {
    /// Returns whether the answer says that the token was not used, so that it may be sent again.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Status500 | Self::Status429)
    }

    fn plan(self, delay: Duration) -> RefreshPlan {
        let transport = |fault| vec![Fault::Transport(Endpoint::Token, fault)];
        match self {
            Self::Answered => RefreshPlan { faults: Vec::new(), delay },
            Self::Status500 => RefreshPlan { faults: transport(TransportFault::Status500), delay },
            Self::Status429 => RefreshPlan { faults: transport(TransportFault::Status429), delay },
            Self::NoAnswer => RefreshPlan { faults: transport(TransportFault::Status500), delay: NO_ANSWER },
            Self::Lost => RefreshPlan { faults: transport(TransportFault::HalfWay), delay },
        }
    }
}

/// One refresh that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) at: Instant,
    pub(crate) user: String,
    pub(crate) grant: String,
    pub(crate) generation: u64,
    /// Whether the token was valid when it arrived.
    pub(crate) is_valid: bool,
    pub(crate) outcome: Outcome,
    delay: Duration,
}

impl Attempt {
    /// Returns whether the token was exchanged and the answer was sent.
    pub(crate) fn is_success(&self) -> bool {
        self.is_valid && self.outcome == Outcome::Answered
    }
}

/// The list of all refreshes of a run.
pub(crate) struct Ledger(Mutex<State>);

struct State {
    rule: Rule,
    random: Random,
    attempts: Vec<Attempt>,
    /// The failures that a token still gets, by family and generation.
    failing: BTreeMap<(String, u64), (Outcome, usize)>,
    /// Tokens that have failed.
    faults: usize,
    /// Refreshes or tokens since the start of the current block, and the one that fails.
    block: (usize, usize),
}

impl Ledger {
    pub(crate) fn new(rule: Rule, random: Random) -> Arc<Self> {
        let (attempts, failing) = (Vec::new(), BTreeMap::new());
        let state = State { rule, random, attempts, failing, faults: 0, block: (0, 0) };
        Arc::new(Self(Mutex::new(state)))
    }

    /// Records a refresh, and returns what the provider does with it.
    pub(crate) fn record(&self, seen: &RefreshSeen) -> RefreshPlan {
        let mut state = self.0.lock().unwrap();
        let (outcome, delay) = state.decide(seen);
        state.attempts.push(Attempt {
            at: Instant::now(),
            user: seen.username.clone(),
            grant: seen.grant.clone(),
            generation: seen.generation,
            is_valid: seen.is_valid,
            outcome,
            delay,
        });
        outcome.plan(delay)
    }

    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.0.lock().unwrap().attempts.clone()
    }

    /// Returns the number of refreshes that have arrived and are not answered.
    pub(crate) fn in_flight(&self) -> usize {
        let now = Instant::now();
        let state = self.0.lock().unwrap();
        state.attempts.iter().rev().take(1000).filter(|attempt| attempt.at + attempt.delay > now).count()
    }
}

impl State {
    fn decide(&mut self, seen: &RefreshSeen) -> (Outcome, Duration) {
        match self.rule {
            Rule::Delay(delay) => (Outcome::Answered, delay),
            Rule::Lost => {
                let is_lost = self.is_chosen(LOST_BLOCK);
                (if is_lost { Outcome::Lost } else { Outcome::Answered }, Duration::ZERO)
            }
            Rule::Faults => (self.fault(seen), Duration::ZERO),
        }
    }

    /// Returns whether the next one of a block is the one that fails.
    fn is_chosen(&mut self, length: usize) -> bool {
        let (mut position, mut chosen) = self.block;
        if position == 0 {
            chosen = self.random.below(length);
        }
        let is_chosen = position == chosen;
        position = (position + 1) % length;
        self.block = (position, chosen);
        is_chosen
    }

    /// Returns what one token in ten gets. The kinds take turns, so that a short run has all of them.
    fn fault(&mut self, seen: &RefreshSeen) -> Outcome {
        let key = (seen.grant.clone(), seen.generation);
        if !self.failing.contains_key(&key) {
            let chosen = self.is_chosen(FAULT_BLOCK);
            let kind = if chosen { KINDS[self.faults % KINDS.len()] } else { Outcome::Answered };
            let count = match kind {
                Outcome::Answered => 0,
                // The gateway must not send such a token again.
                Outcome::NoAnswer => 1,
                _ => 1 + self.random.below(MAX_FAILURES),
            };
            self.faults += usize::from(chosen);
            self.failing.insert(key.clone(), (kind, count));
        }
        let Some((kind, left)) = self.failing.get_mut(&key).filter(|(_, left)| *left > 0) else {
            return Outcome::Answered;
        };
        *left -= 1;
        *kind
    }
}
