//! Attacks on sessions: forged cookies, sign-ins of another user, disclosed information

use reqwest::header::HeaderValue;

use super::Scene;
use crate::harness::{Application, Browser, Gateway, Provider, get, provider};

#[tokio::test]
async fn cve_2026_47775_changed_cookies_all_get_the_same_answer() {
    let scene = Scene::new("alice", &[]).await;
    let good = scene.browser.cookie("foregate").unwrap().to_owned();
    let mut answers = Vec::new();
    for place in [0, 1, 8, 20, 40, good.len() / 2, good.len() - 30, good.len() - 1] {
        let mut changed = good.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let cookie = format!("foregate={}", String::from_utf8(changed).unwrap());
        let reply = scene.ask_with(Some(HeaderValue::from_str(&cookie).unwrap()), &[]).await;
        answers.push((reply.status, reply.body));
    }
    answers.dedup();
    assert_eq!(answers, [(302, String::new())]);
}

#[tokio::test]
async fn cve_2026_19349_login_transaction_is_no_session() {
    let scene = Scene::new("alice", &[]).await;
    let mut unfinished = Browser::new();
    unfinished.open(&scene.gateway.url("/oauth2/start")).await;
    let name = unfinished
        .cookie_names()
        .into_iter()
        .find(|name| name.starts_with("foregate-login-"))
        .unwrap()
        .to_owned();
    let value = unfinished.cookie(&name).unwrap();
    let cookie = HeaderValue::from_str(&format!("foregate={value}")).unwrap();
    assert_eq!(scene.ask_with(Some(cookie), &[]).await.status, 302);
}

#[tokio::test]
async fn cve_2024_24814_cve_2023_28625_malformed_cookie_parts_are_no_session() {
    let scene = Scene::new("alice", &[]).await;
    let good = scene.browser.cookie("foregate").unwrap();
    let thousand = (0..1000).map(|number| format!("c{number}=x")).collect::<Vec<_>>().join("; ");
    for cookie in [
        format!("foregate-1={good}"),
        format!("foregate-3={good}; foregate-2=x; foregate-1="),
        format!("foregate=; foregate-1={good}"),
        format!("foregate-99999999={good}"),
        "foregate=BAAA; foregate-1=x; foregate-2=x; foregate-3=x".to_owned(),
        thousand,
    ] {
        let reply = scene.ask_with(Some(HeaderValue::from_str(&cookie).unwrap()), &[]).await;
        assert_eq!(reply.status, 302, "{}", &cookie[..40]);
    }
}

#[tokio::test]
async fn cve_2017_1000069_eef_cve_2026_66884_callback_in_another_browser_fails() {
    let scene = Scene::new("alice", &[]).await;
    let callback = scene.browser.visited.iter().find(|url| url.path() == "/oauth2/callback").unwrap();
    let mut victim = Browser::new();
    assert_eq!(victim.go(callback.as_str()).await.status, 400);
    assert_eq!(victim.cookie("foregate"), None);
    assert_eq!(scene.provider.observed().code_exchange, 1);
}

#[tokio::test]
async fn cve_2023_27496_cve_2026_9689_malformed_callback_is_refused() {
    let scene = Scene::new("alice", &[]).await;
    for query in [
        "",
        "?",
        "?code=",
        "?state=",
        "?code=&state=",
        "?code=a&code=b",
        "?state=a&state=a&code=x",
        "?error=",
    ] {
        assert_eq!(
            Browser::new().go(&scene.gateway.url(&format!("/oauth2/callback{query}"))).await.status,
            400,
            "{query}"
        );
    }
    assert_eq!(scene.ask(&[]).await.status, 200, "the gateway still answers");
}

#[tokio::test]
async fn cve_2026_33544_parallel_sign_ins_do_not_mix_up_users() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let users = ["alice", "testuser"].into_iter().cycle().take(40);
    let sign_ins = users.map(async |user| {
        let mut browser = Browser::new();
        let form = browser.open(&gateway.url("/oauth2/start")).await;
        browser.sign_in(&form, user, user).await;
        assert_eq!(gateway.ask_as(&browser, "/").await.header("x-forwarded-user"), Some(user));
    });
    futures_util::future::join_all(sign_ins).await;
}

#[tokio::test]
async fn ghsa_59jp_rwph_878r_application_is_unreachable_without_session() {
    let (application, provider) = (Application::start().await, provider().await);
    let gateway = Gateway::with(&provider, &[("upstream.url", &application.url())]).await;
    let page = Browser::new().go(&gateway.url("/secret")).await;
    assert_eq!((page.status, &*page.body, application.received().len()), (302, "", 0));
}

#[tokio::test]
async fn go_2024_2965_userinfo_contains_no_token() {
    let mut scene = Scene::new("alice", &[]).await;
    let page = scene.browser.go(&scene.gateway.url("/oauth2/userinfo")).await;
    assert!(page.body.contains("alice") && !page.body.contains("eyJ"), "{}", page.body);
}

#[tokio::test]
async fn cve_2022_24797_public_listener_serves_no_internal_endpoint() {
    let scene = Scene::new("alice", &[]).await;
    for path in ["/metrics", "/readyz", "/livez", "/debug/pprof/", "/check/traefik"] {
        assert_ne!(get(&scene.gateway.url(path)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn cve_2026_40574_email_with_two_at_signs_meets_no_domain_policy() {
    let mut settings = dev_provider::Settings::default();
    settings.users[0].email = "root@evil.test@example.com".to_owned();
    let provider = Provider::start(settings).await;
    let policy = [("policies.default.allowed_email_domains", "example.com")];
    let scene = Scene::at(provider, "testuser", &policy).await;
    assert_eq!(scene.ask(&[]).await.status, 403);
    assert_eq!(Scene::new("alice", &policy).await.ask(&[]).await.status, 200);
}

#[tokio::test]
async fn cve_2021_21411_policy_is_applied_at_each_check() {
    let groups = [("policies.default.allowed_groups", "ops")];
    assert_eq!(Scene::new("alice", &groups).await.ask(&[]).await.status, 403);
    assert_eq!(Scene::new("testuser", &groups).await.ask(&[]).await.status, 200);
}
