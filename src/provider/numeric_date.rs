//! Times in tokens (`NumericDate`, RFC 7519 §2)

use std::time::Duration;

use serde_json::Value;

use crate::flow::ports::UnixTime;

/// Returns the whole seconds of a number of any size, without its fraction. Returns `None` if the value is not a
/// number.
pub(super) fn time(value: &Value) -> Option<UnixTime> {
    if let Some(seconds) = value.as_u64() {
        return Some(UnixTime(seconds));
    }
    let seconds = value.as_f64()?;
    let far = if seconds > 0.0 { u64::MAX } else { 0 };
    Some(UnixTime(Duration::try_from_secs_f64(seconds).map_or(far, |time| time.as_secs())))
}
