//! Authentication time and class of an ID token (OpenID Connect Core §2), and what the settings require of them
//!
//! 1. `auth_time` is used if it is a positive number and at most the leeway ahead of the local clock. A time further
//!    ahead would count as recent for that much longer.
//! 2. `acr` is used if it is a string of 1 to 255 bytes.
//!
//! Any other value is treated as absent.
//!
//! 3. If `max_age` is configured, a sign-in needs an `auth_time` that is not older, plus the leeway (§3.1.3.7, rule 13).
//!    A refresh does not, because the user is not present.
//! 4. If `provider.required_acr` is set, a sign-in needs one of its values. A refresh may leave `acr` out, but not
//!    change it to another value.
//! 5. A value that is only requested by `acr_values` is voluntary (§3.1.2.1): another one is logged.

use std::time::Duration;

use tracing::info;

use super::json_object::UniqueJsonObject;
use super::numeric_date::time;
use super::settings::ProviderSettings;
use crate::access::quoted::quoted;
use crate::flow::ports::{Authentication, ExchangeError, UnixTime};

/// The parameter that requests values of `acr` (§3.1.2.1).
pub(super) const ACR_VALUES: &str = "acr_values";

/// The parameter that limits the age of an authentication, in seconds (§3.1.2.1).
pub(super) const MAX_AGE: &str = "max_age";

const BAD_MAX_AGE: &str = "max_age in provider.authorization_parameters is not a whole number of seconds";

/// A longer `acr` cannot be a configured class, so it is treated as absent.
pub const MAX_ACR_BYTES: usize = 255;

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

/// Checks the authentication of a sign-in. Logs an `acr` that was requested in vain, but is not required.
pub(super) fn check_sign_in(
    settings: &ProviderSettings,
    found: &Authentication,
    now: UnixTime,
) -> Result<(), ExchangeError> {
    let parameters = &settings.authorization_parameters;
    if let Some(max_age) = parameters.get(MAX_AGE) {
        // The configuration accepts only a number here.
        let seconds = max_age.parse().map_err(|_| ExchangeError::Misconfigured(BAD_MAX_AGE.to_owned()))?;
        check_age(Duration::from_secs(seconds), settings.leeway, found.auth_time, now)?;
    }
    if !settings.required_acr.is_empty() {
        return check_acr(&settings.required_acr, found.acr.as_deref());
    }
    if let Some(requested) = parameters.get(ACR_VALUES) {
        log_other_acr(requested, found.acr.as_deref());
    }
    Ok(())
}

/// Checks the authentication that the ID token of a refresh states. Returns the reason if it is not acceptable.
pub(super) fn check_refresh(settings: &ProviderSettings, found: &Authentication) -> Result<(), String> {
    let required = &settings.required_acr;
    match &found.acr {
        Some(acr) if !required.is_empty() && !required.contains(acr) => Err(other_acr(acr)),
        _ => Ok(()),
    }
}

fn check_age(
    max_age: Duration,
    leeway: Duration,
    auth_time: Option<UnixTime>,
    now: UnixTime,
) -> Result<(), ExchangeError> {
    let auth_time = auth_time.ok_or_else(|| ExchangeError::Misconfigured(NO_AUTH_TIME.to_owned()))?;
    if auth_time.plus(max_age).plus(leeway) >= now {
        return Ok(());
    }
    Err(ExchangeError::InsufficientAuthentication(format!(
        "the user signed in at the provider {} s ago (auth_time), but provider.authorization_parameters.max_age is {} s \
         and the provider did not ask the user again; check that it supports max_age",
        now.seconds_since(auth_time),
        max_age.as_secs()
    )))
}

const NO_AUTH_TIME: &str = "provider.authorization_parameters.max_age is set, but the ID token has no auth_time that is \
                            a number and not in the future, so the provider does not support max_age; remove it, or \
                            configure the provider to send auth_time";

fn check_acr(required: &[String], found: Option<&str>) -> Result<(), ExchangeError> {
    match found {
        Some(acr) if required.iter().any(|required| required == acr) => Ok(()),
        Some(acr) => Err(ExchangeError::InsufficientAuthentication(other_acr(acr))),
        None => Err(ExchangeError::Misconfigured(NO_ACR.to_owned())),
    }
}

const NO_ACR: &str = "provider.required_acr is set, but the ID token has no acr that is a text of at most 255 bytes; \
                      configure the provider to send it, or remove the setting";

fn other_acr(acr: &str) -> String {
    format!("the ID token's acr is \"{}\", which is not in provider.required_acr", quoted(acr))
}

