//! Faults of the JSON of the token endpoint (RFC 6749 §5)

use serde_json::{Map, Value, json};

use super::faults;

/// The change that a fault makes: to the response, to its refusal, or to the keys.
pub(crate) enum Act {
    Body(fn(&mut Body<'_>)),
    /// This error. The request redeems nothing.
    Refuse(Refusal),
    RotateKeys,
}

/// An error response (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) description: Description,
}

/// The text of `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Description {
    Short(&'static str),
    /// 1,500 characters. The remedy ends at character 1,000.
    Long,
}

/// The end of the first 1,000 characters of a long description.
const REMEDY: &str = "Remedy: change the settings of this client.";
const LONG_CHARS: usize = 1500;
const REMEDY_END: usize = 1000;
const FILLER: &str = "The provider could not process this request of the client. ";

/// The members of the response. With the member `error`, the status is 400 and the grant was redeemed.
pub(crate) struct Body<'a>(&'a mut Map<String, Value>);

impl Body<'_> {
    fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    fn refuse(&mut self, error: &str, description: &str) {
        self.0.clear();
        self.set("error", json!(error));
        self.set("error_description", json!(description));
    }
}

faults! {
    /// A faulty response of the token endpoint.
    TokenFault: Act;
    IdTokenMissing, "token-id-token-missing", "refuse", "`id_token` is left out", Act::Body(|b| b.remove("id_token"));
    IdTokenNull, "token-id-token-null", "refuse", "`id_token` is null", Act::Body(|b| b.set("id_token", Value::Null));
    IdTokenNumber, "token-id-token-number", "refuse",
        "`id_token` is a number",
        Act::Body(|b| b.set("id_token", json!(1)));
    AccessTokenMissing, "token-access-token-missing", "refuse",
        "`access_token` is left out",
        Act::Body(|b| b.remove("access_token"));
    TypeOddCase, "token-type-odd-case", "X20: accept",
        "`token_type` is `bEARER`",
        Act::Body(|b| b.set("token_type", json!("bEARER")));
    TypeMissing, "token-type-missing", "refuse", "`token_type` is left out", Act::Body(|b| b.remove("token_type"));
    TypeMac, "token-type-mac", "refuse", "`token_type` is `mac`", Act::Body(|b| b.set("token_type", json!("mac")));
    ExpiresInMissing, "token-expires-in-missing", "X19: accept",
        "`expires_in` is left out",
        Act::Body(|b| b.remove("expires_in"));
    ExpiresInText, "token-expires-in-text", "no crash",
        "`expires_in` is the string `300`",
        Act::Body(|b| b.set("expires_in", json!("300")));
    ExpiresInNegative, "token-expires-in-negative", "no crash",
        "`expires_in` is -1",
        Act::Body(|b| b.set("expires_in", json!(-1)));
    ExpiresInHuge, "token-expires-in-huge", "no crash",
        "`expires_in` is 2^64 - 1",
        Act::Body(|b| b.set("expires_in", json!(u64::MAX)));
    RefreshTokenMissing, "token-refresh-token-missing", "accept",
        "`refresh_token` is left out; in a refresh the old one stays valid",
        Act::Body(|b| b.remove("refresh_token"));
    RefreshTokenEmpty, "token-refresh-token-empty", "no crash",
        "`refresh_token` is the empty string",
        Act::Body(|b| b.set("refresh_token", json!("")));
    ErrorInvalidGrant, "token-error-invalid-grant", "show an error page",
        "400 `invalid_grant`, although the code or token was redeemed",
        Act::Body(|b| b.refuse("invalid_grant", "the grant is not valid"));
    ErrorControl, "token-error-control", "no log injection",
        "400 whose `error_description` contains CR, LF, ESC and a log line",
        Act::Body(|b| b.refuse("invalid_grant", "bad\r\nlevel=INFO forged=1 \u{1b}[31m\u{0}"));
    ErrorHtml, "token-error-html", "no markup in pages",
        "400 whose `error` and `error_description` contain a script",
        Act::Body(|b| b.refuse("<script>alert(1)</script>", "<img src=x onerror=alert(1)>"));
    RefreshExpiresInMissing, "token-refresh-expires-in-missing", "accept",
        "`refresh_expires_in` is left out",
        Act::Body(|b| b.remove("refresh_expires_in"));
    RefreshExpiresInZero, "token-refresh-expires-in-zero", "no expiry",
        "`refresh_expires_in` is 0",
        Act::Body(|b| b.set("refresh_expires_in", json!(0)));
    ErrorInvalidClient, "token-error-invalid-client", "keep the session",
        "401 `invalid_client`, and nothing is redeemed",
        refuse(401, "invalid_client", Description::Short("client authentication failed"));
    KeysRotated, "keys-rotated-before-signing", "D04",
        "a new key signs this response and is the only published key from then on",
        Act::RotateKeys;
    ScopeMissing, "token-scope-missing", "accept", "`scope` is left out", Act::Body(|b| b.remove("scope"));
    ScopeList, "token-scope-list", "accept",
        "`scope` is the list of one entry, `openid`",
        Act::Body(|b| b.set("scope", json!(["openid"])));
    ExpiresInNull, "token-expires-in-null", "accept",
        "`expires_in` is null",
        Act::Body(|b| b.set("expires_in", Value::Null));
    ExpiresInFraction, "token-expires-in-fraction", "accept",
        "`expires_in` is 300.5",
        Act::Body(|b| b.set("expires_in", json!(300.5)));
    RefreshTokenNull, "token-refresh-token-null", "accept",
        "`refresh_token` is null; in a refresh the old one stays valid",
        Act::Body(|b| b.set("refresh_token", Value::Null));
    RefreshTokenNumber, "token-refresh-token-number", "no crash",
        "`refresh_token` is a number",
        Act::Body(|b| b.set("refresh_token", json!(7)));
    AccessTokenNumber, "token-access-token-number", "refuse",
        "`access_token` is a number",
        Act::Body(|b| b.set("access_token", json!(7)));
    ExtraMembers, "token-extra-members", "accept",
        "six members with names that no standard defines: an object, a list, a number, null, true and a string",
        Act::Body(add_extra_members);
    ErrorInvalidScope, "token-error-invalid-scope", "name the remedy",
        "400 `invalid_scope` with 1,500 characters, and nothing is redeemed; the remedy ends at character 1,000",
        refuse(400, "invalid_scope", Description::Long);
    ErrorUnauthorizedClient, "token-error-unauthorized-client", "name the remedy",
        "400 `unauthorized_client`, else as `token-error-invalid-scope`",
        refuse(400, "unauthorized_client", Description::Long);
    ErrorInvalidRequest, "token-error-invalid-request", "name the remedy",
        "400 `invalid_request`, else as `token-error-invalid-scope`",
        refuse(400, "invalid_request", Description::Long);
    ErrorInvalidClientLong, "token-error-invalid-client-long", "name the remedy",
        "401 `invalid_client`, else as `token-error-invalid-scope`",
        refuse(401, "invalid_client", Description::Long);
    ErrorUnauthorizedClient401, "token-error-unauthorized-client-401", "keep the session",
        "401 `unauthorized_client`, as Keycloak answers to a wrong secret, and nothing is redeemed",
        refuse(401, "unauthorized_client", Description::Short("Invalid client or Invalid client credentials"));
    ErrorTemporarilyUnavailable, "token-error-temporarily-unavailable", "try again",
        "400 `temporarily_unavailable`, and nothing is redeemed",
        refuse(400, "temporarily_unavailable", Description::Short("the provider is restarting"));
    ErrorTemporarilyUnavailable503, "token-error-temporarily-unavailable-503", "try again",
        "503 `temporarily_unavailable` as JSON, and nothing is redeemed",
        refuse(503, "temporarily_unavailable", Description::Short("the provider is restarting"));
}

