//! Faults of the userinfo response (Core §5.3)

use serde_json::{Map, Value, json};

use super::faults;

/// The change that a fault makes: to the claims, to their format, or to the authorization.
pub(crate) enum Act {
    Claims(fn(&mut Map<String, Value>)),
    Signed,
    Refused,
}

faults! {
    /// A faulty response of userinfo.
    UserinfoFault: Act;
    SubChanged, "userinfo-sub-changed", "C15",
        "`sub` has `invalid` at its end",
        Act::Claims(|claims| {
            let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
            let sub = json!(format!("{sub}invalid"));
            claims.insert("sub".to_owned(), sub);
        });
    SubMissing, "userinfo-sub-missing", "refuse",
        "`sub` is left out",
        Act::Claims(|claims| { claims.remove("sub"); });
    OnlySub, "userinfo-only-sub", "C18",
        "only `sub` is present",
        Act::Claims(|claims| claims.retain(|name, _| name == "sub"));
    Signed, "userinfo-signed", "U03",
        "the claims are a signed JWT with `iss` and `aud`, sent as `application/jwt`",
        Act::Signed;
    Refused, "userinfo-refused", "no session",
        "401 with `error=\"invalid_token\"` for a valid token",
        Act::Refused;
}

impl UserinfoFault {
    pub(crate) fn act(self) -> Act {
        self.action()
    }
}
