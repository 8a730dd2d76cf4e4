//! Tests of each ID token rule with a token that violates only that rule

mod signatures;

use serde_json::{Value, json};

use super::super::accepted::Accepted;
use super::super::algorithm::Algorithm;
use super::super::jws;
use super::super::keys::KeySet;
use super::super::testing::{NOW, Signer, base64, jwks, rsa, with};
use super::*;
use crate::access::claims::Claim;

const ISSUER: &str = "https://kc.example/realms/main";

fn expected() -> Expectations<'static> {
    Expectations {
        issuer: ISSUER,
        client_id: "foregate",
        audience: "foregate",
        trusted_audiences: &[],
        leeway: Duration::from_mins(1),
        nonce: Some("n-0S6_WzA2Mj"),
        access_token: "access",
    }
}

fn keys(keys: &[Value]) -> KeySet {
    KeySet::read(jwks(keys).as_bytes()).unwrap()
}

fn header(change: &Value) -> String {
    with(&json!({"alg": "RS256", "typ": "JWT", "kid": "k"}), change).to_string()
}

fn claims(change: &Value) -> String {
    let claims = json!({
        "iss": ISSUER, "sub": "f:1:alice", "aud": "foregate", "azp": "foregate", "nonce": "n-0S6_WzA2Mj",
        "exp": NOW.0 + 300, "iat": NOW.0, "auth_time": NOW.0, "email_verified": true, "groups": ["dev", "ops"],
        "realm_access": {"roles": ["admin"]},
    });
    with(&claims, change).to_string()
}

/// Returns claims with one more member in front.
fn and(member: &str, claims: &str) -> String {
    format!("{{{member},{}", claims.strip_prefix('{').unwrap())
}

fn verify(token: &str, keys: &KeySet, expected: &Expectations<'_>) -> Result<Verified, IdTokenError> {
    let signed = jws::verify(token, keys, &Accepted::new(Some(&Algorithm::ALL), None), TYPES)?;
    super::verify(&signed, expected, NOW)
}

/// Verifies a token signed with the RSA key `k`.
fn verified(header: &str, payload: &str) -> Result<Verified, IdTokenError> {
    verify(&rsa().token(header, payload), &keys(&[rsa().named("k")]), &expected())
}

fn refusal(header: &str, payload: &str) -> IdTokenError {
    verified(header, payload).map(|_| ()).unwrap_err()
}

fn with_claims(change: &Value) -> Result<(), IdTokenError> {
    verified(&header(&json!({})), &claims(change)).map(|_| ())
}

fn with_header(change: &Value) -> Result<(), IdTokenError> {
    verified(&header(change), &claims(&json!({}))).map(|_| ())
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "the tests pass what a call returns")]
fn refused(result: Result<(), IdTokenError>, why: impl Into<IdTokenError>) {
    assert_eq!(result, Err(why.into()));
}

#[test]
fn valid_id_token_returns_subject_expiry_and_claims() {
    let verified = verified(&header(&json!({})), &claims(&json!({}))).unwrap();
    assert_eq!(verified.subject, "f:1:alice");
    assert_eq!(verified.expires_at, NOW.plus(Duration::from_mins(5)));
    let dev_and_ops = ["dev", "ops"].map(|name| Claim::Text(name.to_owned())).to_vec();
    assert_eq!(verified.claims["groups"], Claim::List(dev_and_ops));
    assert_eq!(verified.claims["email_verified"], Claim::Flag(true));
    assert_eq!(verified.claims["exp"], Claim::Integer((NOW.0 + 300).into()));
    let admin = Claim::List(vec![Claim::Text("admin".to_owned())]);
    assert_eq!(verified.claims["realm_access"], Claim::Object(Claims::from([("roles".to_owned(), admin)])));
}

#[test]
fn claims_that_are_no_object_are_rejected() {
    for payload in ["[]", "", "null", "7", "\"x\"", "{", "{}x"] {
        assert_eq!(refusal(&header(&json!({})), payload), IdTokenError::BadClaims, "{payload}");
    }
}