fn log_other_acr(requested: &str, found: Option<&str>) {
    if !found.is_some_and(|acr| requested.split_whitespace().any(|requested| requested == acr)) {
        let acr = found.map(quoted);
        info!(acr, "signed in with another acr than provider.authorization_parameters.acr_values requests");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::provider::testing::{Log, settings};

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

    fn settings_with(parameters: &[(&str, &str)], required_acr: &[&str]) -> ProviderSettings {
        let mut settings = settings("https://op.test");
        let pairs = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        settings.authorization_parameters = pairs.collect();
        settings.required_acr = required_acr.iter().map(|acr| (*acr).to_owned()).collect();
        settings.leeway = Duration::from_secs(60);
        settings
    }

    /// Returns how a sign-in ends at second 10,000, in one word and with its text.
    fn outcome(
        settings: &ProviderSettings,
        auth_time: Option<u64>,
        acr: Option<&str>,
    ) -> (&'static str, String) {
        let found = Authentication { auth_time: auth_time.map(UnixTime), acr: acr.map(str::to_owned) };
        match check_sign_in(settings, &found, UnixTime(10_000)) {
            Ok(()) => ("accepted", String::new()),
            Err(ExchangeError::Misconfigured(text)) => ("misconfigured", text),
            Err(ExchangeError::InsufficientAuthentication(text)) => ("insufficient", text),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn sign_in_with_max_age_needs_an_auth_time_within_it_and_the_leeway() {
        let with_max_age = settings_with(&[("max_age", "3600")], &[]);
        for (auth_time, expected) in [
            (Some(10_000), "accepted"),
            (Some(10_060), "accepted"),
            (Some(6340), "accepted"),
            (Some(6339), "insufficient"),
            (Some(1), "insufficient"),
            (None, "misconfigured"),
        ] {
            let (found, text) = outcome(&with_max_age, auth_time, None);
            assert_eq!(found, expected, "{auth_time:?}");
            assert!(text.is_empty() || text.contains("max_age"), "{text}");
            assert_eq!(outcome(&settings_with(&[], &[]), auth_time, None).0, "accepted", "without max_age");
        }
        let too_old = outcome(&with_max_age, Some(6000), None).1;
        assert!(too_old.contains("4000 s ago") && too_old.contains("max_age is 3600 s"), "{too_old}");
        let always = settings_with(&[("max_age", "0")], &[]);
        assert_eq!(
            [outcome(&always, Some(9940), None).0, outcome(&always, Some(9939), None).0],
            ["accepted", "insufficient"]
        );
    }

    #[test]
    fn sign_in_needs_one_of_the_required_acr() {
        let required = settings_with(&[("acr_values", "bronze")], &["gold", "silver"]);
        for (acr, expected) in [
            (Some("gold"), "accepted"),
            (Some("silver"), "accepted"),
            (Some("bronze"), "insufficient"),
            (Some("gold silver"), "insufficient"),
            (Some("Gold"), "insufficient"),
            (None, "misconfigured"),
        ] {
            assert_eq!(outcome(&required, None, acr).0, expected, "{acr:?}");
        }
        let text = outcome(&required, None, Some("iron\nlevel=error")).1;
        assert_eq!(text, "the ID token's acr is \"ironlevel=error\", which is not in provider.required_acr");
    }

    #[test]
    fn refresh_may_omit_the_required_acr_but_not_change_it() {
        let check = |settings: &ProviderSettings, acr: Option<&str>| {
            let found = Authentication { auth_time: Some(UnixTime(1)), acr: acr.map(str::to_owned) };
            check_refresh(settings, &found)
        };
        let required = settings_with(&[("max_age", "1")], &["gold"]);
        assert_eq!([check(&required, Some("gold")), check(&required, None)], [Ok(()), Ok(())]);
        let why = check(&required, Some("iron")).unwrap_err();
        assert!(why.contains("iron") && why.contains("provider.required_acr"), "{why}");
        assert_eq!(check(&settings_with(&[], &[]), Some("iron")), Ok(()));
    }

    #[test]
    fn acr_other_than_the_requested_ones_is_logged_once_and_accepted() {
        let requested = settings_with(&[("acr_values", "gold silver")], &[]);
        for (acr, lines) in [(Some("gold"), 0), (Some("silver"), 0), (Some("iron"), 1), (None, 1)] {
            let log = Log::default();
            let guard = log.listen();
            assert_eq!(outcome(&requested, None, acr).0, "accepted", "{acr:?}");
            drop(guard);
            assert_eq!(log.text().matches("acr_values").count(), lines, "{acr:?}: {}", log.text());
            assert!(acr != Some("iron") || log.text().contains("iron"), "{}", log.text());
        }
    }
}
