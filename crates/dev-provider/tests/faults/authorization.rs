//! Faults of the authorization response

use dev_provider::Fault;

use crate::claims::fixture;
use crate::harness::Fixture;

/// Each fault by name, with the parameters that differ from a healthy response. `-` means absent, `2` the same value
/// twice, `+` a `1` at the end. Any other text is the value.
const EXPECTED: [(&str, &[(&str, &str)]); 25] = [
    ("authorization-iss-changed", &[("iss", "+")]),
    ("authorization-iss-missing", &[("iss", "-")]),
    ("authorization-iss-duplicated", &[("iss", "2")]),
    ("authorization-state-changed", &[("state", "+")]),
    ("authorization-state-missing", &[("state", "-")]),
    ("authorization-state-duplicated", &[("state", "2")]),
    ("authorization-code-missing", &[("code", "-")]),
    ("authorization-code-empty", &[("code", "")]),
    ("authorization-code-duplicated", &[("code", "2")]),
    (
        "authorization-error-odd",
        &[
            ("code", "-"),
            ("error", "<b>odd</b>\r\n"),
            ("error_description", "<script>alert(1)</script>\u{1b}[31m\r\nforged=1"),
        ],
    ),
    ("authorization-error-and-code", &[("error", "access_denied")]),
    ("authorization-error-duplicated", &[("code", "-"), ("error", "2")]),
    ("authorization-session-state", &[("session_state", "state-of-the-session")]),
    ("authorization-session-state-duplicated", &[("session_state", "2")]),
    (
        "authorization-error-access-denied",
        &[("code", "-"), ("error", "access_denied"), ("error_description", "the user denied the request")],
    ),
    (
        "authorization-error-invalid-scope",
        &[
            ("code", "-"),
            ("error", "invalid_scope"),
            ("error_description", "the client may not request the scope nonsense"),
        ],
    ),
    (
        "authorization-error-unauthorized-client",
        &[
            ("code", "-"),
            ("error", "unauthorized_client"),
            ("error_description", "the client may not use this response type"),
        ],
    ),
    (
        "authorization-error-invalid-client",
        &[("code", "-"), ("error", "invalid_client"), ("error_description", "the client is disabled")],
    ),
    (
        "authorization-error-invalid-request",
        &[
            ("code", "-"),
            ("error", "invalid_request"),
            ("error_description", "the parameter code_challenge_method is not allowed"),
        ],
    ),
    (
        "authorization-error-login-required",
        &[("code", "-"), ("error", "login_required"), ("error_description", "no user is signed in")],
    ),
    (
        "authorization-error-consent-required",
        &[("code", "-"), ("error", "consent_required"), ("error_description", "the user must consent")],
    ),
    (
        "authorization-error-server-error",
        &[
            ("code", "-"),
            ("error", "server_error"),
            ("error_description", "the provider could not process the request"),
        ],
    ),
    (
        "authorization-error-temporarily-unavailable",
        &[
            ("code", "-"),
            ("error", "temporarily_unavailable"),
            ("error_description", "the provider is restarting"),
        ],
    ),
    (
        "authorization-error-authentication-expired",
        &[
            ("code", "-"),
            ("error", "temporarily_unavailable"),
            ("error_description", "authentication_expired"),
        ],
    ),
    (
        "authorization-access-denied-no-state",
        &[
            ("code", "-"),
            ("error", "access_denied"),
            ("error_description", "the user denied the request"),
            ("state", "-"),
        ],
    ),
];

#[tokio::test]
async fn each_authorization_fault_changes_its_parameters_and_no_other() {
    let fixture = fixture().await;
    fixture.code().await;
    let mut checked = Vec::new();
    for (name, changes) in EXPECTED {
        fixture.provider.arm(name.parse().unwrap());
        let faulty = sent_back(&fixture).await;
        let healthy = sent_back(&fixture).await;
        for parameter in ["iss", "state", "code", "error", "error_description", "session_state"] {
            let (was, is) = (values(&healthy, parameter), values(&faulty, parameter));
            match changes.iter().find(|(changed, _)| *changed == parameter) {
                Some((_, "-")) => assert!(is.is_empty(), "{name} {parameter}"),
                Some((_, "2")) => assert!(is.len() == 2 && is.first() == is.last(), "{name} {parameter}"),
                Some((_, "+")) => assert_eq!(is, [format!("{}1", was.first().unwrap())], "{name}"),
                Some((_, value)) => assert_eq!(is, [*value], "{name} {parameter}"),
                None => assert_eq!(is.len(), was.len(), "{name} {parameter}"),
            }
        }
        assert_eq!((healthy.len(), values(&healthy, "state")), (3, vec!["a state & more".to_owned()]));
        checked.push(name.parse().unwrap());
    }
    let all = Fault::all().into_iter().filter(|fault| matches!(fault, Fault::Authorization(_)));
    assert_eq!(all.collect::<Vec<_>>(), checked);
}

#[tokio::test]
async fn authorization_faults_affect_the_sign_in_form() {
    let fixture = fixture().await;
    let page = fixture.authorize(&[]).await;
    fixture.provider.arm("authorization-iss-missing".parse().unwrap());
    let reply = fixture.submit(&page, "testuser", "testuser").await;
    assert!(reply.sent_back("code").is_some() && reply.sent_back("iss").is_none());
}

type Pairs = Vec<(String, String)>;

async fn sent_back(fixture: &Fixture) -> Pairs {
    let reply = fixture.authorize(&[]).await;
    url::Url::parse(reply.header("location").unwrap()).unwrap().query_pairs().into_owned().collect()
}

fn values(pairs: &Pairs, name: &str) -> Vec<String> {
    pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone()).collect()
}
