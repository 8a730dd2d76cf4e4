//! Token refresh
//!
//! 1. While the tokens are valid, no request waits. The exchange runs in a task of its own, which no client can cancel.
//! 2. The lease of the session decides who may refresh. The task acquires the lease before it calls the provider, and
//!    renews it until the result is recorded. The map of tasks in flight only lets requests with expired tokens wait for
//!    the result, within bounds.
//! 3. No session ends because the provider does not answer or refuses the gateway. The refresh is retried later, with a
//!    growing delay.
//! 4. If the provider never answered an exchange, its refresh token is not sent again, unless the operator configures
//!    that the provider tolerates this. A lease that was taken over counts as such an exchange.
//! 5. A refresh ends a session only if the provider returns an error about the user, such as `invalid_grant`, or an ID
//!    token that breaks a rule or does not name the user.
//! 6. The new ID token replaces name, address and groups of the user. Absent groups are no groups, and groups that the
//!    provider left out because there are too many are none either: the session keeps no old ones.
//! 7. An ID token that contains nothing about the user changes nothing, like a response without an ID token. It has no
//!    claim about the user except `sub`. Some providers omit all others at a refresh.

mod backoff;
mod identity;
mod in_flight;
mod resume;

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::backoff::Backoff;
pub use self::in_flight::RefreshWait;
use self::in_flight::{InFlight, RunningRefresh};
pub use self::resume::Resumed;
use super::audit::{Audit, Hint, RefreshEvent, RefreshOutcome};
use super::caller::Caller;
use super::not_kept::NotKept;
use super::ports::{
    Clock, Commit, IdentityProvider, Lease, RefreshError, RefreshRequest, Refreshable, Refreshed, Release,
    SessionId, Sessions,
};
use super::snapshot::CurrentSnapshot;
use crate::access::decision::Outage;
use crate::time_limit;

/// The maximum number of exchanges at a time. A session beyond it is refreshed at a later request.
const MAX_CONCURRENT_REFRESHES: usize = 64;

/// The maximum number of sessions whose requests wait for the result of another process. The requests of a session beyond
/// it do not wait.
const MAX_WATCHES: usize = 1000;

/// The log detail of an exchange that exceeded its time limit.
const TIMED_OUT: &str = "the exchange exceeded its time limit";

/// The operator's settings for refreshes.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSettings {
    /// Whether a refresh token may be sent again if the provider never answered its exchange.
    pub provider_bears_reuse: bool,
    /// The time limit of an exchange, including requests for userinfo and new keys.
    pub timeout: Duration,
}

/// Refreshes sessions.
pub struct Refresh {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Manages leases, and stores new tokens.
    pub sessions: Arc<dyn Sessions>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The rules.
    pub snapshot: CurrentSnapshot,
    /// Records outcomes.
    pub audit: Arc<dyn Audit>,
    /// The operator's settings.
    pub settings: RefreshSettings,
    /// The running exchanges.
    pub exchanges: Exchanges,
}

/// The running exchanges.
pub struct Exchanges {
    permits: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    tasks: TaskTracker,
    in_flight: InFlight,
    backoff: Backoff,
    /// Whether the provider refused the gateway at the last refresh that failed.
    client_is_refused: AtomicBool,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT_REFRESHES)),
            watches: Arc::new(Semaphore::new(MAX_WATCHES)),
            tasks: TaskTracker::new(),
            in_flight: InFlight::default(),
            backoff: Backoff::default(),
            client_is_refused: AtomicBool::new(false),
        }
    }
}

/// The result of an attempt to start a task for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// A task for the session is running.
    Running,
    /// No task may start: refreshes are paused, or too many are running.
    NotNow,
}

/// Whether the request that starts a refresh waits for its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Yes,
    No,
}

impl Refresh {
    /// Starts to refresh a session in the background, unless a task for it is running.
    pub fn start(self: &Arc<Self>, session: Refreshable, caller: Caller) {
        self.spawn(session, caller, Waits::No);
    }

    /// Refreshes a session, and waits for the end of the task within `budget`.
    pub async fn finish(
        self: &Arc<Self>,
        session: Refreshable,
        caller: Caller,
        budget: Duration,
    ) -> RefreshWait {
        let id = session.id;
        match self.spawn(session, caller, Waits::Yes) {
            Start::NotNow => RefreshWait::NotNow,
            Start::Running => self.exchanges.in_flight.wait_for(id, budget).await,
        }
    }

    /// Returns why sessions cannot be refreshed now.
    pub fn outage(&self) -> Outage {
        if self.exchanges.client_is_refused.load(Ordering::Relaxed) {
            Outage::ClientRefused
        } else {
            Outage::Provider
        }
    }

    /// Waits until no exchange is running.
    pub async fn drained(&self) {
        self.exchanges.tasks.close();
        self.exchanges.tasks.wait().await;
    }

