//! Attacks by header fields of a client

use reqwest::Method;
use reqwest::header::HeaderMap;

use super::Scene;
use crate::harness::{Application, Browser, Gateway, provider};

#[tokio::test]
async fn go_2026_4639_cve_2026_30851_absent_claim_clears_the_client_header() {
    // bob is in no group, and his email address is not verified.
    let scene = Scene::new("bob", &[]).await;
    let reply = scene.ask(&[("x-forwarded-group", "admins"), ("x-forwarded-email", "ceo@example.com")]).await;
    assert_eq!(reply.status, 200);
    assert_eq!((reply.header("x-forwarded-group"), reply.header("x-forwarded-email")), (Some(""), Some("")));
}

#[tokio::test]
async fn cve_2025_64484_go_2026_5346_alias_with_underscore_is_refused() {
    let scene = Scene::new("alice", &[]).await;
    for name in ["X_Forwarded_User", "x-forwarded_user", "X_FORWARDED_GROUP"] {
        assert_eq!(scene.ask(&[(name, "root")]).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn cve_2026_88011_cve_2026_88879_alias_with_dot_is_refused() {
    let scene = Scene::new("alice", &[]).await;
    assert_eq!(scene.ask(&[("X.Forwarded.User", "root")]).await.status, 400);
}

#[tokio::test]
async fn cve_2026_54763_own_proxy_refuses_an_alias() {
    let (application, provider) = (Application::start().await, provider().await);
    let gateway = Gateway::with(&provider, &[("upstream.url", &application.url())]).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "alice", "alice").await;
    let before = application.received().len();
    let alias = HeaderMap::from_iter([("x_forwarded_user".parse().unwrap(), "root".parse().unwrap())]);
    assert_eq!(browser.request(Method::GET, &gateway.url("/"), alias, None).await.status, 400);
    assert_eq!(application.received().len(), before);
}

#[tokio::test]
async fn cve_2026_63329_websocket_is_checked_like_a_page() {
    let scene = Scene::new("alice", &[]).await;
    let own = scene.gateway.url("");
    let socket = [("sec-websocket-key", "x"), ("origin", &*own)];
    let reply = scene.ask(&[&socket[..], &[("x-forwarded-user", "root")]].concat()).await;
    assert_eq!((reply.status, reply.header("x-forwarded-user")), (200, Some("alice")));
    assert_eq!(scene.ask(&[&socket[..], &[("x_forwarded_user", "root")]].concat()).await.status, 400);
}

#[tokio::test]
async fn cve_2026_85751_no_header_makes_a_peer_trusted() {
    let scene = Scene::new("alice", &[("check.trusted_proxies", "10.9.9.9")]).await;
    for name in ["x-forwarded-by", "x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip"] {
        assert_eq!(scene.ask(&[(name, "10.9.9.9")]).await.status, 403, "{name}");
    }
}

/// `Connection` must not name a header field that the gateway owns, or one that it needs.
#[tokio::test]
async fn ghsa_w9mr_28mw_j8hg_cve_2024_45410_cve_2025_48865_owned_option_refused() {
    let scene = Scene::new("alice", &[]).await;
    for named in ["X-Forwarded-User", "close, x-forwarded-id-token", "Cookie", "X-Forwarded-Uri"] {
        assert_eq!(scene.ask(&[("connection", named)]).await.status, 400, "{named}");
    }
}

#[tokio::test]
async fn ghsa_5hvv_m4w4_gf6v_cve_2026_34457_no_user_agent_bypasses_sign_in() {
    let scene = Scene::new("alice", &[]).await;
    for agent in ["GoogleHC/1.0", "kube-probe/1.31", "ELB-HealthChecker/2.0", ""] {
        assert_eq!(scene.ask_without_session(&[("user-agent", agent)]).await.status, 302, "{agent}");
    }
}

#[tokio::test]
async fn cve_2022_29226_bearer_token_is_no_session() {
    let scene = Scene::new("alice", &[("headers.authorization", "true")]).await;
    let token = scene.ask(&[]).await.header("x-forwarded-id-token").unwrap().to_owned();
    for bearer in ["Bearer x", "Bearer ", &format!("Bearer {token}")] {
        let reply = scene.ask_without_session(&[("authorization", bearer)]).await;
        assert_eq!((reply.status, reply.header("authorization")), (302, None), "{bearer}");
    }
}

#[tokio::test]
async fn cve_2026_35051_forwarded_prefix_is_ignored() {
    let scene = Scene::new("alice", &[]).await;
    let reply = scene.ask_without_session(&[("x-forwarded-prefix", "/open")]).await;
    assert_eq!(reply.status, 302);
    assert!(!reply.header("location").unwrap().contains("open"));
}
