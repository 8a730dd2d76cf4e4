//! How do a session's tokens stay fresh, without anybody being logged out by it?
//!
//! 1. While the tokens are good nobody waits: the exchange runs in a task of its own, which no client can cancel.
//! 2. One exchange at a time for a session; whoever finds its tokens over waits for that one, within bounds.
//! 3. A provider that does not answer, or refuses us, ends no session: it is asked again later, and less and less often.
//! 4. What was sent and never answered is not sent again, unless the operator says that the provider bears it.
//! 5. Only the provider's own word about the person (`invalid_grant` and its like) ends a session, and an ID token that
//!    breaks a rule.

mod back;
mod pause;
mod waiting;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

pub use self::back::Back;
use self::pause::Pause;
use self::waiting::Waiting;
use super::audit::{Audit, Dialect, Hint, RefreshEvent, RefreshOutcome};
use super::ports::{
    Clock, GivenBack, IdentityProvider, RefreshError, RefreshRequest, Refreshed, Renewable, Renewed,
    SessionStore,
};
use crate::access::claims::{ClaimError, ClaimRules};
use crate::access::identity::Identity;
use crate::access::policy::{Answers, Policies};

/// So many exchanges at once; a session beyond them is renewed at its next request.
const MOST: usize = 64;

/// What the operator chose.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSettings {
    /// Whether a refresh token whose exchange was never answered may be sent again.
    pub provider_bears_reuse: bool,
    /// How long an exchange may take, userinfo and new keys included.
    pub timeout: Duration,
}

/// Keeps sessions fresh.
pub struct Refresh {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Where sessions live.
    pub sessions: Arc<dyn SessionStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which claims make the identity.
    pub claims: ClaimRules,
    /// Asked anew with each identity.
    pub policies: Policies,
    /// Where it is told.
    pub audit: Arc<dyn Audit>,
    /// What the operator chose.
    pub settings: RefreshSettings,
    /// What runs.
    pub exchanges: Exchanges,
}

/// The exchanges that run.
pub struct Exchanges {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    waiting: Waiting,
    pause: Pause,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            tasks: TaskTracker::new(),
            waiting: Waiting::default(),
            pause: Pause::default(),
        }
    }
}

/// What became of the wish to renew a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// An exchange runs.
    Runs,
    /// Nobody may renew it now; perhaps somebody just has.
    NoTurn,
    /// The provider is left alone for now, or has enough to do.
    NotNow,
}

/// What one has waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// No exchange runs any more: the session may be fresh now, or over.
    Ended,
    /// It takes longer than one could wait.
    Longer,
    /// The provider is not asked, because it did not answer a moment ago, or too many wait already.
    NotNow,
}

impl Refresh {
    /// Renews a session, unless somebody does; nobody waits for it.
    pub fn start(self: &Arc<Self>, renewable: Renewable, caller: Dialect) {
        let _somebody_does = self.begin(renewable, caller);
    }

    /// The same, and waits for its end within `budget`.
    pub async fn finish(self: &Arc<Self>, renewable: Renewable, caller: Dialect, budget: Duration) -> Waited {
        let id = renewable.id;
        match self.begin(renewable, caller) {
            Start::NoTurn => Waited::Ended,
            Start::NotNow => Waited::NotNow,
            Start::Runs => self.exchanges.waiting.end_of(id, budget).await,
        }
    }

    /// Waits until no exchange runs any more.
    pub async fn drained(&self) {
        self.exchanges.tasks.close();
        self.exchanges.tasks.wait().await;
    }

    fn begin(self: &Arc<Self>, renewable: Renewable, caller: Dialect) -> Start {
        let (exchanges, now) = (&self.exchanges, self.clock.now());
        if exchanges.waiting.runs(renewable.id) {
            return Start::Runs;
        }
        if exchanges.pause.holds(now) {
            return Start::NotNow;
        }
        let Ok(place) = Arc::clone(&exchanges.places).try_acquire_owned() else { return Start::NotNow };
        // Before the turn is taken: whoever finds it taken finds this to wait for.
        let Some(running) = exchanges.waiting.begin(renewable.id) else { return Start::Runs };
        if !self.sessions.take_turn(&renewable, now) {
            return Start::NoTurn;
        }
        let this = Arc::clone(self);
        exchanges.tasks.spawn(async move {
            this.exchange(&renewable, caller).await;
            drop((running, place));
        });
        Start::Runs
    }