impl TokenFault {
    /// Returns the error that replaces the whole response, if this fault has one.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self.action() {
            Act::Refuse(refusal) => Some(refusal),
            Act::Body(_) | Act::RotateKeys => None,
        }
    }

    pub(crate) fn apply(self, body: &mut Map<String, Value>) {
        if let Act::Body(change) = self.action() {
            change(&mut Body(body));
        }
    }

    /// Returns whether a refresh keeps the presented token valid, because the response has no other.
    pub(crate) fn keeps_refresh_token(self) -> bool {
        matches!(self, Self::RefreshTokenMissing | Self::RefreshTokenNull)
    }
}

impl Description {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Short(text) => text.to_owned(),
            Self::Long => {
                let filler = |chars: usize| FILLER.chars().cycle().take(chars).collect::<String>();
                let before = filler(REMEDY_END.saturating_sub(REMEDY.len()));
                format!("{before}{REMEDY}{}", filler(LONG_CHARS - REMEDY_END))
            }
        }
    }
}

const fn refuse(status: u16, error: &'static str, description: Description) -> Act {
    Act::Refuse(Refusal { status, error, description })
}

fn add_extra_members(body: &mut Body<'_>) {
    body.set("x_object", json!({ "not-before-policy": 0, "nested": [{}] }));
    body.set("x_list", json!(["a", 1, null]));
    body.set("x_number", json!(1.5));
    body.set("x_null", Value::Null);
    body.set("x_true", json!(true));
    body.set("x_text", json!("text"));
}
