//! Event of a logout token (OpenID Connect Back-Channel Logout §2.4)

use serde_json::Value;

use super::json_object::UniqueJsonObject;

/// The member of `events` that makes a token a logout token.
pub(super) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Returns whether the claims contain the event as an object. Other events are ignored.
pub(super) fn is_logout(claims: &UniqueJsonObject) -> bool {
    claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object)
}