    async fn exchange(&self, renewable: &Renewable, caller: Dialect) {
        let Renewable { refresh_token, subject, .. } = renewable;
        let call = self.provider.refresh(RefreshRequest { refresh_token, subject });
        let answer = tokio::time::timeout(self.settings.timeout, call).await;
        let answer =
            answer.unwrap_or_else(|_| Err(RefreshError::OutcomeUnknown("it took too long".to_owned())));
        let (outcome, detail) = match answer {
            Ok(refreshed) => self.renewed(renewable, &refreshed, caller).await,
            Err(error) => (self.failed(renewable, &error), Some(error.to_string())),
        };
        let detail = detail.as_ref().map(|detail| detail as &dyn Display);
        self.audit.refresh(&RefreshEvent { outcome, detail, subject, caller });
    }

    async fn renewed(
        &self,
        renewable: &Renewable,
        refreshed: &Refreshed,
        caller: Dialect,
    ) -> (RefreshOutcome, Option<String>) {
        self.exchanges.pause.answered();
        let now = self.clock.now();
        let person = match self.person(renewable, refreshed) {
            Ok(person) => person,
            Err(error) => {
                self.sessions.give_up(renewable);
                return (RefreshOutcome::ProviderMisbehaved, Some(error.to_string()));
            }
        };
        let person = person.as_ref().map(|(identity, policies)| (identity, *policies));
        match self.sessions.renew(renewable, refreshed, person, now) {
            Ok(Renewed::Kept { last_was_not_delivered }) => {
                if last_was_not_delivered {
                    self.audit.hint(&Hint::RotationNotDelivered(caller));
                }
                (RefreshOutcome::Renewed, None)
            }
            Ok(Renewed::TooLate) => {
                self.forget(refreshed).await;
                (RefreshOutcome::TooLate, None)
            }
            Err(error) => {
                self.sessions.give_back(renewable, GivenBack::Spent);
                (RefreshOutcome::NotKept, Some(error.to_string()))
            }
        }
    }

    /// Nobody will ever use this refresh token; at worst it ends by itself. Where people sign out at the provider, it is
    /// over with that, and to revoke it might sign out those who chose to sign out here alone.
    async fn forget(&self, refreshed: &Refreshed) {
        if self.provider.end_session_endpoint().is_none()
            && let Some(token) = &refreshed.refresh_token
        {
            let _worthless = self.provider.revoke(token).await;
        }
    }

    fn person(
        &self,
        renewable: &Renewable,
        refreshed: &Refreshed,
    ) -> Result<Option<(Identity, Answers)>, ClaimError> {
        let Some(id_token) = &refreshed.id_token else { return Ok(None) };
        let (identity, left_out) = self.claims.identity(&renewable.subject, &id_token.claims)?;
        for one in left_out {
            self.audit.left_out(one.what, &one.value, &one.why, &renewable.subject);
        }
        let policies = self.policies.answers(identity.as_ref());
        Ok(Some((identity, policies)))
    }

    fn failed(&self, renewable: &Renewable, error: &RefreshError) -> RefreshOutcome {
        let (now, pause) = (self.clock.now(), &self.exchanges.pause);
        let later = |retry_after| {
            let until = pause.failed(now, retry_after, renewable);
            self.sessions.give_back(renewable, GivenBack::Until(until));
        };
        match error {
            RefreshError::Unavailable { retry_after, .. } => {
                later(*retry_after);
                RefreshOutcome::ProviderUnavailable
            }
            RefreshError::ClientRefused(_) => {
                later(None);
                RefreshOutcome::ClientRefused
            }
            RefreshError::OutcomeUnknown(_) if self.settings.provider_bears_reuse => {
                later(None);
                RefreshOutcome::OutcomeUnknown
            }
            RefreshError::OutcomeUnknown(_) => {
                pause.failed(now, None, renewable);
                self.sessions.give_back(renewable, GivenBack::Spent);
                RefreshOutcome::OutcomeUnknown
            }
            RefreshError::GrantRefused(_) => {
                self.sessions.give_up(renewable);
                RefreshOutcome::GrantRefused
            }
            RefreshError::ProviderMisbehaved(_) => {
                self.sessions.give_up(renewable);
                RefreshOutcome::ProviderMisbehaved
            }
        }
    }
}
