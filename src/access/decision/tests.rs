use std::collections::BTreeMap;

use http::HeaderName;

use super::*;
use crate::access::headers::IdentityHeaderNames;
use crate::access::policy::{Policy, Refusal};
use crate::access::public_paths::{PublicPath, PublicPaths, PublicRule};
use crate::access::query_conditions::NO_CONDITIONS;
use crate::access::target::Target;

fn rules() -> Rules {
    let names = IdentityHeaderNames {
        user: HeaderName::from_static("x-forwarded-user"),
        group: HeaderName::from_static("x-forwarded-group"),
        email: HeaderName::from_static("x-forwarded-email"),
        id_token: HeaderName::from_static("x-forwarded-id-token"),
    };
    let dev = Policy::new(vec!["dev".to_owned()], vec![], vec![]);
    Rules {
        owned: OwnedHeaders::new(names, false),
        policies: Policies::new(BTreeMap::from([("dev".to_owned(), dev)])),
        public_paths: PublicPaths::new(vec![PublicRule {
            methods: vec![Method::GET],
            hosts: vec![],
            paths: vec![PublicPath::parse("/open/").unwrap()],
        }]),
        headlamp: None,
        origins: Origins::new(vec![Origin::parse("https://app.test").unwrap()]),
        sign_in: SignInBy::Start,
        allow_cross_origin_writes: false,
    }
}

struct Case {
    method: Method,
    headers: HeaderMap,
    policy: &'static str,
    groups: Option<&'static str>,
}

fn case() -> Case {
    Case {
        method: Method::GET,
        headers: headers(&[("accept", "text/html")]),
        policy: "default",
        groups: None,
    }
}

fn run(case: &Case) -> Decision {
    run_on(case, "/c/main?q=ü".as_bytes())
}

