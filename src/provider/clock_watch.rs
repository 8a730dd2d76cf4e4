//! Comparison of the provider's clock with the local clock
//!
//! 1. The `Date` of every response (RFC 9110 §6.6.1) is compared with the local time between request and response. If
//!    a cache sent the response, its `Age` is added (RFC 9111 §5.1).
//! 2. A difference of more than 30 seconds is logged as a warning, at most once in ten minutes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use tracing::warn;

use crate::flow::ports::{Clock, UnixTime};

const MAX_DIFFERENCE_SECONDS: u64 = 30;
const WARNING_INTERVAL_SECONDS: u64 = 600;

/// Compares the two clocks and logs a warning if they differ.
pub(super) struct ClockWatch {
    clock: Arc<dyn Clock>,
    next_warning: AtomicU64,
}

/// Two clocks that differ.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    provider: UnixTime,
    here: UnixTime,
}

impl ClockWatch {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, next_warning: AtomicU64::new(0) }
    }

    pub(super) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Checks the headers of a response whose request was sent at `requested_at`.
    pub(super) fn check_response(&self, headers: &HeaderMap, requested_at: UnixTime) {
        let now = self.now();
        let Some(difference) = difference(headers, requested_at, now).filter(|_| self.is_due(now)) else {
            return;
        };
        warn!(
            provider_time = text(difference.provider),
            time_here = text(difference.here),
            "the clocks of the provider and of this machine differ by more than {MAX_DIFFERENCE_SECONDS} seconds, and \
             sign-ins can fail; synchronize both clocks (NTP)"
        );
    }

    fn is_due(&self, now: UnixTime) -> bool {
        let due = self.next_warning.load(Ordering::Relaxed);
        let next = now.0.saturating_add(WARNING_INTERVAL_SECONDS);
        // A clock that was set back must not suppress warnings for longer than the interval.
        let warned_recently = now.0 < due && due - now.0 <= WARNING_INTERVAL_SECONDS;
        !warned_recently
            && self.next_warning.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn difference(headers: &HeaderMap, requested_at: UnixTime, now: UnixTime) -> Option<Difference> {
    let date = DateTimeParser::new().parse_timestamp(field(headers, &header::DATE)?).ok()?;
    let age = field(headers, &header::AGE).and_then(|age| age.parse().ok()).unwrap_or(0);
    let provider = UnixTime(u64::try_from(date.as_second()).ok()?.saturating_add(age));
    let here = UnixTime(provider.0.clamp(requested_at.0.min(now.0), now.0));
    (provider.0.abs_diff(here.0) > MAX_DIFFERENCE_SECONDS).then_some(Difference { provider, here })
}

fn field<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn text(time: UnixTime) -> String {
    let time = i64::try_from(time.0).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "unknown".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Log, NOW, SetClock};
    use super::*;

    /// 15 January 2027, 8:00 UTC.
    const DATE_NOW: &str = "Fri, 15 Jan 2027 08:00:00 GMT";

    fn headers(date: &str, age: Option<&str>) -> HeaderMap {
        let date = [(header::DATE, date.parse().unwrap())];
        date.into_iter().chain(age.map(|age| (header::AGE, age.parse().unwrap()))).collect()
    }

    fn differs(date: &str, age: Option<&str>, requested_at: i64, now: i64) -> bool {
        let at = |seconds| UnixTime(NOW.0.saturating_add_signed(seconds));
        difference(&headers(date, age), at(requested_at), at(now)).is_some()
    }

    #[test]
    fn clock_difference_ignores_half_a_minute_and_the_response_time() {
        assert!(!differs(DATE_NOW, None, 0, 0) && !differs(DATE_NOW, None, 30, 30));
        assert!(differs(DATE_NOW, None, 31, 31) && differs(DATE_NOW, None, -31, -31));
        assert!(!differs(DATE_NOW, None, -60, 20) && !differs(DATE_NOW, None, -5, 60));
        assert!(!differs(DATE_NOW, Some("3600"), 3600, 3600), "a cache kept it for an hour");
    }

    #[test]
    fn invalid_date_header_is_no_clock_difference() {
        for no_date in ["", "soon", "0", "Fri, 15 Jan 2027", "Thu, 01 Jan 1960 00:00:00 GMT"] {
            assert!(!differs(no_date, None, 0, 0), "{no_date}");
        }
        assert_eq!(difference(&HeaderMap::new(), NOW, NOW), None);
    }

    #[test]
    fn clock_warning_names_both_times_once_in_ten_minutes() {
        let (clock, log) = (SetClock::new(), Log::default());
        let watch = ClockWatch::new(Arc::clone(&clock) as _);
        let _guard = log.listen();
        let wrong = headers("Fri, 15 Jan 2027 09:00:00 GMT", None);
        for (wait, lines) in [(0, 1), (1, 1), (598, 1), (1, 2), (5, 2)] {
            clock.0.fetch_add(wait, Ordering::SeqCst);
            watch.check_response(&wrong, watch.now());
            assert_eq!(log.text().lines().count(), lines, "{}", log.text());
        }
        let text = log.text();
        assert!(text.contains("WARN") && text.contains("NTP"), "{text}");
        assert!(text.contains("2027-01-15T09:00:00Z") && text.contains("2027-01-15T08:00:00Z"), "{text}");
        watch.check_response(&headers(DATE_NOW, None), watch.now());
    }
}
