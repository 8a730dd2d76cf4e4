//! What goes wrong while sessions are renewed, and what may people notice of it?

use super::*;

/// Errors at some renewals, new signing keys, and clients that go away: no poll fails, and no token is sent twice.
#[tokio::test]
async fn a_rough_time_costs_nobody_anything() {
    let provider = short_lived(LONG).await;
    let gateway = Gateway::start(&provider).await;
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(signed_in(&gateway).await);
    }
    for _ in 0..2 {
        provider.arm_at_refresh(&["token-status-500".parse().unwrap()]);
    }
    let impatient = client();
    for round in 0..22 {
        if round == 10 {
            provider.rotate_keys().await.unwrap();
        }
        for browser in &browsers {
            for milliseconds in 0..5 {
                let poll = poll_by(&impatient, &gateway, browser);
                let _gone = tokio::time::timeout(Duration::from_millis(milliseconds), poll).await;
            }
        }
        polled(&gateway, &mut browsers, 8, true).await;
    }
    let observed = provider.observed();
    assert!(observed.refresh >= 4 && observed.token >= 4 + observed.refresh + 2, "{observed:?}");
    assert_eq!((observed.reuse_violations, observed.login), (0, 4), "{observed:?}");
}

/// 429 with `Retry-After: 7`, which leaves two seconds: it is asked again in time, and not before.
#[tokio::test]
async fn a_provider_that_asks_for_patience_gets_it_and_nobody_notices() {
    let (provider, gateway, mut browser) = scene(40).await;
    provider.arm_at_refresh(&["token-status-429".parse().unwrap()]);
    seconds(30).await;
    polled(&gateway, std::slice::from_mut(&mut browser), 30, true).await;
    let asked = provider.observed();
    assert_eq!((asked.token, asked.refresh), (2, 0), "once, and not again");
    polled(&gateway, std::slice::from_mut(&mut browser), 60, true).await;
    assert_eq!(provider.observed().refresh, 1);
}

