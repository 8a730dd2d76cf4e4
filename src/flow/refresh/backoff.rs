//! Backoff after refreshes that the provider did not answer
//!
//! 1. The delay before the next attempt for a session grows with each failure.
//! 2. All refreshes pause, for at most one minute, if the refreshes of several users in a row failed, or if the
//!    provider asks to wait.
//! 3. A user whose refresh always fails does not delay other users.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::flow::ports::{Refreshable, UnixTime};

/// The number of distinct users with failures in a row that counts as an outage, which pauses all refreshes.
const USERS_FOR_OUTAGE: usize = 3;
/// The maximum base delay between two attempts, in seconds, if the provider does not ask for more.
const MAX_DELAY_SECONDS: u64 = 32;
/// The maximum pause of all refreshes, in seconds.
const MAX_PAUSE_SECONDS: u64 = 60;

/// The failures of the provider, and the pause that follows from them.
#[derive(Default)]
pub(super) struct Backoff {
    failure_run: Mutex<FailureRun>,
    hasher: RandomState,
    paused_until: AtomicU64,
}

/// The failures since the provider last answered.
#[derive(Default)]
struct FailureRun {
    failures: u32,
    /// The failures per user (a hash of `sub`), for at most [`USERS_FOR_OUTAGE`] users.
    users: Vec<(u64, u32)>,
}

impl Backoff {
    /// Returns whether all refreshes are paused.
    pub(super) fn is_open(&self, now: UnixTime) -> bool {
        // A time further ahead was recorded before the clock was set back.
        (now.0 + 1..=now.0 + MAX_PAUSE_SECONDS).contains(&self.paused_until.load(Ordering::Relaxed))
    }

    /// Records that the provider answered.
    pub(super) fn record_success(&self) {
        *self.failure_run() = FailureRun::default();
        self.paused_until.store(0, Ordering::Relaxed);
    }

    /// Records that the provider did not answer or asked to wait. Returns when this session's token may be sent again.
    pub(super) fn record_failure(
        &self,
        now: UnixTime,
        retry_after: Option<Duration>,
        session: &Refreshable,
    ) -> UnixTime {
        let (failures, users) = self.count_failure(&session.subject);
        let delay = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(MAX_DELAY_SECONDS);
        let base = delay.clamp(1, MAX_DELAY_SECONDS);
        // Sessions that failed together do not retry together.
        let spread = session.id.0.iter().map(|byte| u64::from(*byte)).sum::<u64>() % (base / 2 + 1);
        let own = UnixTime(now.0.saturating_add(base + spread));
        let until = retry_after.map_or(own, |wait| now.plus(wait).max(UnixTime(now.0 + 1)));
        if users >= USERS_FOR_OUTAGE || retry_after.is_some() {
            self.paused_until.fetch_max(until.0.min(now.0 + MAX_PAUSE_SECONDS), Ordering::Relaxed);
        }
        until
    }

    /// Counts a failure. Returns the failure count that sets the delay, and the number of distinct users with failures.
    /// Until this is an outage, only the user's own failures set the delay.
    fn count_failure(&self, subject: &str) -> (u32, usize) {
        let user = self.hasher.hash_one(subject);
        let mut failure_run = self.failure_run();
        let FailureRun { failures, users } = &mut *failure_run;
        *failures = failures.saturating_add(1);
        if users.len() < USERS_FOR_OUTAGE && !users.iter().any(|(known, _)| *known == user) {
            users.push((user, 0));
        }
        let mut own = users.iter_mut().filter(|(known, _)| *known == user);
        let own = own.next().map_or(*failures, |(_, own)| {
            *own = own.saturating_add(1);
            *own
        });
        (if users.len() < USERS_FOR_OUTAGE { own } else { *failures }, users.len())
    }

    fn failure_run(&self) -> MutexGuard<'_, FailureRun> {
        self.failure_run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::access::origin::Origin;
    use crate::flow::ports::SessionId;
    use crate::secret::Secret;

    const NOW: UnixTime = UnixTime(100);

    fn session_of(subject: &str) -> Refreshable {
        Refreshable {
            id: SessionId([1; 16]),
            generation: 1,
            subject: subject.to_owned(),
            refresh_token: Secret::new(""),
            origin: Origin::parse("https://app.test").unwrap(),
            active_at: NOW,
            ends_at: NOW,
            contents: Zeroizing::default(),
        }
    }

    #[test]
    fn delay_grows_and_failures_of_three_users_pause_all_refreshes() {
        let backoff = Backoff::default();
        let waits: Vec<u64> = ["a", "b", "c"]
            .map(|subject| backoff.record_failure(NOW, None, &session_of(subject)).0 - NOW.0)
            .into();
        assert!(waits[..2] == [1, 1] && (4..=6).contains(&waits[2]), "{waits:?}");
        assert!(backoff.is_open(UnixTime(103)) && !backoff.is_open(UnixTime(106)));
        let max_delay =
            (0..100).map(|_| backoff.record_failure(NOW, None, &session_of("a")).0 - NOW.0).max().unwrap();
        assert!((MAX_DELAY_SECONDS..=MAX_DELAY_SECONDS * 3 / 2).contains(&max_delay));
        backoff.record_success();
        assert!(!backoff.is_open(NOW));
        assert_eq!(backoff.record_failure(NOW, None, &session_of("a")), UnixTime(101));
        assert!(!backoff.is_open(NOW), "one failure is no outage");
    }

    #[test]
    fn repeated_failures_of_one_user_do_not_delay_other_users() {
        let backoff = Backoff::default();
        for _ in 0..100 {
            backoff.record_failure(NOW, None, &session_of("mallory"));
        }
        assert_eq!(backoff.record_failure(NOW, None, &session_of("alice")), UnixTime(101));
        assert!((102..=103).contains(&backoff.record_failure(NOW, None, &session_of("alice")).0));
        assert!(!backoff.is_open(NOW));
        backoff.record_failure(NOW, None, &session_of("bob"));
        assert!(backoff.is_open(NOW));
    }

    #[test]
    fn retry_after_pauses_all_refreshes_for_at_most_one_minute() {
        let backoff = Backoff::default();
        assert_eq!(
            backoff.record_failure(NOW, Some(Duration::from_secs(20)), &session_of("a")),
            UnixTime(120)
        );
        assert!(backoff.is_open(UnixTime(119)) && !backoff.is_open(UnixTime(120)));
        assert_eq!(
            backoff.record_failure(NOW, Some(Duration::from_secs(3600)), &session_of("a")),
            UnixTime(3700)
        );
        assert!(backoff.is_open(UnixTime(159)) && !backoff.is_open(UnixTime(160)));
        assert!(!backoff.is_open(UnixTime(50)), "a clock that was set back prolongs no pause");
    }
}
