//! Faults of the header of an ID token and of the signing key (RFC 7515 §4)

use base64_simd::STANDARD;
use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::faults;
use crate::algorithm::SigningAlgorithm;

/// A header before its serialisation, and the signer.
pub(crate) struct HeaderDraft {
    pub(crate) members: Map<String, Value>,
    /// Text before the first member, including the comma, so that a name can occur twice.
    pub(crate) before: &'static str,
    pub(crate) signer: Signer,
}

/// The key or method that makes the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    /// The signing key of the provider.
    Own,
    /// A key of the same algorithm that is never published.
    Unpublished,
    /// HMAC with SHA-256 and this key.
    Hmac(Vec<u8>),
    /// HMAC with SHA-512 and this key.
    HmacSha512(Vec<u8>),
    /// Another algorithm with the provider's RSA key.
    Rsa(SigningAlgorithm),
    /// An empty signature.
    Absent,
    /// 64 zero bytes (CVE-2022-21449).
    Zeros,
    /// A P-256 signature in DER.
    EcdsaDer,
}

type Act = fn(&mut HeaderDraft, &Facts<'_>);

impl HeaderDraft {
    fn set(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    fn remove(&mut self, name: &str) {
        self.members.remove(name);
    }

    fn alg(&mut self, alg: &str, signer: Signer) {
        self.set("alg", json!(alg));
        self.signer = signer;
    }

    /// Signs with an unpublished key, which the header itself names.
    fn offer(&mut self, name: &str, value: Value, facts: &Facts<'_>) {
        self.set(name, value);
        self.signer = Signer::Unpublished;
        if let Some(unpublished_key) = facts.unpublished_key {
            self.set("kid", json!(unpublished_key.kid()));
        }
    }

    fn critical(&mut self, name: &str, value: Value) {
        self.set("crit", json!([name]));
        self.set(name, value);
    }
}

faults! {
    /// A faulty header, or a signature by the wrong key. Everything else in the token is genuine.
    HeaderFault: Act;
    AlgNone, "alg-none", "C11, X06",
        "`alg` is `none` and the signature is empty",
        |h, _| h.alg("none", Signer::Absent);
    AlgNoneMixedCase, "alg-none-mixed-case", "row 21",
        "`alg` is `nOnE` and the signature is empty",
        |h, _| h.alg("nOnE", Signer::Absent);
    AlgNoneSigned, "alg-none-signed", "row 21",
        "`alg` is `none` over a genuine signature",
        |h, _| h.alg("none", Signer::Own);
    AlgHs256Secret, "alg-hs256-secret", "C14",
        "HS256 with the client secret",
        |h, f| h.alg("HS256", Signer::Hmac(f.client_secret.as_bytes().to_vec()));
    AlgHs256Pem, "alg-hs256-pem", "row 21",
        "HS256 with the PEM of the public key",
        |h, f| h.alg("HS256", Signer::Hmac(pem(f.key.spki()).into_bytes()));
    AlgHs256Der, "alg-hs256-der", "row 21",
        "HS256 with the DER of the public key",
        |h, f| h.alg("HS256", Signer::Hmac(f.key.spki().to_vec()));
    AlgHs256Modulus, "alg-hs256-modulus", "row 21",
        "HS256 with the text of `n` (or `x`) of the public JWK",
        |h, f| h.alg("HS256", Signer::Hmac(modulus(f)));
    AlgUnknown, "alg-unknown", "refuse", "`alg` is `XX999`", |h, _| h.set("alg", json!("XX999"));
    AlgLowerCase, "alg-lower-case", "refuse",
        "`alg` is the correct name in lower case",
        |h, f| h.set("alg", json!(f.key.algorithm().name().to_ascii_lowercase()));
    AlgMissing, "alg-missing", "refuse", "`alg` is left out", |h, _| h.remove("alg");
    AlgNumber, "alg-number", "refuse", "`alg` is a number", |h, _| h.set("alg", json!(256));
    AlgRs384, "alg-rs384", "X07",
        "RS384 with the provider's RSA key (a genuine signature with another type of key)",
        |h, _| h.alg("RS384", Signer::Rsa(SigningAlgorithm::Rs384));
    AlgPs384, "alg-ps384", "X07",
        "PS384 with the provider's RSA key (a genuine signature with another type of key)",
        |h, _| h.alg("PS384", Signer::Rsa(SigningAlgorithm::Ps384));
    AlgEs256Zeros, "alg-es256-zeros", "C13, row 21",
        "`alg` is `ES256` over 64 zero bytes",
        |h, _| h.alg("ES256", Signer::Zeros);
    AlgEs256Der, "alg-es256-der", "C13, row 21",
        "`alg` is `ES256` over a DER signature by the provider's P-256 key, or by a new one if its key has another type",
        |h, _| h.alg("ES256", Signer::EcdsaDer);
    KidMissing, "kid-missing", "C08, C09", "`kid` is left out", |h, _| h.remove("kid");
    KidUnknown, "kid-unknown", "row 20", "`kid` is `unknown-key`", |h, _| h.set("kid", json!("unknown-key"));
    KidOtherType, "kid-other-type", "refuse",
        "`kid` names a published key of another algorithm, if `sign_with` published such a key",
        |h, f| h.set("kid", json!(f.other_kid.unwrap_or("unknown-key")));
    KidPath, "kid-path", "row 21",
        "`kid` is a path to /dev/null",
        |h, _| h.set("kid", json!("../../../../../dev/null"));
    KidSql, "kid-sql", "row 21",
        "`kid` is an SQL fragment",
        |h, _| h.set("kid", json!("x' UNION SELECT 'key';--"));
    KidLong, "kid-long", "no crash",
        "`kid` is 8192 characters long",
        |h, _| h.set("kid", json!("k".repeat(8192)));
    KidNumber, "kid-number", "refuse", "`kid` is a number", |h, _| h.set("kid", json!(1));
    Jwk, "jwk-embedded", "row 21",
        "`jwk` contains the unpublished key that signs",
        |h, f| h.offer("jwk", f.unpublished_key.map_or(Value::Null, |key| Value::Object(key.jwk())), f);
    Jku, "jku", "row 21",
        "`jku` is a URL at another host and an unpublished key signs",
        |h, f| h.offer("jku", json!(format!("{}/jwks", f.elsewhere)), f);
    X5u, "x5u", "row 21",
        "`x5u` is a URL at another host and an unpublished key signs",
        |h, f| h.offer("x5u", json!(format!("{}/chain.pem", f.elsewhere)), f);
    X5c, "x5c", "row 21",
        "`x5c` contains the public half of the unpublished key that signs",
        |h, f| h.offer("x5c", json!([f.unpublished_key.map(|key| STANDARD.encode_to_string(key.spki()))]), f);
    CritUnknown, "crit-unknown", "row 21",
        "`crit` requires `x-unknown`",
        |h, _| h.critical("x-unknown", json!(true));
    B64False, "b64-false", "row 21",
        "`b64` is false and `crit` requires it (RFC 7797), but the claims are encoded",
        |h, _| h.critical("b64", json!(false));
    TypLogout, "typ-logout", "refuse", "`typ` is `logout+jwt`", |h, _| h.set("typ", json!("logout+jwt"));
    TypAccess, "typ-access", "refuse", "`typ` is `at+jwt`", |h, _| h.set("typ", json!("at+jwt"));
    TypMissing, "typ-missing", "accept", "`typ` is left out", |h, _| h.remove("typ");
    Zip, "zip", "refuse or ignore",
        "`zip` is `DEF`, but the claims are not compressed",
        |h, _| h.set("zip", json!("DEF"));
    AlgDuplicated, "header-alg-duplicated", "row 21",
        "`alg` occurs twice, first as `none`",
        |h, _| h.before = r#""alg":"none","#;
    AlgHs512Secret, "alg-hs512-secret", "C14",
        "HS512 with the client secret",
        |h, f| h.alg("HS512", Signer::HmacSha512(f.client_secret.as_bytes().to_vec()));
}

impl HeaderFault {
    pub(crate) fn apply(self, head: &mut HeaderDraft, facts: &Facts<'_>) {
        self.action()(head, facts);
    }

    /// Returns whether an unpublished key signs.
    pub(crate) fn needs_unpublished_key(self) -> bool {
        matches!(self, Self::Jwk | Self::Jku | Self::X5u | Self::X5c)
    }
}

/// Returns the textual form of RFC 7468 §13, as a careless library would read it from a file.
pub(crate) fn pem(spki: &[u8]) -> String {
    let encoded = STANDARD.encode_to_string(spki);
    let lines = encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
    let lines: Vec<_> = lines.collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn modulus(facts: &Facts<'_>) -> Vec<u8> {
    let jwk = facts.key.jwk();
    let text = jwk.get("n").or_else(|| jwk.get("x")).and_then(Value::as_str);
    text.unwrap_or_default().as_bytes().to_vec()
}
