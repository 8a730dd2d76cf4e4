//! The application behind the gateway

use http::Method;

use super::*;
use crate::access::target::Target;

#[test]
fn loopback_application_receives_its_own_host_unless_the_operator_chooses() {
    let host = |url: &str, choice: Option<&str>| {
        let set: Vec<_> = [("upstream.url", url)]
            .into_iter()
            .chain(choice.map(|choice| ("upstream.host", choice)))
            .collect();
        load_all(MINIMAL, &[], &set)
            .unwrap()
            .upstream
            .unwrap()
            .host
            .map(|host| host.to_str().unwrap().to_owned())
    };
    for (url, choice, expected) in [
        ("http://127.0.0.1:4466", None, Some("127.0.0.1:4466")),
        ("http://[::1]:4466", None, Some("[::1]:4466")),
        ("http://localhost:4466", None, Some("localhost:4466")),
        ("http://127.0.0.1:4466", Some("preserve"), None),
        ("http://headlamp.svc", None, None),
        ("http://headlamp.svc:80", Some("upstream"), Some("headlamp.svc")),
        ("http://headlamp.svc", Some("app.test:8080"), Some("app.test:8080")),
    ] {
        assert_eq!(host(url, choice).as_deref(), expected, "{url} {choice:?}");
    }
}

#[test]
fn headlamp_is_off_by_default_and_its_section_owns_authorization() {
    let off = load_all(MINIMAL, &[], &[("headlamp.clusters", "north")]).unwrap();
    assert!(
        off.headlamp.is_none() && !off.headers.authorization && !off.headers.stripped.matches("kubeconfig")
    );
    assert!(off.warnings.iter().any(|warning| warning.contains("headlamp.enabled")), "{:?}", off.warnings);
    assert!(load_all(MINIMAL, &[], &[("headlamp.enabled", "true")]).unwrap().headers.authorization);
}

#[test]
fn log_out_of_headlamp_is_on_if_the_gateway_sees_its_body() {
    let logs_out = |more: &[(&str, &str)]| {
        let set = [&[("headlamp.enabled", "true")], more].concat();
        let settings = load_all(MINIMAL, &[], &set).unwrap();
        let target = Target::parse(b"/clusters/main/set-token").unwrap();
        let warned = settings.warnings.iter().any(|warning| warning.contains("headlamp.logout"));
        (settings.headlamp.unwrap().may_log_out(&Method::POST, target), warned)
    };
    let proxy = ("upstream.url", "http://127.0.0.1:4466");
    assert_eq!(logs_out(&[]), (false, true), "and `check` says so");
    assert_eq!(logs_out(&[("headlamp.logout", "false")]), (false, false));
    assert_eq!(logs_out(&[("headlamp.logout", "true")]), (true, false));
    assert_eq!(logs_out(&[proxy]), (true, false));
    assert_eq!(logs_out(&[proxy, ("headlamp.logout", "false")]), (false, false));
}
