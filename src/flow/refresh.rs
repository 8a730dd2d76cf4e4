//! Token refresh, which logs no user out
//!
//! 1. While the tokens are good no request waits: the exchange runs in a task of its own, which no client can cancel.
//! 2. The session's lease decides who may refresh: the task acquires it before it calls the provider. The map of tasks in
//!    flight only lets requests with expired tokens wait for the result, within bounds.
//! 3. A provider that does not answer, or refuses us, ends no session: it is asked again later, and less and less often.
//! 4. A refresh token whose exchange was never answered is not sent again, unless the operator says that the provider
//!    tolerates it. A lease that was taken over is such an exchange.
//! 5. Only what the provider says about the user (`invalid_grant` and its like) ends a session, and an ID token that breaks
//!    a rule.

mod backoff;
mod in_flight;
mod resume;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::backoff::Backoff;
use self::in_flight::InFlight;
pub use self::in_flight::RefreshWait;
pub use self::resume::Resumed;
use super::audit::{Audit, Hint, RefreshEvent, RefreshOutcome};
use super::caller::Caller;
use super::ports::{
    Clock, Commit, IdentityProvider, Lease, RefreshError, RefreshRequest, Refreshable, Refreshed, Release,
    Sessions,
};
use super::snapshot::CurrentSnapshot;
use crate::access::claims::ClaimError;
use crate::access::identity::Identity;
use crate::access::policy::PolicyVerdicts;

/// A session beyond them is refreshed at its next request.
const MAX_CONCURRENT_REFRESHES: usize = 64;

/// What the log says about a lease that was taken over.
const TAKEN_OVER: &str = "the process that held the lease never returned it";

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
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rules.
    pub snapshot: CurrentSnapshot,
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
    in_flight: InFlight,
    backoff: Backoff,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_CONCURRENT_REFRESHES)),
            tasks: TaskTracker::new(),
            in_flight: InFlight::default(),
            backoff: Backoff::default(),
        }
    }
}

/// Whether a task for a session runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// It does.
    Running,
    /// The provider is left alone for now, or has enough to do.
    NotNow,
}

impl Refresh {
    /// Begins to refresh a session in the background, unless a task does already.
    pub fn start(self: &Arc<Self>, session: Refreshable, caller: Caller) {
        self.spawn(session, caller);
    }

    /// Refreshes a session, and waits for the end of the task within `budget`.
    pub async fn finish(
        self: &Arc<Self>,
        session: Refreshable,
        caller: Caller,
        budget: Duration,
    ) -> RefreshWait {
        let id = session.id;
        match self.spawn(session, caller) {
            Start::NotNow => RefreshWait::NotNow,
            Start::Running => self.exchanges.in_flight.wait_for(id, budget).await,
        }
    }

    /// Waits until no exchange runs any more.
    pub async fn drained(&self) {
        self.exchanges.tasks.close();
        self.exchanges.tasks.wait().await;
    }

    fn spawn(self: &Arc<Self>, session: Refreshable, caller: Caller) -> Start {
        let (exchanges, now) = (&self.exchanges, self.clock.now());
        if exchanges.in_flight.contains(session.id) {
            return Start::Running;
        }
        if exchanges.backoff.is_open(now) {
            return Start::NotNow;
        }
        let Ok(place) = Arc::clone(&exchanges.places).try_acquire_owned() else { return Start::NotNow };
        // Before the lease is acquired: a request that finds it held finds this task to wait for.
        let Some(entry) = exchanges.in_flight.enter(session.id) else { return Start::Running };
        let this = Arc::clone(self);
        exchanges.tasks.spawn(async move {
            if let Some(lease) = this.sessions.lease(session, now).await {
                this.exchange(&lease, caller).await;
            }
            drop((entry, place));
        });
        Start::Running
    }

