//! Property of ID tokens and key sets
//!
//! An input is a header, a line feed and claims. The property signs them with a key of the set, so that the token
//! passes signature verification and reaches the rules after it. A second implementation of these rules then checks
//! every accepted token.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA512, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64_simd::URL_SAFE_NO_PAD;
use foregate::flow::ports::UnixTime;
use foregate::provider::fuzzing::Rules;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const MINUTE: f64 = 60.0;

struct Provider {
    key: Ed25519KeyPair,
    rules: Rules,
}

static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = base64(key.public_key().as_ref());
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x}]});
    Provider { key, rules: Rules::new(keys.to_string().as_bytes()).unwrap() }
});

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// No other party can create a token. A signed token that is accepted follows every rule. With one bit of the signature
/// changed, it is rejected.
pub(super) fn id_token(bytes: &[u8]) {
    // A key set is read or rejected, without a panic.
    let _keys = Rules::new(bytes);
    if let Ok(token) = std::str::from_utf8(bytes) {
        assert!(subject(token).is_none(), "only the provider can sign: {token}");
    }
    let Some((header, claims)) = parts(bytes) else { return };
    let (signed, mut signature) = sign(header, claims);
    let token = format!("{signed}.{}", base64(&signature));
    if let Some(subject) = accepted(bytes) {
        check_header(&parse_without_duplicates(header));
        check_claims(&parse_without_duplicates(claims), &subject);
    }
    signature[claims.len() % 64] ^= 1 << (claims.len() % 8);
    let changed = format!("{signed}.{}", base64(&signature));
    for bad in [changed, format!("{signed}."), signed, format!("{token}."), format!("{token}=")] {
        assert!(subject(&bad).is_none(), "{bad}");
    }
}

/// Returns the subject of the token that an input describes, if the token is accepted.
pub(crate) fn accepted(bytes: &[u8]) -> Option<String> {
    let (header, claims) = parts(bytes)?;
    let (signed, signature) = sign(header, claims);
    subject(&format!("{signed}.{}", base64(&signature)))
}

fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn sign(header: &[u8], claims: &[u8]) -> (String, Vec<u8>) {
    let signed = format!("{}.{}", base64(header), base64(claims));
    let signature = PROVIDER.key.sign(signed.as_bytes()).as_ref().to_vec();
    (signed, signature)
}

fn subject(token: &str) -> Option<String> {
    PROVIDER.rules.subject(token, UnixTime(NOW)).ok()
}

/// Parses JSON and checks that no member was written twice, so that every reader sees the same values.
fn parse_without_duplicates(json: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(json).unwrap();
    let (mut colons, mut in_text, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b':' if !in_text => colons += 1,
            _ => {}
        }
    }
    assert_eq!(members(&value), colons, "{}", String::from_utf8_lossy(json));
    value
}

fn members(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        Value::Array(list) => list.iter().map(members).sum(),
        _ => 0,
    }
}

fn check_header(header: &Value) {
    assert_eq!(header["alg"], "EdDSA");
    assert!(header.get("crit").is_none(), "{header}");
    assert!(header.get("kid").is_none_or(|kid| kid == "k"), "{header}");
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap().to_ascii_lowercase());
    assert!(typ.is_none_or(|typ| typ == "jwt"), "{header}");
}

fn check_claims(claims: &Value, subject: &str) {
    assert_eq!(claims["iss"], Rules::ISSUER);
    assert_eq!(claims["nonce"], Rules::NONCE);
    assert_eq!(claims["sub"], subject);
    assert!((1..=255).contains(&subject.len()));
    let audiences = claims["aud"].as_array().cloned().unwrap_or_else(|| vec![claims["aud"].clone()]);
    assert!(audiences.iter().any(|audience| audience == Rules::CLIENT_ID), "{claims}");
    assert!(
        audiences.iter().all(|audience| audience == Rules::CLIENT_ID || audience == Rules::TRUSTED_AUDIENCE),
        "{claims}"
    );
    let party = claims.get("azp").filter(|party| !party.is_null());
    assert!(party.map_or(audiences.len() == 1, |party| party == Rules::CLIENT_ID), "{claims}");
    let now = f64::from(u32::try_from(NOW).unwrap());
    let issued = claims["iat"].as_f64().unwrap().floor();
    assert!(claims["exp"].as_f64().unwrap().floor() + MINUTE > now, "{claims}");
    assert!((now - 11.0 * MINUTE..=now + MINUTE).contains(&issued), "{claims}");
    if let Some(not_before) = claims.get("nbf").filter(|time| !time.is_null()) {
        assert!(not_before.as_f64().unwrap().floor() <= now + MINUTE, "{claims}");
    }
    if let Some(hash) = claims.get("at_hash").filter(|hash| !hash.is_null()) {
        let whole = digest(&SHA512, Rules::ACCESS_TOKEN.as_bytes());
        assert_eq!(*hash, *base64(&whole.as_ref()[..32]), "{claims}");
    }
}
