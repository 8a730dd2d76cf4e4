//! What can be wrong with the answer of userinfo (Core §5.3)?

use serde_json::{Map, Value, json};

use super::faults;

/// What is changed: the claims, the form they are sent in, or the permission.
pub(crate) enum Act {
    Claims(fn(&mut Map<String, Value>)),
    Signed,
    Refused,
}

faults! {
    /// A wrong answer of userinfo.
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
        "nothing but `sub` is there",
        Act::Claims(|claims| claims.retain(|name, _| name == "sub"));
    Signed, "userinfo-signed", "U03",
        "the claims come as a signed JWT with `iss` and `aud`, as `application/jwt`",
        Act::Signed;
    Refused, "userinfo-refused", "no session on it",
        "401 with `error=\"invalid_token\"` for a good token",
        Act::Refused;
}

impl UserinfoFault {
    pub(crate) fn act(self) -> Act {
        self.action()
    }
}
