//! Times on pages
//!
//! A page without a script does not know the time zone of the user. So it shows UTC, or how long ago a time was.

use jiff::Timestamp;

use crate::flow::ports::UnixTime;

/// A time to show, in UTC.
pub(super) struct UtcTime(Timestamp);

impl UtcTime {
    pub(super) fn new(time: UnixTime) -> Option<Self> {
        let seconds = i64::try_from(time.0).ok()?;
        Timestamp::from_second(seconds).ok().map(Self)
    }

    pub(super) fn rfc3339(&self) -> impl std::fmt::Display {
        self.0
    }

    pub(super) fn readable(&self) -> impl std::fmt::Display {
        self.0.strftime("%-d %b %Y, %H:%M UTC")
    }
}

/// The step at which a store records the last use. A shorter time would be more precise than what is known.
const STEP_SECONDS: u64 = 300;

/// Returns how long ago a time was, such as `3 hours ago`.
pub(super) fn ago(time: UnixTime, now: UnixTime) -> String {
    let seconds = now.seconds_since(time);
    let (count, unit) = match seconds {
        0..STEP_SECONDS => return "in the last 5 minutes".to_owned(),
        STEP_SECONDS..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_has_one_unit_and_is_not_more_precise_than_the_record() {
        let age = |seconds: u64| ago(UnixTime(1_000_000), UnixTime(1_000_000 + seconds));
        for (seconds, expected) in [
            (0, "in the last 5 minutes"),
            (299, "in the last 5 minutes"),
            (300, "5 minutes ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(age(seconds), expected, "{seconds}");
        }
        assert_eq!(ago(UnixTime(2), UnixTime(1)), "in the last 5 minutes", "the clock was set back");
    }
}
