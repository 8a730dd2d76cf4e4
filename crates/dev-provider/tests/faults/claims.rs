//! Faults of the claims of an ID token

use dev_provider::{Fault, Settings, SigningAlgorithm};
use serde_json::{Map, Value};

use crate::harness::{Fixture, part, text};

/// Each fault by name, with the new value of each changed claim. `-` means absent, `*` any other value. Any other
/// text is the JSON of the value.
const EXPECTED: &str = r#"
iss-changed iss=*
iss-missing iss=-
iss-slash iss=*
iss-not-text iss=*
sub-missing sub=-
sub-empty sub=""
sub-number sub=1001
sub-null sub=null
sub-changed sub="00000000-0000-4000-8000-0000000000011"
aud-changed aud="foregate1"
aud-missing aud=-
aud-empty-list aud=[]
aud-list aud=["foregate"]
aud-unknown-second aud=["foregate","unknown-audience"]
aud-thousand aud=*
aud-number aud=1
azp-other azp="another-client"
azp-missing azp=-
azp-missing-several-aud aud=["foregate","unknown-audience"] azp=-
exp-missing exp=-
exp-past exp=*
exp-huge exp=1e300
exp-text exp=*
exp-negative exp=-1
exp-fraction exp=*
nbf-future nbf=*
iat-missing iat=-
iat-future iat=*
iat-old iat=*
iat-text iat=*
nonce-changed nonce="the-nonce1"
nonce-missing nonce=-
nonce-empty nonce=""
nonce-number nonce=7
at-hash-changed at_hash="AAAAAAAAAAAAAAAAAAAAAA"
at-hash-missing at_hash=-
acr-unexpected acr="0"
acr-number acr=0
auth-time-missing auth_time=-
auth-time-text auth_time=*
auth-time-old auth_time=1
auth-time-future auth_time=*
sid-missing sid=-
sid-number sid=7
email-missing email=- email_verified=-
email-unverified email_verified=false
email-verified-text email_verified="true"
email-verified-missing email_verified=-
email-control email="testuser@example.com\r\nx-injected:\u00201"
name-control name=* preferred_username="testuser\r\nx-injected:\u00201"
groups-missing groups=-
groups-text groups="dev"
groups-numbers groups=[1,null,{"name":"dev"}]
groups-hundred groups=*
groups-comma groups=["dev,admin","ops"]
groups-control groups=["dev\r\nx-injected:\u00201","ops"]
groups-nul groups=["dev\u0000","ops"]
groups-paths groups=["/dev/backend","/ops"]
groups-overage groups=- _claim_names={"groups":"src1"} _claim_sources=*
claims-aggregated _claim_names={"department":"src1"} _claim_sources=*
claims-distributed _claim_names={"department":"src1"} _claim_sources=*
realm-roles realm_access={"roles":["dev","offline_access"]}
client-roles resource_access={"foregate":{"roles":["viewer"]},"account":{"roles":["manage-account"]}}
preferred-username-missing preferred_username=-
only-sub preferred_username=- name=- email=- email_verified=- groups=-
groups-text-comma groups="dev,ops"
groups-only-numbers groups=[7,8]
groups-objects groups=[{"name":"dev"},{"name":"ops"}]
groups-objects-two-texts groups=[{"value":"g-1","display":"dev"},{"value":"g-2","display":"ops"}]
groups-map-objects groups={"dev":{"1001":"example.com"},"ops":{"1001":"example.com"}}
groups-map-booleans groups={"dev":true,"ops":true,"admin":false}
roles-zitadel urn:zitadel:iam:org:project:roles={"dev":{"1001":"example.com"},"ops":{"1001":"example.com"}}
roles-namespaced https://example.com/roles=["dev","ops"]
picture-long picture=*
groups-hasgroups groups=- hasgroups=true
"#;

pub(crate) async fn fixture() -> Fixture {
    Fixture::with(Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() }).await
}

