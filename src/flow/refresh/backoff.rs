//! When is a provider asked again that did not answer?
//!
//! 1. A session is asked about less and less often.
//! 2. All sessions wait, a minute at most, once several persons in a row had no answer, or the provider asks for
//!    patience: one person for whom it always fails keeps nobody else waiting.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::flow::ports::{Refreshable, UnixTime};

/// After failures of so many persons in a row nobody asks for a while.
const USERS_FOR_OUTAGE: usize = 3;
/// The longest time between two attempts, in seconds, where the provider does not ask for more.
const MAX_SECONDS: u64 = 32;
/// The longest time that all wait, in seconds.
const MAX_SECONDS_FOR_ALL: u64 = 60;

/// How the provider fares.
#[derive(Default)]
pub(super) struct Backoff {
    row: Mutex<Row>,
    hasher: RandomState,
    until: AtomicU64,
}

/// The failures since it last answered.
#[derive(Default)]
struct Row {
    failures: u32,
    /// Whose they were, as numbers, and how many; no more persons than count.
    users: Vec<(u64, u32)>,
}

impl Backoff {
    /// Whether nobody shall ask now.
    pub(super) fn is_open(&self, now: UnixTime) -> bool {
        // Further ahead lies what a clock said that was set back.
        (now.0 + 1..=now.0 + MAX_SECONDS_FOR_ALL).contains(&self.until.load(Ordering::Relaxed))
    }

    /// It answered.
    pub(super) fn record_success(&self) {
        *self.row() = Row::default();
        self.until.store(0, Ordering::Relaxed);
    }

    /// It did not, or asked for patience: when this session's token may be sent again.
    pub(super) fn record_failure(
        &self,
        now: UnixTime,
        retry_after: Option<Duration>,
        session: &Refreshable,
    ) -> UnixTime {
        let (failures, users) = self.count(&session.subject);
        let base = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(MAX_SECONDS).clamp(1, MAX_SECONDS);
        // Sessions that failed together do not come back together.
        let spread = session.id.0.iter().map(|byte| u64::from(*byte)).sum::<u64>() % (base / 2 + 1);
        let own = UnixTime(now.0.saturating_add(base + spread));
        let until = retry_after.map_or(own, |wait| now.plus(wait).max(UnixTime(now.0 + 1)));
        if users >= USERS_FOR_OUTAGE || retry_after.is_some() {
            self.until.fetch_max(until.0.min(now.0 + MAX_SECONDS_FOR_ALL), Ordering::Relaxed);
        }
        until
    }

    /// How many failures say how long to wait, and of how many persons there were some: until it is an outage, only
    /// one's own count.
    fn count(&self, subject: &str) -> (u32, usize) {
        let user = self.hasher.hash_one(subject);
        let mut row = self.row();
        let Row { failures, users } = &mut *row;
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

    fn row(&self) -> MutexGuard<'_, Row> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn of(subject: &str) -> Refreshable {
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
    fn it_is_asked_less_and_less_often_and_all_wait_after_three_persons_had_no_answer() {
        let backoff = Backoff::default();
        let waits: Vec<u64> =
            ["a", "b", "c"].map(|subject| backoff.record_failure(NOW, None, &of(subject)).0 - NOW.0).into();
        assert!(waits[..2] == [1, 1] && (4..=6).contains(&waits[2]), "{waits:?}");
        assert!(backoff.is_open(UnixTime(103)) && !backoff.is_open(UnixTime(106)));
        let longest = (0..100).map(|_| backoff.record_failure(NOW, None, &of("a")).0 - NOW.0).max().unwrap();
        assert!((MAX_SECONDS..=MAX_SECONDS * 3 / 2).contains(&longest));
        backoff.record_success();
        assert!(!backoff.is_open(NOW));
        assert_eq!(backoff.record_failure(NOW, None, &of("a")), UnixTime(101));
        assert!(!backoff.is_open(NOW), "one failure is no outage");
    }

    #[test]
    fn one_person_for_whom_it_always_fails_keeps_nobody_else_waiting() {
        let backoff = Backoff::default();
        for _ in 0..100 {
            backoff.record_failure(NOW, None, &of("mallory"));
        }
        assert_eq!(backoff.record_failure(NOW, None, &of("alice")), UnixTime(101));
        assert!((102..=103).contains(&backoff.record_failure(NOW, None, &of("alice")).0));
        assert!(!backoff.is_open(NOW));
        backoff.record_failure(NOW, None, &of("bob"));
        assert!(backoff.is_open(NOW));
    }

    #[test]
    fn a_provider_that_asks_for_patience_gets_it_from_all_for_a_minute_at_most() {
        let backoff = Backoff::default();
        assert_eq!(backoff.record_failure(NOW, Some(Duration::from_secs(20)), &of("a")), UnixTime(120));
        assert!(backoff.is_open(UnixTime(119)) && !backoff.is_open(UnixTime(120)));
        assert_eq!(backoff.record_failure(NOW, Some(Duration::from_secs(3600)), &of("a")), UnixTime(3700));
        assert!(backoff.is_open(UnixTime(159)) && !backoff.is_open(UnixTime(160)));
        assert!(!backoff.is_open(UnixTime(50)), "a clock that was set back lets nobody wait longer");
    }
}
