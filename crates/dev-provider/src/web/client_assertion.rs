//! Does this client assertion prove who is asking (RFC 7523 §2.2 and §3, `private_key_jwt` of Core §9)?

use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256};
use aws_lc_rs::signature::{RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::algorithm::SigningAlgorithm;
use crate::key::verification;
use crate::settings::Client;
use crate::shared::Shared;

/// The only type there is (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What is announced and accepted.
pub(super) const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::Rs256, SigningAlgorithm::Ps256, SigningAlgorithm::Es256];

/// An assertion is made for one request, so it may not live longer; the rest is for clocks that differ.
const LONGEST_LIFE: u64 = 60 + 15;

/// The client that made the assertion; nothing when anything about it is wrong or its `jti` was seen before.
pub(super) fn client<'a>(shared: &'a Shared, assertion: &str, now: Duration) -> Option<&'a Client> {
    let (message, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let claims = object(claims)?;
    let client = shared.client(claims.get("sub")?.as_str()?)?;
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).ok()?;
    let algorithm = algorithm(&object(header)?)?;
    let genuine = verifies(client.assertion_key.as_deref()?, algorithm, message.as_bytes(), &signature);
    let jti = fits(shared, client, &claims, now.as_secs()).filter(|_| genuine)?;
    // Last, so that nobody can use up a `jti` for somebody else.
    shared.store().first_assertion(&client.id, jti).then_some(client)
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(segment).ok()?).ok()
}

fn algorithm(header: &Map<String, Value>) -> Option<SigningAlgorithm> {
    // Nothing critical is understood here (RFC 7515 §4.1.11).
    if header.contains_key("crit") {
        return None;
    }
    let name = header.get("alg")?.as_str()?;
    ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == name)
}

/// The `jti`, when the claims say what they have to.
fn fits<'a>(shared: &Shared, client: &Client, claims: &'a Map<String, Value>, now: u64) -> Option<&'a str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let audience = text("aud")?;
    let for_us = audience == shared.issuer || audience == shared.url("/token");
    let exp = claims.get("exp")?.as_u64()?;
    let fresh = now < exp && exp <= now + LONGEST_LIFE;
    let by_client = text("iss")? == client.id;
    text("jti").filter(|_| for_us && fresh && by_client)
}

/// The key is a PEM `PUBLIC KEY` (RFC 7468 §13) or a JWK.
fn verifies(key: &str, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let verified = if key.trim_start().starts_with("-----BEGIN PUBLIC KEY-----") {
        by_pem(key, algorithm, message, signature)
    } else {
        by_jwk(key, algorithm, message, signature)
    };
    verified.is_some()
}

fn by_pem(pem: &str, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> Option<()> {
    let encoded: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let spki = STANDARD.decode_to_vec(encoded).ok()?;
    UnparsedPublicKey::new(verification(algorithm), spki).verify(message, signature).ok()
}

fn by_jwk(jwk: &str, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> Option<()> {
    let jwk: Map<String, Value> = serde_json::from_str(jwk).ok()?;
    let number = |name: &str| URL_SAFE_NO_PAD.decode_to_vec(jwk.get(name)?.as_str()?).ok();
    let by_rsa = |parameters: &RsaParameters| {
        let key = RsaPublicKeyComponents { n: number("n")?, e: number("e")? };
        key.verify(parameters, message, signature).ok()
    };
    match algorithm {
        SigningAlgorithm::Rs256 => by_rsa(&RSA_PKCS1_2048_8192_SHA256),
        SigningAlgorithm::Ps256 => by_rsa(&RSA_PSS_2048_8192_SHA256),
        _ => {
            let point = [vec![4], number("x")?, number("y")?].concat();
            UnparsedPublicKey::new(verification(algorithm), point).verify(message, signature).ok()
        }
    }
}
