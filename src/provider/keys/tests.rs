//! Tests of key set parsing and key selection

use aws_lc_rs::signature::KeyPair;
use serde_json::json;

use super::super::testing::{Signer, base64, jwks, rsa, with};
use super::*;

fn set(keys: &[Value]) -> Option<KeySet> {
    KeySet::read(jwks(keys).as_bytes()).ok()
}

#[test]
fn key_is_candidate_only_for_its_own_algorithms() {
    let keys = set(&[
        rsa().named("r"),
        Signer::p256().named("p"),
        Signer::p384().named("q"),
        Signer::p521().named("s"),
        Signer::ed25519().named("e"),
    ]);
    let keys = keys.unwrap();
    let fits = |kid, algorithm| keys.candidates(Some(kid), algorithm).len();
    for (kid, own) in [
        ("r", &Algorithm::ALL[..6]),
        ("p", &[Algorithm::Es256]),
        ("q", &[Algorithm::Es384]),
        ("s", &[Algorithm::Es512]),
        ("e", &[Algorithm::EdDsa]),
    ] {
        for algorithm in Algorithm::ALL {
            assert_eq!(fits(kid, algorithm), usize::from(own.contains(&algorithm)), "{kid} {algorithm:?}");
        }
    }
}

#[test]
fn alg_of_a_key_restricts_it_to_that_algorithm() {
    let keys = set(&[with(&rsa().named("r"), &json!({"alg": "PS256"}))]).unwrap();
    assert_eq!(keys.candidates(Some("r"), Algorithm::Ps256).len(), 1);
    assert_eq!(keys.candidates(Some("r"), Algorithm::Rs256).len(), 0);
    assert!(set(&[with(&rsa().jwk(), &json!({"alg": "RSA-OAEP"}))]).is_none());
}

#[test]
fn a_key_for_encryption_is_not_used() {
    assert!(set(&[with(&rsa().jwk(), &json!({"use": "enc"}))]).is_none());
    assert!(set(&[with(&rsa().jwk(), &json!({"use": "sig"}))]).is_some());
    assert!(set(&[with(&rsa().jwk(), &json!({"key_ops": ["encrypt", "wrapKey"]}))]).is_none());
    assert!(set(&[with(&rsa().jwk(), &json!({"key_ops": ["verify"]}))]).is_some());
}

#[test]
fn a_short_rsa_key_is_not_used() {
    let modulus = |bytes: usize| {
        let mut modulus = vec![0xff; bytes];
        modulus[0] = 0x7f;
        json!({"kty": "RSA", "e": "AQAB", "n": base64(modulus)})
    };
    assert!(set(&[modulus(128)]).is_none());
    // 2047 bits in 256 bytes.
    assert!(set(&[modulus(256)]).is_none());
    assert!(set(&[modulus(257)]).is_some());
    assert!(set(&[modulus(1025)]).is_none());
}

#[test]
fn rsa_key_with_a_leading_zero_octet_is_accepted() {
    let n = URL_SAFE_NO_PAD.decode_to_vec(rsa().jwk()["n"].as_str().unwrap()).unwrap();
    let padded = base64([&[0], n.as_slice()].concat());
    assert!(set(&[with(&rsa().jwk(), &json!({"n": padded}))]).is_some());
}

#[test]
fn unusable_key_does_not_affect_the_other_keys() {
    let Signer::P256(key) = Signer::p256() else { panic!("not P-256") };
    let point = &key.public_key().as_ref()[1..];
    let odd = [
        json!(7),
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "RSA", "n": "!", "e": "AQAB"}),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
        json!({"kty": "EC", "crv": "P-256", "x": base64([1; 32]), "y": base64([1; 32])}),
        json!({"kty": "EC", "crv": "P-256", "x": base64(&point[..31]), "y": base64(&point[31..])}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": base64([1; 31])}),
    ];
    for key in &odd {
        assert!(set(std::slice::from_ref(key)).is_none(), "{key}");
    }
    let mut keys = odd.to_vec();
    keys.push(Signer::p256().jwk());
    assert_eq!(set(&keys).unwrap().0.len(), 1);
}

#[test]
fn number_of_keys_and_of_candidates_is_limited() {
    let key = Signer::p256().jwk();
    let keys = set(&vec![key; 1000]).unwrap();
    assert_eq!(keys.0.len(), 50);
    assert_eq!(keys.candidates(None, Algorithm::Es256).len(), 8);
}

#[test]
fn invalid_key_set_is_rejected() {
    for body in ["", "[]", "{}", r#"{"keys": 7}"#, r#"{"keys": []}"#] {
        assert!(KeySet::read(body.as_bytes()).is_err(), "{body}");
    }
}