fn run_on(case: &Case, target: &[u8]) -> Decision {
    let rules = rules();
    let user = |groups| IdentityRef { subject: "1", user: "alice", email: "", groups };
    let session = case.groups.map(|groups| SessionCredential {
        user: user(groups),
        id_token: TokenText::Whole("h.p.s"),
        policies: None,
    });
    let request = AccessRequest {
        origin: rules.origins.iter().next().unwrap(),
        target: Target::parse(target).unwrap(),
        method: &case.method,
        headers: &case.headers,
        policy: case.policy,
        conditions: &NO_CONDITIONS,
        foreign_fields_are_removed: true,
        client_is_hidden: false,
        credential: session.map_or(Credential::None, Credential::Session),
    };
    decide(&rules, &request, b"theme=dark".to_vec())
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// A form that a page sends; the fields say which page.
fn form(fields: &[(&'static str, &'static str)]) -> Case {
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    Case { method: Method::POST, headers: headers(&[&navigation, fields].concat()), ..case() }
}

#[test]
fn user_with_a_session_passes() {
    assert!(matches!(run(&Case { groups: Some("dev"), ..case() }), Decision::Allow(_)));
}

#[test]
fn public_path_passes_without_identity_or_with_the_permitted_user() {
    let values = |case: &Case| match run_on(case, b"/open/x?y") {
        Decision::Allow(grant) => {
            grant.fields().map(|(_, value)| value.to_str().unwrap().to_owned()).collect()
        }
        decision => vec![format!("{decision:?}")],
    };
    assert_eq!(values(&case()), ["theme=dark", "", "", "", ""]);
    assert_eq!(values(&Case { groups: Some("dev"), ..case() }), ["theme=dark", "alice", "dev", "", "h.p.s"]);
    let not_permitted = Case { policy: "dev", groups: Some("ops"), ..case() };
    assert_eq!(values(&not_permitted), ["theme=dark", "", "", "", ""]);
    let spoof = Case { headers: headers(&[("x_forwarded_user", "root")]), ..case() };
    assert!(matches!(run_on(&spoof, b"/open/x"), Decision::Deny(Denial::Alias(_))));
    let socket = Case {
        headers: headers(&[("upgrade", "websocket"), ("origin", "https://evil.test")]),
        groups: Some("dev"),
        ..case()
    };
    assert!(matches!(run_on(&socket, b"/open/x"), Decision::Deny(Denial::CrossOriginWebSocket)));
    assert!(matches!(run_on(&case(), b"/open/../x"), Decision::Challenge(_)));
}

#[test]
fn navigation_without_session_is_redirected_to_sign_in_with_its_url() {
    let Decision::Challenge(Challenge::SignIn(url)) = run(&case()) else { panic!() };
    assert_eq!(url, "https://app.test/oauth2/start?rd=https%3A%2F%2Fapp.test%2Fc%2Fmain%3Fq%3D%25C3%25BC");
}

#[test]
fn form_without_session_is_redirected_to_the_form_not_sent_page() {
    let Decision::Challenge(Challenge::FormNotSent(url)) = run(&form(&[])) else { panic!() };
    assert_eq!(url, "https://app.test/oauth2/sign_in?form=not_sent&rd=https%3A%2F%2Fapp.test%2F");
    let from = form(&[("referer", "https://app.test/edit")]);
    let Decision::Challenge(Challenge::FormNotSent(url)) = run(&from) else { panic!() };
    assert!(url.ends_with("rd=https%3A%2F%2Fapp.test%2Fedit"));
    let other = form(&[("referer", "https://evil.test/edit")]);
    let Decision::Challenge(Challenge::FormNotSent(url)) = run(&other) else { panic!() };
    assert!(url.ends_with("rd=https%3A%2F%2Fapp.test%2F"));
}

#[test]
fn script_and_websocket_without_session_are_unauthenticated() {
    for field in [("accept", "*/*"), ("upgrade", "websocket")] {
        let decision = run(&Case { headers: headers(&[field]), ..case() });
        assert!(matches!(decision, Decision::Challenge(Challenge::Unauthenticated)));
    }
}

#[test]
fn websocket_of_another_origin_is_denied_with_a_session() {
    let socket = |value| Case {
        groups: Some(""),
        headers: headers(&[("upgrade", "websocket"), ("origin", value)]),
        ..case()
    };
    for other in [
        "https://evil.test",
        "null",
        "http://app.test",
        "https://app.test:8443",
        "https://app.test.evil.test",
    ] {
        assert!(matches!(run(&socket(other)), Decision::Deny(Denial::CrossOriginWebSocket)), "{other}");
    }
    assert!(matches!(run(&socket("https://app.test")), Decision::Allow(_)));
}

#[test]
fn cross_origin_write_is_denied() {
    let write = |method, fields: &[(&'static str, &'static str)]| Case {
        method,
        headers: headers(fields),
        groups: Some(""),
        ..case()
    };
    let passes = |case: &Case| match run(case) {
        Decision::Allow(_) => true,
        Decision::Deny(Denial::CrossOriginWrite) => false,
        other => panic!("{other:?}"),
    };
    for other in ["https://sibling.test", "null", "http://app.test", "https://app.test:8443", "x"] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!passes(&write(method, &[("origin", other)])), "{other}");
        }
        assert!(passes(&write(Method::GET, &[("origin", other)])), "the browser protects reads");
    }
    assert!(!passes(&write(Method::POST, &[("sec-fetch-site", "same-site")])));
    assert!(!passes(&write(Method::POST, &[("sec-fetch-site", "cross-site")])));
    assert!(passes(&write(
        Method::POST,
        &[("origin", "https://app.test"), ("sec-fetch-site", "same-origin")]
    )));
    assert!(passes(&write(Method::POST, &[])), "a program");
}

#[test]
fn unmet_policy_and_unknown_policy_deny() {
    let decision = run(&Case { policy: "dev", groups: Some("ops"), ..case() });
    assert!(matches!(decision, Decision::Deny(Denial::Policy { refusal: Refusal::Group, .. })));
    for groups in [Some("dev"), None] {
        let decision = run(&Case { policy: "other", groups, ..case() });
        assert!(matches!(decision, Decision::Deny(Denial::UnknownPolicy)));
    }
}

#[test]
fn alias_is_denied_before_any_other_rule() {
    let aliased = Case { headers: headers(&[("x_forwarded_user", "root")]), groups: Some("dev"), ..case() };
    assert!(matches!(run(&aliased), Decision::Deny(Denial::Alias(_))));
}
