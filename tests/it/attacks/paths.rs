//! Attacks by ambiguous paths, hosts and methods

use super::Scene;
use crate::harness::{Application, Browser, Gateway, provider};

/// Without a session, none of these targets passes the check.
async fn expect_none_public(targets: &[&str]) {
    let scene = Scene::new("alice", &[]).await;
    assert_eq!(scene.ask_without_session(&[("x-forwarded-uri", "/open/x")]).await.status, 200);
    for target in targets {
        let reply = scene.ask_without_session(&[("x-forwarded-uri", target)]).await;
        assert!(matches!(reply.status, 302 | 400), "{target}: {}", reply.status);
    }
}

#[tokio::test]
async fn cve_2025_54576_query_makes_no_path_public() {
    expect_none_public(&["/admin?x=/open/", "/admin?/open/x", "/?p=/favicon.ico", "/admin?x=/open/../"])
        .await;
}

#[tokio::test]
async fn ghsa_pxq7_h93f_9jrg_cve_2026_54573_fragment_makes_no_path_public() {
    expect_none_public(&["/open/x#/../admin", "/open/secret%23/x", "/open#x", "/admin#/open/", "/open/%23"])
        .await;
}

#[tokio::test]
async fn cve_2026_33494_ghsa_p224_6x5r_fjpm_dot_segments_make_no_path_public() {
    expect_none_public(&["/open/../admin", "/open/..", "/open/x/../../admin", "/open/./x"]).await;
}

#[tokio::test]
async fn ghsa_3q34_rx83_r6mq_cve_2026_50559_odd_spelling_makes_no_path_public() {
    let spellings =
        ["%2e%2e", ".%2e", "%2E%2E", "%2e%2e%2f", "%252e%252e", "..;", "..%3b", "..\\", "%5c..", "%00"];
    let targets: Vec<String> = spellings.iter().map(|dots| format!("/open/{dots}/admin")).collect();
    expect_none_public(&targets.iter().map(String::as_str).collect::<Vec<_>>()).await;
    expect_none_public(&["//open/x", "/./open/x", "/open//x", "/open/\u{ff0f}..", "/Open/x"]).await;
}

#[tokio::test]
async fn go_2026_5108_escape_in_any_case_makes_no_path_public() {
    expect_none_public(&["/open/%2fadmin", "/open/%2Fadmin"]).await;
}

#[tokio::test]
async fn cve_2026_40575_cve_2026_76835_untrusted_peer_gets_no_public_path() {
    let scene = Scene::new("alice", &[("check.trusted_proxies", "10.9.9.9")]).await;
    assert_eq!(scene.ask_without_session(&[("x-forwarded-uri", "/open/x")]).await.status, 403);
}

#[tokio::test]
async fn cve_2026_39858_second_forwarded_field_is_refused() {
    let scene = Scene::new("alice", &[]).await;
    for (name, value) in [
        ("+x-forwarded-uri", "/open/x"),
        ("+x-forwarded-host", "else.test"),
        ("+x-forwarded-method", "GET"),
        ("+x-forwarded-proto", "https"),
        ("+x-forwarded-for", "10.0.0.1"),
        ("x_forwarded_uri", "/open/x"),
    ] {
        assert_eq!(scene.ask_without_session(&[(name, value)]).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn ghsa_xg2q_62g2_cvcm_missing_or_empty_forwarded_field_does_not_pass() {
    let scene = Scene::new("alice", &[]).await;
    for name in ["uri", "host", "method", "proto", "for"] {
        let name = format!("x-forwarded-{name}");
        assert_eq!(scene.ask(&[(&name, "(absent)")]).await.status, 400, "{name}");
        assert_ne!(scene.ask(&[(&name, "")]).await.status, 200, "{name} empty");
    }
}

#[tokio::test]
async fn cve_2021_32637_ghsa_68wm_pfjf_wqp6_unreadable_target_does_not_pass() {
    let scene = Scene::new("alice", &[]).await;
    for target in ["x", "", "*", "http://app/", "//", "/a b", "/%", "/%zz", "/\u{fffd}", "?x"] {
        let reply = scene.ask_without_session(&[("x-forwarded-uri", target)]).await;
        assert!(matches!(reply.status, 302 | 400), "{target}: {}", reply.status);
    }
}

#[tokio::test]
async fn ghsa_72h4_mxfc_jx37_cve_2026_77560_host_is_case_insensitive() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("public.urls", "http://app.localhost:PORT")]).await;
    let scene = Scene { provider, gateway, browser: Browser::new() };
    for host in ["app.localhost", "APP.LOCALHOST", "App.Localhost.", "app.localhost:1"] {
        assert_eq!(scene.ask_without_session(&[("x-forwarded-host", host)]).await.status, 302, "{host}");
    }
    for host in ["app.localhost.evil.test", "xapp.localhost", "", "app.localhost..", "app.localhost:x"] {
        let reply = scene.ask_without_session(&[("x-forwarded-host", host)]).await;
        assert!(matches!(reply.status, 400 | 403), "{host}: {}", reply.status);
    }
}

#[tokio::test]
async fn cve_2020_14359_method_is_case_sensitive() {
    let scene = Scene::new("alice", &[]).await;
    for method in ["get", "GeT", "FOO", "POST"] {
        let fields = [("x-forwarded-uri", "/open/x"), ("x-forwarded-method", method)];
        assert_ne!(scene.ask_without_session(&fields).await.status, 200, "{method}");
    }
}

#[tokio::test]
async fn ghsa_vj36_3ccr_6563_cve_2026_57210_malformed_client_address_is_refused() {
    let scene = Scene::new("alice", &[]).await;
    for client in ["x", "\"10.0.0.1\"", "unknown", "10.0.0.1, ", "for=10.0.0.1", "999.1.1.1"] {
        assert_eq!(scene.ask(&[("x-forwarded-for", client)]).await.status, 400, "{client}");
    }
}

#[tokio::test]
async fn cve_2024_21499_forwarded_scheme_never_reaches_a_redirect() {
    let scene = Scene::new("alice", &[]).await;
    for scheme in ["javascript", "http:evil", "HTTPS", "https://evil.test/", ""] {
        assert_eq!(scene.ask_without_session(&[("x-forwarded-proto", scheme)]).await.status, 400, "{scheme}");
    }
    let reply = scene.ask_without_session(&[("x-forwarded-proto", "https")]).await;
    assert!(reply.header("location").unwrap().starts_with(&scene.gateway.url("/oauth2/start")));
}

#[tokio::test]
async fn cve_2023_33189_cve_2021_39206_checked_target_is_forwarded_unchanged() {
    let (application, provider) = (Application::start().await, provider().await);
    let gateway = Gateway::with(&provider, &[("upstream.url", &application.url())]).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "alice", "alice").await;
    for target in ["/a//b", "/a;x=1/b", "/%61", "/a%2Fb", "/x?y=%zz", "/a%20b"] {
        browser.go(&gateway.url(target)).await;
        assert_eq!(application.received().pop().unwrap().0, target);
    }
}