    async fn exchange(&self, lease: &Lease, caller: Caller) {
        let Refreshable { refresh_token, subject, .. } = &lease.session;
        if lease.is_takeover && !self.settings.provider_bears_reuse {
            self.sessions.release(lease, Release::TokenSpent).await;
            let detail = Some(&TAKEN_OVER as &dyn Display);
            let outcome = RefreshOutcome::OutcomeUnknown;
            return self.audit.refresh(&RefreshEvent { outcome, detail, subject, caller });
        }
        let call = self.provider.refresh(RefreshRequest { refresh_token, subject });
        let answer = tokio::time::timeout(self.settings.timeout, call).await;
        let answer =
            answer.unwrap_or_else(|_| Err(RefreshError::OutcomeUnknown("it took too long".to_owned())));
        let (outcome, detail) = match answer {
            Ok(refreshed) => self.commit(lease, &refreshed, caller).await,
            Err(error) => (self.release(lease, &error).await, Some(error.to_string())),
        };
        let detail = detail.as_ref().map(|detail| detail as &dyn Display);
        self.audit.refresh(&RefreshEvent { outcome, detail, subject, caller });
    }

    async fn commit(
        &self,
        lease: &Lease,
        refreshed: &Refreshed,
        caller: Caller,
    ) -> (RefreshOutcome, Option<String>) {
        self.exchanges.backoff.record_success();
        let user = match self.user(&lease.session, refreshed) {
            Ok(user) => user,
            Err(error) => {
                self.sessions.release(lease, Release::SessionEnded).await;
                return (RefreshOutcome::ProviderMisbehaved, Some(error.to_string()));
            }
        };
        let user = user.as_ref().map(|(identity, policies)| (identity, *policies));
        match self.sessions.commit(lease, refreshed, user, self.clock.now()).await {
            Ok(Commit::Committed { last_was_not_delivered }) => {
                if last_was_not_delivered {
                    self.audit.hint(&Hint::RotationNotDelivered(caller));
                }
                (RefreshOutcome::Renewed, None)
            }
            Ok(Commit::TooLate) => {
                self.revoke(refreshed).await;
                (RefreshOutcome::TooLate, None)
            }
            Err(error) => {
                self.sessions.release(lease, Release::TokenSpent).await;
                (RefreshOutcome::NotKept, Some(error.to_string()))
            }
        }
    }

    /// Revokes tokens that no session will use. If users sign out at the provider, the token ended there; to revoke it
    /// might sign out a user who chose to sign out here only.
    async fn revoke(&self, refreshed: &Refreshed) {
        if self.provider.end_session_endpoint().is_none()
            && let Some(token) = &refreshed.refresh_token
        {
            let _revoked = self.provider.revoke(token).await;
        }
    }

    fn user(
        &self,
        session: &Refreshable,
        refreshed: &Refreshed,
    ) -> Result<Option<(Identity, PolicyVerdicts)>, ClaimError> {
        let Some(id_token) = &refreshed.id_token else { return Ok(None) };
        let snapshot = self.snapshot.load();
        let (identity, omitted_claim) = snapshot.claims.identity(&session.subject, &id_token.claims)?;
        for one in omitted_claim {
            self.audit.omitted_claim(one.what, &one.value, &one.why, &session.subject);
        }
        let policies = snapshot.rules.policies.verdicts(identity.as_ref());
        Ok(Some((identity, policies)))
    }

    async fn release(&self, lease: &Lease, error: &RefreshError) -> RefreshOutcome {
        let now = self.clock.now();
        let retry = |retry_after| {
            Release::RetryAt(self.exchanges.backoff.record_failure(now, retry_after, &lease.session))
        };
        let (outcome, how) = match error {
            RefreshError::Unavailable { retry_after, .. } => {
                (RefreshOutcome::ProviderUnavailable, retry(*retry_after))
            }
            RefreshError::ClientRefused(_) => (RefreshOutcome::ClientRefused, retry(None)),
            RefreshError::OutcomeUnknown(_) => {
                let retry = retry(None);
                let how = if self.settings.provider_bears_reuse { retry } else { Release::TokenSpent };
                (RefreshOutcome::OutcomeUnknown, how)
            }
            RefreshError::GrantRefused(_) => (RefreshOutcome::GrantRefused, Release::SessionEnded),
            RefreshError::ProviderMisbehaved(_) => {
                (RefreshOutcome::ProviderMisbehaved, Release::SessionEnded)
            }
        };
        self.sessions.release(lease, how).await;
        outcome
    }
}

#[cfg(test)]
mod tests;
