//! Authentication time and class of an ID token (OpenID Connect Core §2)
//!
//! 1. `auth_time` is used if it is a positive number and at most the leeway ahead of the local clock. A time further
//!    ahead would count as recent for that much longer.
//! 2. `acr` is used if it is a string of 1 to 255 bytes.
//!
//! Any other value is treated as absent, because no sign-in depends on it.

use std::time::Duration;

use super::json_object::UniqueJsonObject;
use super::numeric_date::time;
use crate::flow::ports::{Authentication, UnixTime};

/// A longer value cannot be a configured class, so it is treated as absent.
const MAX_ACR_BYTES: usize = 255;

/// Returns the authentication time and class that the claims of an ID token state.
pub(super) fn authentication(claims: &UniqueJsonObject, leeway: Duration, now: UnixTime) -> Authentication {
    let latest = now.plus(leeway);
    let auth_time = claims.get("auth_time").and_then(time);
    let acr = claims.text("acr").filter(|acr| (1..=MAX_ACR_BYTES).contains(&acr.len()));
    Authentication {
        auth_time: auth_time.filter(|time| (UnixTime(1)..=latest).contains(time)),
        acr: acr.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(claims: &Value) -> Authentication {
        let claims = UniqueJsonObject::read(claims.to_string().as_bytes()).unwrap();
        authentication(&claims, Duration::from_secs(60), UnixTime(1000))
    }

    #[test]
    fn auth_time_in_the_future_or_not_a_number_is_ignored() {
        for (value, seconds) in [
            (json!(1), Some(1)),
            (json!(999.9), Some(999)),
            (json!(1060), Some(1060)),
            (json!(1061), None),
            (json!(u64::MAX), None),
            (json!(0), None),
            (json!(-5), None),
            (json!("999"), None),
            (json!(null), None),
        ] {
            assert_eq!(read(&json!({"auth_time": value})).auth_time, seconds.map(UnixTime), "{value}");
        }
    }

    #[test]
    fn acr_is_used_only_if_it_is_a_short_string() {
        let longest = "x".repeat(MAX_ACR_BYTES);
        for (value, acr) in [
            (json!("urn:mace:incommon:iap:silver"), Some("urn:mace:incommon:iap:silver")),
            (json!(longest), Some(&*longest)),
            (json!(format!("{longest}x")), None),
            (json!(""), None),
            (json!(1), None),
            (json!(["1"]), None),
        ] {
            assert_eq!(read(&json!({"acr": value})).acr.as_deref(), acr, "{value}");
        }
    }

    #[test]
    fn absent_claims_are_none() {
        assert_eq!(read(&json!({})), Authentication::default());
    }
}
