//! Faults of the metadata

use dev_provider::{Fault, Settings, SigningAlgorithm};
use serde_json::{Map, Value, json};

use crate::harness::Fixture;

/// Each fault by name, with the new value of each changed member. `-` means absent, `*` any other value. Any other
/// text is the value, as JSON after `json:`.
const EXPECTED: [(&str, &[(&str, &str)]); 33] = [
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
    ("discovery-alg-hs256-only", &[("id_token_signing_alg_values_supported", r#"json:["HS256"]"#)]),
    ("discovery-alg-hs512-only", &[("id_token_signing_alg_values_supported", r#"json:["HS512"]"#)]),
    ("discovery-alg-other", &[("id_token_signing_alg_values_supported", r#"json:["RS256"]"#)]),
    ("discovery-alg-missing", &[("id_token_signing_alg_values_supported", "-")]),
    ("discovery-alg-empty", &[("id_token_signing_alg_values_supported", "json:[]")]),
    ("discovery-alg-number", &[("id_token_signing_alg_values_supported", "json:256")]),
    ("discovery-scopes-no-offline", &[("scopes_supported", r#"json:["openid","profile","email"]"#)]),
    ("discovery-scopes-missing", &[("scopes_supported", "-")]),
    ("discovery-scopes-text", &[("scopes_supported", "openid offline_access")]),
    (
        "discovery-unused-odd-types",
        &[
            ("claims_supported", "json:7"),
            ("claim_types_supported", "json:null"),
            ("response_modes_supported", r#"json:{"query":true}"#),
            ("subject_types_supported", "public"),
            ("claims_parameter_supported", "false"),
            ("service_documentation", r#"json:[{"url":1}]"#),
            ("ui_locales_supported", "json:false"),
        ],
    ),
    (
        "discovery-unused-null",
        &[
            ("registration_endpoint", "json:null"),
            ("introspection_endpoint", "json:null"),
            ("check_session_iframe", "json:null"),
            ("end_session_endpoint", "json:null"),
            ("revocation_endpoint", "json:null"),
            ("userinfo_endpoint", "json:null"),
        ],
    ),
    ("discovery-iss-flag-text", &[("authorization_response_iss_parameter_supported", "true")]),
    ("discovery-revocation-number", &[("revocation_endpoint", "json:7")]),
    ("discovery-revocation-missing", &[("revocation_endpoint", "-")]),
    ("discovery-end-session-number", &[("end_session_endpoint", "json:7")]),
    (
        "discovery-auth-methods-post",
        &[("token_endpoint_auth_methods_supported", r#"json:["client_secret_post"]"#)],
    ),
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
                text => assert_eq!(is, Some(&value(text)), "{name}"),
            }
        }
        let members = healthy.keys().chain(faulty.keys());
        for member in members.filter(|member| !changes.iter().any(|(changed, _)| changed == member)) {
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

#[tokio::test]
async fn metadata_names_es256_for_a_provider_that_signs_otherwise() {
    let fixture =
        Fixture::with(Settings { signing_algorithm: SigningAlgorithm::EdDsa, ..Settings::default() });
    let fixture = fixture.await;
    fixture.provider.arm("discovery-alg-other".parse().unwrap());
    let announced = metadata(&fixture).await.get("id_token_signing_alg_values_supported").cloned();
    assert_eq!(announced, Some(json!(["ES256"])));
}

fn value(text: &str) -> Value {
    text.strip_prefix("json:").map_or_else(|| json!(text), |json| serde_json::from_str(json).unwrap())
}

async fn metadata(fixture: &Fixture) -> Map<String, Value> {
    fixture.get("/.well-known/openid-configuration", &[]).await.json().as_object().unwrap().clone()
}
