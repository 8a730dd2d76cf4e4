//! Faults of the published keys (RFC 7517 §4 and §5)

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::faults;

type Act = fn(&mut Vec<Value>);

faults! {
    /// An unusual list of keys.
    JwksFault: Act;
    NoKeys, "jwks-no-keys", "not ready", "`keys` is an empty list", Vec::clear;
    NoKid, "jwks-no-kid", "C08, C09", "no key has a `kid`", |keys| each(keys, |key| remove(key, "kid"));
    NoAlg, "jwks-no-alg", "accept",
        "no key has `alg` and `use`",
        |keys| each(keys, |key| { remove(key, "alg"); remove(key, "use"); });
    EncryptionKey, "jwks-encryption-key", "not used",
        "an RSA key with `use: enc` is first in the list",
        |keys| keys.insert(0, decoy(0, "enc"));
    EncryptionOnly, "jwks-encryption-only", "refuse",
        "every key has `use: enc`",
        |keys| each(keys, |key| set(key, "use", "enc"));
    Twenty, "jwks-twenty", "limit",
        "other RSA keys precede the real ones, twenty in all",
        twenty;
    TwentyNoKid, "jwks-twenty-no-kid", "C09, limit",
        "as `jwks-twenty`, and no key has a `kid`",
        |keys| { twenty(keys); each(keys, |key| remove(key, "kid")); };
    SameKid, "jwks-same-kid", "accept or refuse",
        "another RSA key with the `kid` of the last key is first in the list",
        same_kid;
    UnknownType, "jwks-unknown-type", "accept",
        "a key of type `XYZ` is first in the list",
        |keys| keys.insert(0, json!({ "kty": "XYZ", "kid": "xyz" }));
    Symmetric, "jwks-symmetric", "not used",
        "a key of type `oct` is first in the list",
        |keys| keys.insert(0, json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "k": "c2VjcmV0" }));
    AlgMismatch, "jwks-alg-mismatch", "refuse",
        "every key has `alg: HS256`",
        |keys| each(keys, |key| set(key, "alg", "HS256"));
    NotObjects, "jwks-not-objects", "no crash",
        "a number and null precede the keys",
        |keys| { keys.insert(0, json!(1)); keys.insert(0, Value::Null); };
}

impl JwksFault {
    pub(crate) fn apply(self, keys: &mut Vec<Value>) {
        self.action()(keys);
    }
}

fn each(keys: &mut [Value], change: fn(&mut Value)) {
    keys.iter_mut().for_each(change);
}

fn remove(key: &mut Value, name: &str) {
    if let Some(members) = key.as_object_mut() {
        members.remove(name);
    }
}

fn set(key: &mut Value, name: &str, value: &str) {
    if let Some(members) = key.as_object_mut() {
        members.insert(name.to_owned(), json!(value));
    }
}

fn twenty(keys: &mut Vec<Value>) {
    let many = 20_usize.saturating_sub(keys.len());
    keys.splice(0..0, (1..=u8::MAX).take(many).map(|number| decoy(number, "sig")));
}

fn same_kid(keys: &mut Vec<Value>) {
    let mut other = decoy(0, "sig");
    if let Some(kid) = keys.last().and_then(|key| key.get("kid")).and_then(Value::as_str) {
        set(&mut other, "kid", kid);
    }
    keys.insert(0, other);
}

/// Returns a well-formed RSA public key whose private key is unknown.
fn decoy(number: u8, purpose: &str) -> Value {
    let mut modulus = [number; 256];
    let [first, .., last] = &mut modulus;
    *first = 0xc5;
    *last = 0x01;
    let n = URL_SAFE_NO_PAD.encode_to_string(modulus);
    json!({ "kty": "RSA", "use": purpose, "kid": format!("decoy-{number}"), "n": n, "e": "AQAB" })
}
