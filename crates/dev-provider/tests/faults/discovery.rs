//! Faults of the metadata

use dev_provider::{Fault, Settings, SigningAlgorithm};
use serde_json::{Map, Value, json};

use crate::harness::Fixture;

/// Each fault by name, with the new value of each changed member. `-` means absent, `*` any other value. Any other
/// text is the value.
const EXPECTED: [(&str, &[(&str, &str)]); 17] = [
    ("discovery-issuer-changed", &[("issuer", "https://op.example/INVALID")]),
    ("discovery-issuer-slash", &[("issuer", "https://op.example")]),
    ("discovery-issuer-missing", &[("issuer", "-")]),
    (
        "discovery-endpoints-elsewhere",
        &[
            ("authorization_endpoint", "*"),
            ("token_endpoint", "*"),
            ("userinfo_endpoint", "*"),
            ("end_session_endpoint", "*"),
        ],
    ),
    (
        "discovery-endpoints-http",
        &[
            ("authorization_endpoint", "http://op.example/authorize"),
            ("token_endpoint", "http://op.example/token"),
            ("userinfo_endpoint", "http://op.example/userinfo"),
            ("end_session_endpoint", "http://op.example/logout"),
            ("jwks_uri", "http://op.example/jwks"),
        ],
    ),
    ("discovery-token-endpoint-link-local", &[("token_endpoint", "http://169.254.169.254/latest/meta-data")]),
    ("discovery-token-endpoint-file", &[("token_endpoint", "file:///etc/passwd")]),
    ("discovery-jwks-elsewhere", &[("jwks_uri", "*")]),
    ("discovery-authorization-missing", &[("authorization_endpoint", "-")]),
    ("discovery-token-missing", &[("token_endpoint", "-")]),
    ("discovery-jwks-missing", &[("jwks_uri", "-")]),
    ("discovery-userinfo-missing", &[("userinfo_endpoint", "-")]),
    ("discovery-end-session-missing", &[("end_session_endpoint", "-")]),
    ("discovery-iss-flag-false", &[("authorization_response_iss_parameter_supported", "*")]),
    ("discovery-iss-flag-missing", &[("authorization_response_iss_parameter_supported", "-")]),
    ("discovery-pkce-missing", &[("code_challenge_methods_supported", "-")]),
    ("discovery-alg-none", &[("id_token_signing_alg_values_supported", "*")]),
];

#[tokio::test]
async fn each_discovery_fault_changes_its_members_and_no_other() {
    let settings = Settings {
        signing_algorithm: SigningAlgorithm::Es256,
        issuer: Some("https://op.example/".to_owned()),
        ..Settings::default()
    };
    let fixture = Fixture::with(settings).await;
    let healthy = metadata(&fixture).await;
    let mut checked = Vec::new();
    for (name, changes) in EXPECTED {
        fixture.provider.arm(name.parse().unwrap());
        let faulty = metadata(&fixture).await;
        for (member, expected) in changes {
            let is = faulty.get(*member);
            match *expected {
                "-" => assert!(is.is_none() && healthy.contains_key(*member), "{name}"),
                "*" => assert!(is.is_some() && is != healthy.get(*member), "{name}"),
                text => assert_eq!(is, Some(&json!(text)), "{name}"),
            }
        }
        for member in healthy.keys().filter(|member| !changes.iter().any(|(changed, _)| changed == member)) {
            assert_eq!(healthy.get(member), faulty.get(member), "{name} {member}");
        }
        assert_eq!(metadata(&fixture).await, healthy, "{name}");
        checked.push(name.parse().unwrap());
    }
    let all = Fault::all().into_iter().filter(|fault| matches!(fault, Fault::Discovery(_)));
    assert_eq!(all.collect::<Vec<_>>(), checked);
}

#[tokio::test]
async fn other_host_reaches_this_provider_and_counts_requests() {
    let fixture = crate::claims::fixture().await;
    for (name, member) in
        [("discovery-jwks-elsewhere", "jwks_uri"), ("discovery-endpoints-elsewhere", "token_endpoint")]
    {
        fixture.provider.arm(name.parse().unwrap());
        let url = metadata(&fixture).await.get(member).unwrap().as_str().unwrap().to_owned();
        let before = fixture.provider.observed().elsewhere;
        let host = format!("http://localhost:{}", fixture.provider.address().port());
        fixture.get(url.strip_prefix(&host).unwrap(), &[]).await;
        assert_eq!(fixture.provider.observed().elsewhere, before + 1);
    }
}

#[tokio::test]
async fn metadata_lists_weak_algorithms_and_the_false_flag() {
    let fixture = crate::claims::fixture().await;
    fixture.provider.arm("discovery-alg-none".parse().unwrap());
    let announced = metadata(&fixture).await.get("id_token_signing_alg_values_supported").cloned();
    assert_eq!(announced, Some(json!(["ES256", "none", "HS256"])));
    fixture.provider.arm("discovery-iss-flag-false".parse().unwrap());
    let flag = metadata(&fixture).await.get("authorization_response_iss_parameter_supported").cloned();
    assert_eq!(flag, Some(json!(false)));
}

async fn metadata(fixture: &Fixture) -> Map<String, Value> {
    fixture.get("/.well-known/openid-configuration", &[]).await.json().as_object().unwrap().clone()
}
