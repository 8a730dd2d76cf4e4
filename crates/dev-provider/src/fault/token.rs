//! Faults of the JSON of the token endpoint (RFC 6749 §5)

use serde_json::{Map, Value, json};

use super::faults;

type Act = fn(&mut Body<'_>);

/// The members of the response. With the member `error`, the status is 400.
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
    IdTokenMissing, "token-id-token-missing", "refuse", "`id_token` is left out", |b| b.remove("id_token");
    IdTokenNull, "token-id-token-null", "refuse", "`id_token` is null", |b| b.set("id_token", Value::Null);
    IdTokenNumber, "token-id-token-number", "refuse",
        "`id_token` is a number",
        |b| b.set("id_token", json!(1));
    AccessTokenMissing, "token-access-token-missing", "refuse",
        "`access_token` is left out",
        |b| b.remove("access_token");
    TypeOddCase, "token-type-odd-case", "X20: accept",
        "`token_type` is `bEARER`",
        |b| b.set("token_type", json!("bEARER"));
    TypeMissing, "token-type-missing", "refuse", "`token_type` is left out", |b| b.remove("token_type");
    TypeMac, "token-type-mac", "refuse", "`token_type` is `mac`", |b| b.set("token_type", json!("mac"));
    ExpiresInMissing, "token-expires-in-missing", "X19: accept",
        "`expires_in` is left out",
        |b| b.remove("expires_in");
    ExpiresInText, "token-expires-in-text", "no crash",
        "`expires_in` is the string `300`",
        |b| b.set("expires_in", json!("300"));
    ExpiresInNegative, "token-expires-in-negative", "no crash",
        "`expires_in` is -1",
        |b| b.set("expires_in", json!(-1));
    ExpiresInHuge, "token-expires-in-huge", "no crash",
        "`expires_in` is 2^64 - 1",
        |b| b.set("expires_in", json!(u64::MAX));
    RefreshTokenMissing, "token-refresh-token-missing", "accept",
        "`refresh_token` is left out; in a refresh the old one stays valid",
        |b| b.remove("refresh_token");
    RefreshTokenEmpty, "token-refresh-token-empty", "no crash",
        "`refresh_token` is the empty string",
        |b| b.set("refresh_token", json!(""));
    ErrorInvalidGrant, "token-error-invalid-grant", "show an error page",
        "400 `invalid_grant`, although the code or token was redeemed",
        |b| b.refuse("invalid_grant", "the grant is not valid");
    ErrorControl, "token-error-control", "no log injection",
        "400 whose `error_description` contains CR, LF, ESC and a log line",
        |b| b.refuse("invalid_grant", "bad\r\nlevel=INFO forged=1 \u{1b}[31m\u{0}");
    ErrorHtml, "token-error-html", "no markup in pages",
        "400 whose `error` and `error_description` contain a script",
        |b| b.refuse("<script>alert(1)</script>", "<img src=x onerror=alert(1)>");
    RefreshExpiresInMissing, "token-refresh-expires-in-missing", "accept",
        "`refresh_expires_in` is left out",
        |b| b.remove("refresh_expires_in");
    RefreshExpiresInZero, "token-refresh-expires-in-zero", "no expiry",
        "`refresh_expires_in` is 0",
        |b| b.set("refresh_expires_in", json!(0));
    ErrorInvalidClient, "token-error-invalid-client", "keep the session",
        "401 `invalid_client`, and nothing is redeemed",
        |_| ();
    KeysRotated, "keys-rotated-before-signing", "D04",
        "a new key signs this response and is the only published key from then on",
        |_| ();
}

impl TokenFault {
    pub(crate) fn apply(self, body: &mut Map<String, Value>) {
        self.action()(&mut Body(body));
    }
}
