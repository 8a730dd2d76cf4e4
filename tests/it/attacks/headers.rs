//! A client's header believed.

use reqwest::Method;
use reqwest::header::HeaderMap;

use super::Scene;
use crate::harness::{Application, Browser, Gateway, provider};

#[tokio::test]
async fn go_2026_4639_cve_2026_30851_where_there_is_no_value_the_clients_is_not_kept() {
    // bob is in no group, and nobody has verified his address.
    let scene = Scene::new("bob", &[]).await;
    let asked = scene.ask(&[("x-forwarded-group", "admins"), ("x-forwarded-email", "ceo@example.com")]).await;
    assert_eq!(asked.status, 200);
    assert_eq!((asked.header("x-forwarded-group"), asked.header("x-forwarded-email")), (Some(""), Some("")));
}

#[tokio::test]
async fn cve_2025_64484_go_2026_5346_an_underscore_is_an_alias() {
    let scene = Scene::new("alice", &[]).await;
    for name in ["X_Forwarded_User", "x-forwarded_user", "X_FORWARDED_GROUP"] {
        assert_eq!(scene.ask(&[(name, "root")]).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn cve_2026_88011_cve_2026_88879_a_dot_is_an_alias() {
    let scene = Scene::new("alice", &[]).await;
    assert_eq!(scene.ask(&[("X.Forwarded.User", "root")]).await.status, 400);
}

#[tokio::test]
async fn cve_2026_54763_an_alias_does_not_pass_our_own_proxy() {
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
async fn cve_2026_63329_a_socket_is_guarded_like_a_page() {
    let scene = Scene::new("alice", &[]).await;
    let own = scene.gateway.url("");
    let socket = [("sec-websocket-key", "x"), ("origin", &*own)];
    let asked = scene.ask(&[&socket[..], &[("x-forwarded-user", "root")]].concat()).await;
    assert_eq!((asked.status, asked.header("x-forwarded-user")), (200, Some("alice")));
    assert_eq!(scene.ask(&[&socket[..], &[("x_forwarded_user", "root")]].concat()).await.status, 400);
}

#[tokio::test]
async fn cve_2026_85751_no_header_makes_a_peer_trusted() {
    let scene = Scene::new("alice", &[("check.trusted_proxies", "10.9.9.9")]).await;
    for name in ["x-forwarded-by", "x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip"] {
        assert_eq!(scene.ask(&[(name, "10.9.9.9")]).await.status, 403, "{name}");
    }
}

#[tokio::test]
async fn ghsa_w9mr_28mw_j8hg_cve_2024_45410_cve_2025_48865_nothing_of_ours_is_named_in_connection() {
    let scene = Scene::new("alice", &[]).await;
    for named in ["X-Forwarded-User", "close, x-forwarded-id-token", "Cookie", "X-Forwarded-Uri"] {
        assert_eq!(scene.ask(&[("connection", named)]).await.status, 400, "{named}");
    }
}

#[tokio::test]
async fn ghsa_5hvv_m4w4_gf6v_cve_2026_34457_no_user_agent_opens_a_door() {
    let scene = Scene::new("alice", &[]).await;
    for agent in ["GoogleHC/1.0", "kube-probe/1.31", "ELB-HealthChecker/2.0", ""] {
        assert_eq!(scene.ask_as_nobody(&[("user-agent", agent)]).await.status, 302, "{agent}");
    }
}

#[tokio::test]
async fn cve_2022_29226_a_bearer_token_is_no_session() {
    let scene = Scene::new("alice", &[("headers.authorization", "true")]).await;
    let token = scene.ask(&[]).await.header("x-forwarded-id-token").unwrap().to_owned();
    for bearer in ["Bearer x", "Bearer ", &format!("Bearer {token}")] {
        let asked = scene.ask_as_nobody(&[("authorization", bearer)]).await;
        assert_eq!((asked.status, asked.header("authorization")), (302, None), "{bearer}");
    }
}

#[tokio::test]
async fn cve_2026_35051_a_prefix_of_a_client_is_not_read() {
    let scene = Scene::new("alice", &[]).await;
    let asked = scene.ask_as_nobody(&[("x-forwarded-prefix", "/open")]).await;
    assert_eq!(asked.status, 302);
    assert!(!asked.header("location").unwrap().contains("open"));
}
