//! Client assertions (RFC 7523 §2.2 and §3, `private_key_jwt` of Core §9)

use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256};
use aws_lc_rs::signature::{RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::algorithm::SigningAlgorithm;
use crate::key::verification_algorithm;
use crate::settings::Client;
use crate::shared::Shared;

/// The only assertion type (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The algorithms in the metadata, which are also those accepted.
pub(super) const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::Rs256, SigningAlgorithm::Ps256, SigningAlgorithm::Es256];

/// The maximum lifetime in seconds: a minute, because an assertion is for one request, and 15 seconds of clock skew.
const MAX_LIFETIME_SECONDS: u64 = 60 + 15;

/// Returns the client that signed the assertion, or `None` if the assertion is invalid or its `jti` was used before.
pub(super) fn authenticate_client<'a>(
    shared: &'a Shared,
    assertion: &str,
    now: Duration,
) -> Option<&'a Client> {
    let (message, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let claims = object(claims)?;
    let client = shared.client(claims.get("sub")?.as_str()?)?;
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).ok()?;
    let algorithm = algorithm(&object(header)?)?;
    let genuine = verifies(client.assertion_key.as_deref()?, algorithm, message.as_bytes(), &signature);
    let jti = check_claims(shared, client, &claims, now.as_secs()).filter(|_| genuine)?;
    // Last, so that a client cannot spend a `jti` of another client.
    shared.store().record_assertion(&client.id, jti).then_some(client)
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(segment).ok()?).ok()
}

fn algorithm(header: &Map<String, Value>) -> Option<SigningAlgorithm> {
    // The provider supports no critical header parameters (RFC 7515 §4.1.11).
    if header.contains_key("crit") {
        return None;
    }
    let name = header.get("alg")?.as_str()?;
    ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == name)
}

/// Returns the `jti`, if the claims are valid.
fn check_claims<'a>(
    shared: &Shared,
    client: &Client,
    claims: &'a Map<String, Value>,
    now: u64,
) -> Option<&'a str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let audience = text("aud")?;
    let for_us = audience == shared.issuer || audience == shared.url("/token");
    let exp = claims.get("exp")?.as_u64()?;
    let fresh = now < exp && exp <= now + MAX_LIFETIME_SECONDS;
    let by_client = text("iss")? == client.id;
    text("jti").filter(|_| for_us && fresh && by_client)
}

/// Verifies a signature. The key is a PEM `PUBLIC KEY` (RFC 7468 §13) or a JWK.
fn verifies(key: &str, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let verified = if key.trim_start().starts_with("-----BEGIN PUBLIC KEY-----") {
        verify_by_pem(key, algorithm, message, signature)
    } else {
        verify_by_jwk(key, algorithm, message, signature)
    };
    verified.is_some()
}

fn verify_by_pem(pem: &str, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> Option<()> {
    let encoded: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let spki = STANDARD.decode_to_vec(encoded).ok()?;
    UnparsedPublicKey::new(verification_algorithm(algorithm), spki).verify(message, signature).ok()
}

fn verify_by_jwk(jwk: &str, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> Option<()> {
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
            UnparsedPublicKey::new(verification_algorithm(algorithm), point).verify(message, signature).ok()
        }
    }
}