#[tokio::test]
async fn each_claim_fault_changes_its_claims_and_no_other() {
    let fixture = fixture().await;
    let mut checked = Vec::new();
    for line in EXPECTED.trim().lines() {
        let (name, changes) = line.split_once(' ').unwrap();
        let fault: Fault = name.parse().unwrap();
        let healthy = claims(&fixture).await;
        fixture.provider.arm(fault);
        let faulty = claims(&fixture).await;
        let expected_claims: Vec<&str> =
            changes.split(' ').map(|change| change.split_once('=').unwrap().0).collect();
        for change in changes.split(' ') {
            let (claim, expected) = change.split_once('=').unwrap();
            check(name, expected, healthy.get(claim), faulty.get(claim));
        }
        for claim in
            healthy.keys().chain(faulty.keys()).filter(|claim| !expected_claims.contains(&claim.as_str()))
        {
            assert!(same(claim, healthy.get(claim), faulty.get(claim)), "{name} changed {claim} too");
        }
        checked.push(fault);
    }
    let all = Fault::all().into_iter().filter(|fault| matches!(fault, Fault::Claim(_) | Fault::Identity(_)));
    assert_eq!(all.collect::<Vec<_>>(), checked);
}

#[tokio::test]
async fn time_claim_faults_have_the_declared_offset() {
    let fixture = fixture().await;
    for (name, claim, low, high) in [
        ("exp-past", "exp", -365, -360),
        ("iat-old", "iat", -725, -720),
        ("iat-future", "iat", 3595, 3600),
        ("nbf-future", "nbf", 3595, 3600),
        ("auth-time-future", "auth_time", 3595, 3600),
    ] {
        fixture.provider.arm(name.parse().unwrap());
        let claimed = claims(&fixture).await.get(claim).and_then(Value::as_i64).unwrap();
        // The next token is signed later or in the same second.
        let now = claims(&fixture).await.get("iat").and_then(Value::as_i64).unwrap();
        assert!((low..=high).contains(&(claimed - now)), "{name}: {}", claimed - now);
    }
}

#[tokio::test]
async fn long_picture_has_the_declared_length() {
    let fixture = fixture().await;
    fixture.provider.arm("picture-long".parse().unwrap());
    let claims = claims(&fixture).await;
    assert_eq!(claims.get("picture").and_then(Value::as_str).map(str::len), Some(20_000));
}

#[tokio::test]
async fn claims_that_are_not_a_plain_object_are_sent_unchanged() {
    let fixture = fixture().await;
    for (name, holds, at_least) in [
        ("claims-sub-duplicated", r#","sub":"admin"}"#, 100),
        ("claims-exp-infinite", "9999999999", 500),
        ("claims-exp-nan", r#""exp":NaN}"#, 100),
        ("claims-list", "[{", 100),
        ("claims-not-json", "not json", 0),
        ("claims-megabyte", r#""pad":"aaa"#, 1024 * 1024),
        ("claims-deep", "[[[[]]]]", 40_000),
    ] {
        fixture.provider.arm(name.parse().unwrap());
        let payload = String::from_utf8(raw(&fixture, 1).await).unwrap();
        assert!(payload.contains(holds) && payload.len() >= at_least, "{name}");
        assert_eq!(claims(&fixture).await.get("aud").unwrap(), "foregate");
    }
    fixture.provider.arm("claims-empty".parse().unwrap());
    assert!(raw(&fixture, 1).await.is_empty());
    fixture.provider.arm("claims-not-utf8".parse().unwrap());
    assert!(String::from_utf8(raw(&fixture, 1).await).is_err());
}

async fn claims(fixture: &Fixture) -> Map<String, Value> {
    part(text(&fixture.tokens().await, "id_token"), 1)
}

/// Returns the bytes of a segment of a new ID token.
pub(crate) async fn raw(fixture: &Fixture, index: usize) -> Vec<u8> {
    let tokens = fixture.tokens().await;
    let segment = text(&tokens, "id_token").split('.').nth(index).unwrap();
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(segment).unwrap()
}

fn check(name: &str, expected: &str, healthy: Option<&Value>, faulty: Option<&Value>) {
    match expected {
        "-" => assert!(healthy.is_some() && faulty.is_none(), "{name}"),
        "*" => assert!(faulty.is_some() && !same("", healthy, faulty), "{name}: {faulty:?}"),
        json => {
            let json: Value = serde_json::from_str(json).unwrap();
            assert!(faulty == Some(&json) && healthy != Some(&json), "{name}: {faulty:?}");
        }
    }
}

/// Returns whether two tokens that are signed in short succession have the same value of a claim.
fn same(claim: &str, left: Option<&Value>, right: Option<&Value>) -> bool {
    if ["jti", "at_hash"].contains(&claim) {
        return true;
    }
    match (left.and_then(Value::as_u64), right.and_then(Value::as_u64)) {
        (Some(left), Some(right)) => left.abs_diff(right) < 60,
        _ => left == right,
    }
}