#[tokio::test]
async fn an_outage_ends_no_session() {
    let (provider, gateway, mut browser) = scene(LONG).await;
    provider.hold("token-status-503".parse().unwrap());
    seconds(9).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200, "the tokens are good");
    seconds(4).await;
    for answer in [poll(&gateway, &browser).await, gateway.ask_as(&browser, "/").await] {
        let said = (answer.status, answer.header("retry-after").is_some(), answer.header("x-reload"));
        let page = answer.header("location").is_some_and(|to| to.contains("/oauth2/refresh"));
        assert!(page || said == (503, true, None), "{said:?}");
        assert!(!answer.headers.contains_key("set-cookie"), "no cookie is removed");
    }
    let page = browser.go(&gateway.url("/oauth2/refresh?rd=/pods")).await;
    assert_eq!((page.status, page.headers.contains_key("set-cookie")), (503, false));
    provider.release_all();
    for _ in 0..100 {
        if poll(&gateway, &browser).await.status == 200 {
            let observed = provider.observed();
            assert_eq!((observed.login, observed.reuse_violations), (1, 0));
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the session did not come back");
}

#[tokio::test]
async fn an_answer_that_was_lost_costs_a_redirect_and_no_password() {
    let (provider, gateway, mut browser) = scene(LONG).await;
    provider.arm("token-closed-half-way".parse().unwrap());
    seconds(9).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    until(&provider, |observed| observed.refresh == 1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200, "until the tokens end");
    seconds(4).await;
    let script = poll(&gateway, &browser).await;
    assert_eq!((script.status, script.header("x-reload")), (401, Some("reload")));
    browser.wait_a_little();
    let page = gateway.ask_as(&browser, "/pods").await;
    browser.open(page.header("location").unwrap()).await;
    assert_eq!(gateway.ask_as(&browser, "/pods").await.status, 200);
    let observed = provider.observed();
    assert_eq!((observed.login, observed.reuse_violations), (1, 0), "{observed:?}");
}

#[tokio::test]
async fn a_session_that_the_provider_ended_is_over_at_the_next_renewal() {
    let (provider, gateway, browser) = scene(LONG).await;
    provider.end_sessions("testuser").await;
    seconds(9).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200, "nobody has told us");
    until(&provider, |observed| observed.token_refused == 1).await;
    for _ in 0..40 {
        if poll(&gateway, &browser).await.status == 401 {
            let page = gateway.ask_as(&browser, "/").await;
            assert!(page.header("location").unwrap().contains("/oauth2/start"));
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the session goes on");
}

#[tokio::test]
async fn somebody_elses_tokens_end_the_session_and_a_missing_nonce_is_normal() {
    let (provider, gateway, browser) = scene(LONG).await;
    provider.arm("nonce-missing".parse().unwrap());
    seconds(9).await;
    poll(&gateway, &browser).await;
    until(&provider, |observed| observed.refresh == 1).await;
    provider.arm("sub-changed".parse().unwrap());
    seconds(9).await;
    poll(&gateway, &browser).await;
    until(&provider, |observed| observed.refresh == 2).await;
    seconds(1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 401);
}

#[tokio::test]
async fn without_a_new_refresh_token_the_old_one_is_kept() {
    let (provider, gateway, browser) = scene(SHORT).await;
    provider.hold("token-refresh-token-missing".parse().unwrap());
    seconds(3).await;
    poll(&gateway, &browser).await;
    until(&provider, |observed| observed.refresh == 1).await;
    seconds(1).await;
    assert!(poll(&gateway, &browser).await.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_restart_costs_nothing_where_cookies_arrive_and_a_redirect_where_they_do_not() {
    for delivered in [true, false] {
        let (provider, gateway, mut browser) = scene(SHORT).await;
        polled(&gateway, std::slice::from_mut(&mut browser), 35, delivered).await;
        assert!(provider.observed().refresh >= 1);
        let gateway = gateway.restarted(&usual(&provider)).await;
        if delivered {
            polled(&gateway, std::slice::from_mut(&mut browser), 35, true).await;
        } else {
            browser.wait_a_little();
            let page = gateway.ask_as(&browser, "/pods").await;
            if page.status != 200 {
                browser.open(page.header("location").unwrap()).await;
            }
            assert_eq!(gateway.ask_as(&browser, "/pods").await.status, 200);
        }
        let observed = provider.observed();
        assert_eq!((observed.reuse_violations, observed.login), (0, 1), "{delivered} {observed:?}");
    }
}

/// B22.
#[tokio::test]
async fn a_logout_at_the_provider_while_a_renewal_runs_ends_the_session_for_good() {
    let (provider, gateway, browser) = scene(LONG).await;
    let sid = provider.sids("testuser").remove(0);
    provider.hold("token-slow-first-byte".parse().unwrap());
    seconds(9).await;
    poll(&gateway, &browser).await;
    until(&provider, |observed| observed.token == 2).await;
    let token = provider.logout_token("foregate", LoggedOut::Session(&sid), &[]).unwrap();
    let request = client().post(gateway.url("/oauth2/backchannel-logout"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.body(format!("logout_token={token}")).send().await.unwrap().status(), 200);
    assert_eq!(poll(&gateway, &browser).await.status, 401);
    provider.release_all();
    until(&provider, |observed| observed.refresh == 1).await;
    seconds(1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 401, "the new tokens are nobody's");
}

#[tokio::test]
async fn signing_out_while_a_renewal_runs_ends_the_session_for_good() {
    let (provider, gateway, mut browser) = scene(LONG).await;
    provider.hold("token-slow-first-byte".parse().unwrap());
    seconds(9).await;
    poll(&gateway, &browser).await;
    until(&provider, |observed| observed.token == 2).await;
    let before = browser.cookie("foregate").unwrap().to_owned();
    let page = browser.go(&gateway.url("/oauth2/sign_out")).await;
    assert_eq!(page.status, 200);
    let origin = reqwest::header::HeaderMap::from_iter([(ORIGIN, gateway.url("").parse().unwrap())]);
    let sent = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), origin, Some(&[])).await;
    assert_eq!(sent.status, 303);
    browser.set_cookie("foregate", &before);
    assert_eq!(poll(&gateway, &browser).await.status, 401);
    provider.release_all();
    until(&provider, |observed| observed.refresh == 1).await;
    seconds(1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 401, "the new tokens are nobody's");
}

#[tokio::test]
async fn user_name_that_is_no_longer_verified_ends_the_session_at_its_refresh() {
    let (provider, gateway, browser) = scene_with(LONG, &[("claims.user", "email")]).await;
    assert_eq!(poll(&gateway, &browser).await.header("x-forwarded-user"), Some("testuser@example.com"));
    provider.arm("email-unverified".parse().unwrap());
    seconds(9).await;
    poll(&gateway, &browser).await;
    until(&provider, |observed| observed.refresh == 1).await;
    seconds(1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 401);
}
