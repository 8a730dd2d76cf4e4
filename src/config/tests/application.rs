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

#[test]
fn id_token_is_kept_unless_it_is_dropped() {
    for (set, keeps) in [(None, true), (Some("keep"), true), (Some("drop"), false)] {
        let set: Vec<_> = set.into_iter().map(|value| ("session.id_token", value)).collect();
        assert_eq!(load_all(MINIMAL, &[], &set).unwrap().session.keeps_id_token, keeps, "{set:?}");
    }
    let found = load_all(MINIMAL, &[], &[("session.id_token", "dorp")]).err().unwrap().to_string();
    assert!(found.contains("did you mean \"drop\"?"), "{found}");
}

#[test]
fn dropped_id_token_is_refused_with_each_setting_that_passes_it_on() {
    let passing_on =
        [("headlamp.enabled", "true"), ("headers.authorization", "true"), ("headers.id_token", "X-Token")];
    for setting in passing_on {
        assert!(load_all(MINIMAL, &[], &[setting, ("session.id_token", "keep")]).is_ok(), "{setting:?}");
        let found = load_all(MINIMAL, &[], &[setting, ("session.id_token", "drop")]).err().unwrap();
        let mistake = found.iter().next().unwrap();
        assert_eq!((found.count(), mistake.key.as_str()), (1, "session.id_token"), "{found}");
        assert!(mistake.wrong.starts_with(setting.0) && mistake.right.contains(setting.0), "{found}");
        assert!(mistake.right.starts_with("\"keep\"; or "), "{found}");
    }
    let all = [passing_on.as_slice(), &[("session.id_token", "drop")]].concat();
    assert_eq!(load_all(MINIMAL, &[], &all).err().unwrap().count(), 3);
}