#[test]
fn duplicate_claim_is_rejected_at_any_depth() {
    let good = claims(&json!({}));
    for (name, value) in
        [("iss", ISSUER), ("sub", "root"), ("aud", "foregate"), ("nonce", "n"), ("groups", "x")]
    {
        let twice = and(&format!("\"{name}\":\"{value}\""), &good);
        assert_eq!(refusal(&header(&json!({})), &twice), IdTokenError::BadClaims, "{name}");
    }
    for inside in [r#""x":{"roles":[],"roles":["admin"]}"#, r#""x":[1,{"a":{"b":1,"b":1}}]"#] {
        assert_eq!(refusal(&header(&json!({})), &and(inside, &good)), IdTokenError::BadClaims, "{inside}");
    }
}

#[test]
fn deeply_nested_claims_are_rejected_without_stack_overflow() {
    let deep = format!("\"x\":{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let deep = verified(&header(&json!({})), &and(&deep, &claims(&json!({})))).map(|_| ());
    refused(deep, IdTokenError::BadClaims);
}

#[test]
fn id_token_of_another_issuer_is_rejected() {
    for iss in
        [json!(format!("{ISSUER}1")), json!(format!("{ISSUER}/")), json!([ISSUER]), json!(7), json!(null)]
    {
        refused(with_claims(&json!({"iss": iss})), IdTokenError::WrongIssuer);
    }
}

#[test]
fn id_token_for_another_audience_is_rejected() {
    for aud in
        [json!("foregate1"), json!(null), json!(7), json!([]), json!(["other"]), json!({"foregate": 1})]
    {
        refused(with_claims(&json!({"aud": aud})), IdTokenError::WrongAudience);
    }
    assert_eq!(with_claims(&json!({"aud": ["foregate"], "azp": null})), Ok(()));
}

#[test]
fn id_token_with_an_untrusted_audience_is_rejected() {
    for aud in [json!(["foregate", "other"]), json!(["other", "foregate"]), json!(["foregate", 7])] {
        refused(with_claims(&json!({"aud": aud})), IdTokenError::UntrustedAudience);
    }
}

#[test]
fn configured_and_trusted_audiences_are_accepted() {
    let trusted = ["kubernetes".to_owned()];
    let result = |change: &Value| {
        let expected = Expectations { audience: "api://foregate", trusted_audiences: &trusted, ..expected() };
        let token = rsa().token(&header(&json!({})), &claims(change));
        verify(&token, &keys(&[rsa().named("k")]), &expected).map(|_| ())
    };
    for aud in [
        json!("api://foregate"),
        json!(["api://foregate", "kubernetes"]),
        json!(["foregate", "kubernetes", "api://foregate"]),
    ] {
        assert_eq!(result(&json!({"aud": aud})), Ok(()), "{aud}");
    }
    for aud in [json!("foregate"), json!("kubernetes"), json!(["foregate", "kubernetes"])] {
        refused(result(&json!({"aud": aud})), IdTokenError::WrongAudience);
    }
    refused(result(&json!({"aud": ["api://foregate", "other"]})), IdTokenError::UntrustedAudience);
    let by_another = json!({"aud": ["api://foregate", "kubernetes"], "azp": "kubernetes"});
    refused(result(&by_another), IdTokenError::WrongAuthorizedParty);
}

#[test]
fn id_token_with_azp_of_another_client_is_rejected() {
    for azp in [json!("other"), json!(7), json!(["foregate"])] {
        refused(with_claims(&json!({"azp": azp})), IdTokenError::WrongAuthorizedParty);
    }
    let twice = json!({"aud": ["foregate", "foregate"], "azp": null});
    refused(with_claims(&twice), IdTokenError::NoAuthorizedParty);
}

#[test]
fn an_expired_token_is_refused_beyond_the_leeway() {
    assert_eq!(with_claims(&json!({"exp": NOW.0 - 59})), Ok(()));
    for exp in [json!(NOW.0 - 60), json!(NOW.0 - 120), json!(0), json!(-5), json!(-1e300)] {
        refused(with_claims(&json!({"exp": exp})), IdTokenError::Expired);
    }
    for exp in [json!(null), json!("1900000000"), json!([1])] {
        refused(with_claims(&json!({"exp": exp})), IdTokenError::NoExpiry);
    }
}

#[test]
fn expiry_of_any_size_is_accepted() {
    for exp in ["1e300", "18446744073709551615", "18446744073709551616"] {
        let payload = and(&format!("\"exp\":{exp}"), &claims(&json!({"exp": null})));
        assert_eq!(verified(&header(&json!({})), &payload).unwrap().expires_at, UnixTime(u64::MAX), "{exp}");
    }
    let payload = claims(&json!({"exp": 1_800_000_030.75}));
    assert_eq!(verified(&header(&json!({})), &payload).unwrap().expires_at, UnixTime(1_800_000_030));
}

#[test]
fn a_token_that_is_not_valid_yet_is_refused() {
    assert_eq!(with_claims(&json!({"nbf": NOW.0 + 60})), Ok(()));
    for nbf in [json!(NOW.0 + 61), json!(1e300), json!("0")] {
        refused(with_claims(&json!({"nbf": nbf})), IdTokenError::NotYetValid);
    }
}

#[test]
fn id_token_issued_in_the_future_or_too_long_ago_is_rejected() {
    for iat in [json!(NOW.0 + 60), json!(NOW.0 - 660)] {
        assert_eq!(with_claims(&json!({"iat": iat})), Ok(()));
    }
    refused(with_claims(&json!({"iat": null})), IdTokenError::NoIssueTime);
    refused(with_claims(&json!({"iat": "0"})), IdTokenError::NoIssueTime);
    refused(with_claims(&json!({"iat": NOW.0 + 61})), IdTokenError::IssuedInFuture);
    refused(with_claims(&json!({"iat": 1e300})), IdTokenError::IssuedInFuture);
    refused(with_claims(&json!({"iat": NOW.0 - 661})), IdTokenError::TooOld);
}

#[test]
fn id_token_with_nonce_of_another_sign_in_is_rejected() {
    refused(with_claims(&json!({"nonce": null})), IdTokenError::NoNonce);
    refused(with_claims(&json!({"nonce": ["n-0S6_WzA2Mj"]})), IdTokenError::NoNonce);
    for nonce in ["n-0S6_WzA2Mj1", "n-0S6_WzA2M", ""] {
        refused(with_claims(&json!({"nonce": nonce})), IdTokenError::WrongNonce);
    }
}

#[test]
fn id_token_with_at_hash_of_another_access_token_is_rejected() {
    use aws_lc_rs::digest::{SHA256, SHA384, SHA512};
    let (p384, p521, ed25519) = (Signer::p384(), Signer::p521(), Signer::ed25519());
    for (signer, alg, hash) in [
        (rsa(), "RS256", &SHA256),
        (rsa(), "PS384", &SHA384),
        (rsa(), "RS512", &SHA512),
        (&p384, "ES384", &SHA384),
        (&p521, "ES512", &SHA512),
        (&ed25519, "EdDSA", &SHA512),
    ] {
        let digest = digest(hash, b"access");
        let half = base64(&digest.as_ref()[..digest.as_ref().len() / 2]);
        for (at_hash, good) in [(half, true), (base64([7; 16]), false), (base64(digest.as_ref()), false)] {
            let token = signer.token(&header(&json!({"alg": alg})), &claims(&json!({"at_hash": at_hash})));
            let result = verify(&token, &keys(&[signer.named("k")]), &expected()).map(|_| ());
            assert_eq!(result, if good { Ok(()) } else { Err(IdTokenError::WrongAccessTokenHash) }, "{alg}");
        }
    }
    refused(with_claims(&json!({"at_hash": 7})), IdTokenError::WrongAccessTokenHash);
}

#[test]
fn id_token_without_valid_sub_is_rejected() {
    for sub in [json!(null), json!(""), json!(7), json!("x".repeat(256))] {
        refused(with_claims(&json!({"sub": sub})), IdTokenError::BadSubject);
    }
    assert_eq!(with_claims(&json!({"sub": "x".repeat(255)})), Ok(()));
}