    fn spawn(self: &Arc<Self>, session: Refreshable, caller: Caller, waits: Waits) -> Start {
        let (exchanges, now) = (&self.exchanges, self.clock.now());
        if exchanges.in_flight.contains(session.id) {
            return Start::Running;
        }
        if exchanges.backoff.is_open(now) {
            return Start::NotNow;
        }
        let Ok(permit) = Arc::clone(&exchanges.permits).try_acquire_owned() else { return Start::NotNow };
        // This entry precedes the lease: a request that finds the lease held also finds this task to wait for.
        let Some(entry) = exchanges.in_flight.register(session.id) else { return Start::Running };
        let this = Arc::clone(self);
        exchanges.tasks.spawn(async move {
            let id = session.id;
            // After a restart, the metadata are on their way. Without them, a refresh counts as a failure of the provider.
            this.provider.first_answer().await;
            if let Some(lease) = this.sessions.lease(session, now).await {
                tokio::select! {
                    () = this.exchange(&lease, caller) => {}
                    never = this.sessions.renew(&lease) => match never {},
                }
                drop((entry, permit));
            } else if waits == Waits::Yes {
                this.wait_for_holder(id, entry);
            }
        });
        Start::Running
    }

    /// Lets requests wait for the result of another process. A gateway that ends does not wait for it.
    fn wait_for_holder(self: &Arc<Self>, session: SessionId, entry: RunningRefresh) {
        let Ok(permit) = Arc::clone(&self.exchanges.watches).try_acquire_owned() else { return };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let released = this.sessions.released_elsewhere(session);
            // The requests that wait have limits of their own.
            let _in_time = tokio::time::timeout(this.settings.timeout, released).await;
            drop((entry, permit));
        });
    }

    async fn exchange(&self, lease: &Lease, caller: Caller) {
        let Refreshable { refresh_token, subject, .. } = &lease.session;
        if lease.is_takeover && !self.settings.provider_bears_reuse {
            self.sessions.release(lease, Release::TokenSpent).await;
            let outcome = RefreshOutcome::TakenOver;
            return self.audit.refresh(&RefreshEvent { outcome, detail: None, subject, caller });
        }
        let call = self.provider.refresh(RefreshRequest { refresh_token, subject });
        let answer = time_limit::within(self.settings.timeout, call).await;
        let answer = answer.unwrap_or_else(|_| Err(RefreshError::OutcomeUnknown(TIMED_OUT.to_owned())));
        let (outcome, detail) = match answer {
            Ok(refreshed) => self.commit_tokens(lease, &refreshed, caller).await,
            Err(error) => (self.release_after_error(lease, &error).await, Some(error.to_string())),
        };
        let detail = detail.as_ref().map(|detail| detail as &dyn Display);
        self.audit.refresh(&RefreshEvent { outcome, detail, subject, caller });
    }

    async fn commit_tokens(
        &self,
        lease: &Lease,
        refreshed: &Refreshed,
        caller: Caller,
    ) -> (RefreshOutcome, Option<String>) {
        self.exchanges.backoff.record_success();
        self.exchanges.client_is_refused.store(false, Ordering::Relaxed);
        let user = match self.build_user(&lease.session, refreshed) {
            Ok(user) => user,
            Err(error) => {
                self.sessions.release(lease, Release::SessionEnded).await;
                return (RefreshOutcome::from(&error), Some(error.to_string()));
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
            Ok(Commit::Ended) => {
                self.revoke(refreshed).await;
                (RefreshOutcome::TooLate, None)
            }
            // The provider may revoke the whole grant with one of its tokens, and the session uses newer ones.
            Ok(Commit::Superseded) => (RefreshOutcome::Superseded, None),
            Err(error) => {
                self.sessions.release(lease, Release::TokenSpent).await;
                let id_token = refreshed.id_token.as_ref();
                let largest_claims = || id_token.map(|new| self.provider.largest_claims(&new.text));
                let why = NotKept::explain(error, || largest_claims().unwrap_or_default());
                (RefreshOutcome::NotKept, Some(why.to_string()))
            }
        }
    }

    /// Revokes new tokens that no session will use. If users sign out at the provider, the token ended there. Its
    /// revocation might sign out a user who chose to sign out of the gateway only.
    async fn revoke(&self, refreshed: &Refreshed) {
        if self.provider.end_session_endpoint().is_none()
            && let Some(token) = &refreshed.refresh_token
        {
            let _revoked = self.provider.revoke(token).await;
        }
    }

    async fn release_after_error(&self, lease: &Lease, error: &RefreshError) -> RefreshOutcome {
        let now = self.clock.now();
        let is_refused = matches!(error, RefreshError::ClientRefused(_));
        self.exchanges.client_is_refused.store(is_refused, Ordering::Relaxed);
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
