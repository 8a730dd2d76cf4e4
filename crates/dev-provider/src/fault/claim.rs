//! Faults of the protocol's claims in an ID token (Core §2 and §3.1.3.7)

use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::faults;

/// An action on the claims.
pub(crate) type Act = fn(&mut Claims<'_>, &Facts<'_>);

/// The claims of a token, with methods that change them.
pub(crate) struct Claims<'a>(pub(crate) &'a mut Map<String, Value>);

impl Claims<'_> {
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Appends to a string. A value of another type is replaced by the appended text.
    pub(crate) fn append(&mut self, name: &str, end: &str) {
        let text = self.0.get(name).and_then(Value::as_str).unwrap_or_default();
        self.set(name, json!(format!("{text}{end}")));
    }
}

faults! {
    /// A faulty claim of the protocol.
    ClaimFault: Act;
    IssChanged, "iss-changed", "C02, T02, X03", "`iss` has a `1` at its end", |c, _| c.append("iss", "1");
    IssMissing, "iss-missing", "X12", "`iss` is left out", |c, _| c.remove("iss");
    IssSlash, "iss-slash", "refuse",
        "`iss` has one slash more or less at its end",
        |c, f| c.set("iss", json!(other_slash(f.issuer)));
    IssNotText, "iss-not-text", "refuse",
        "`iss` is a list that contains the issuer",
        |c, f| c.set("iss", json!([f.issuer]));
    SubMissing, "sub-missing", "C03", "`sub` is left out", |c, _| c.remove("sub");
    SubEmpty, "sub-empty", "refuse", "`sub` is the empty string", |c, _| c.set("sub", json!(""));
    SubNumber, "sub-number", "refuse", "`sub` is a number", |c, _| c.set("sub", json!(1001));
    SubNull, "sub-null", "refuse", "`sub` is null", |c, _| c.set("sub", Value::Null);
    SubChanged, "sub-changed", "T03", "`sub` has a `1` at its end", |c, _| c.append("sub", "1");
    AudChanged, "aud-changed", "C04, X04", "`aud` has a `1` at its end", |c, _| c.append("aud", "1");
    AudMissing, "aud-missing", "C05, X11", "`aud` is left out", |c, _| c.remove("aud");
    AudEmptyList, "aud-empty-list", "refuse", "`aud` is an empty list", |c, _| c.set("aud", json!([]));
    AudList, "aud-list", "X08: accept",
        "`aud` is a list that contains only the client",
        |c, f| c.set("aud", json!([f.client_id]));
    AudUnknownSecond, "aud-unknown-second", "X05",
        "`aud` is a list of the client and `unknown-audience`",
        |c, f| c.set("aud", json!([f.client_id, "unknown-audience"]));
    AudThousand, "aud-thousand", "refuse",
        "`aud` is a list of a thousand entries, the client last",
        |c, f| c.set("aud", thousand(f.client_id));
    AudNumber, "aud-number", "refuse", "`aud` is a number", |c, _| c.set("aud", json!(1));
    AzpOther, "azp-other", "refuse",
        "`azp` is `another-client`",
        |c, _| c.set("azp", json!("another-client"));
    AzpMissing, "azp-missing", "accept", "`azp` is left out", |c, _| c.remove("azp");
    AzpMissingSeveralAud, "azp-missing-several-aud", "refuse",
        "`aud` is as in `aud-unknown-second` and `azp` is left out",
        |c, f| { c.set("aud", json!([f.client_id, "unknown-audience"])); c.remove("azp"); };
    ExpMissing, "exp-missing", "X10", "`exp` is left out", |c, _| c.remove("exp");
    ExpPast, "exp-past", "C07, X09",
        "`exp` is six minutes in the past",
        |c, f| c.set("exp", json!(f.now.saturating_sub(360)));
    ExpHuge, "exp-huge", "row 21", "`exp` is the number 1e300", |c, _| c.set("exp", json!(1e300));
    ExpText, "exp-text", "refuse",
        "`exp` is a string with the correct digits",
        |c, f| c.set("exp", json!((f.now + 300).to_string()));
    ExpNegative, "exp-negative", "refuse", "`exp` is -1", |c, _| c.set("exp", json!(-1));
    ExpFraction, "exp-fraction", "accept",
        "`exp` is five minutes and half a second in the future",
        |c, f| c.set("exp", fraction(f.now + 300));
    NbfFuture, "nbf-future", "refuse", "`nbf` is an hour in the future", |c, f| c.set("nbf", json!(f.now + 3600));
    IatMissing, "iat-missing", "C06", "`iat` is left out", |c, _| c.remove("iat");
    IatFuture, "iat-future", "refuse", "`iat` is an hour in the future", |c, f| c.set("iat", json!(f.now + 3600));
    IatOld, "iat-old", "refuse",
        "`iat` is twelve minutes in the past",
        |c, f| c.set("iat", json!(f.now.saturating_sub(720)));
    IatText, "iat-text", "refuse",
        "`iat` is a string with the correct digits",
        |c, f| c.set("iat", json!(f.now.to_string()));
    NonceChanged, "nonce-changed", "C16, X13", "`nonce` has a `1` at its end", |c, _| c.append("nonce", "1");
    NonceMissing, "nonce-missing", "X14", "`nonce` is left out", |c, _| c.remove("nonce");
    NonceEmpty, "nonce-empty", "refuse", "`nonce` is the empty string", |c, _| c.set("nonce", json!(""));
    NonceNumber, "nonce-number", "refuse", "`nonce` is a number", |c, _| c.set("nonce", json!(7));
    AtHashChanged, "at-hash-changed", "H03",
        "`at_hash` is that of another token",
        |c, _| c.set("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"));
    AtHashMissing, "at-hash-missing", "H04: accept with a code",
        "`at_hash` is left out",
        |c, _| c.remove("at_hash");
    AcrUnexpected, "acr-unexpected", "accept unless requested", "`acr` is `0`", |c, _| c.set("acr", json!("0"));
    AcrNumber, "acr-number", "no crash", "`acr` is a number", |c, _| c.set("acr", json!(0));
    AuthTimeMissing, "auth-time-missing", "refuse with max_age",
        "`auth_time` is left out",
        |c, _| c.remove("auth_time");
    AuthTimeText, "auth-time-text", "refuse with max_age",
        "`auth_time` is a string",
        |c, f| c.set("auth_time", json!(f.now.to_string()));
    AuthTimeOld, "auth-time-old", "refuse with max_age",
        "`auth_time` is 1, in 1970",
        |c, _| c.set("auth_time", json!(1));
    AuthTimeFuture, "auth-time-future", "refuse with max_age",
        "`auth_time` is an hour in the future",
        |c, f| c.set("auth_time", json!(f.now + 3600));
    SidMissing, "sid-missing", "accept", "`sid` is left out", |c, _| c.remove("sid");
    SidNumber, "sid-number", "no crash", "`sid` is a number", |c, _| c.set("sid", json!(7));
}

impl ClaimFault {
    pub(crate) fn apply(self, claims: &mut Map<String, Value>, facts: &Facts<'_>) {
        self.action()(&mut Claims(claims), facts);
    }
}

/// Returns the issuer with one slash more or less at its end, which a careless comparison would accept.
pub(crate) fn other_slash(issuer: &str) -> String {
    issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned)
}

fn thousand(client_id: &str) -> Value {
    let mut audience: Vec<String> = (1..1000).map(|number| format!("audience-{number}")).collect();
    audience.push(client_id.to_owned());
    json!(audience)
}

fn fraction(seconds: u64) -> Value {
    serde_json::from_str(&format!("{seconds}.5")).unwrap_or_default()
}
