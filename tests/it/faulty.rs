//! Providers that break a rule at the last step of a sign-in

use serde_json::json;

use super::harness::{Answers, Browser, Forger, Gateway, KEY, Page, Process, SIGNS_WITH, until};

async fn sign_in(gateway: &Gateway, browser: &mut Browser) -> Page {
    browser.open(&gateway.url("/oauth2/start")).await
}

#[tokio::test]
async fn faulty_token_response_ends_the_sign_in_without_a_session() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    let faults = [
        Answers { claims: json!({"iss": "https://else.test"}), ..Answers::default() },
        Answers { claims: json!({"aud": "other"}), ..Answers::default() },
        Answers { claims: json!({"nonce": "other"}), ..Answers::default() },
        Answers { claims: json!({"exp": 1}), ..Answers::default() },
        Answers { claims: json!({"sub": null}), ..Answers::default() },
        Answers { header: json!({"alg": "none"}), ..Answers::default() },
        Answers { header: json!({"typ": "logout+jwt"}), ..Answers::default() },
        Answers { token: json!({"id_token": null}), ..Answers::default() },
        Answers { token: json!({"id_token": "a.b.c"}), ..Answers::default() },
        Answers { token: json!({"token_type": "mac"}), ..Answers::default() },
    ];
    provider.take_requested_paths();
    for (count, fault) in faults.into_iter().enumerate() {
        let what = format!("{} {} {}", fault.header, fault.claims, fault.token);
        provider.answer(fault);
        let mut browser = Browser::new();
        let page = sign_in(&gateway, &mut browser).await;
        assert_eq!(page.status, 403, "{what}: {}", page.body);
        let id = page.body.split_once("id=\"request-id\">").unwrap().1;
        assert!(!id.starts_with('<'), "the page shows the request ID: {what}");
        assert_eq!(page.body.contains("clocks"), what.contains("exp\""), "{what}");
        assert_eq!(browser.cookie_names(), Vec::<&str>::new(), "{what}");
        assert_eq!(provider.take_requested_paths(), ["/authorize", "/token"], "no further call: {what}");
        let metrics = gateway.ops("/metrics").await.body;
        let counted = ["provider_misbehaved", "configuration"].map(|outcome| {
            let name = format!("foregate_logins_total{{outcome=\"{outcome}\"}} ");
            let value = metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap();
            value.parse::<usize>().unwrap()
        });
        assert_eq!(counted.iter().sum::<usize>(), count + 1, "one event: {what}: {metrics}");
    }
    provider.answer(Answers::default());
    assert_eq!(provider.bearer(), None, "no access token is sent");
    let mut browser = Browser::new();
    sign_in(&gateway, &mut browser).await;
    assert!(browser.cookie("foregate").is_some(), "a response without a fault makes a session");
    gateway.stop().await;
}

#[tokio::test]
async fn unknown_key_causes_one_key_request() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    provider.take_requested_paths();
    provider.answer(Answers { header: json!({"kid": "new"}), ..Answers::default() });
    let page = sign_in(&gateway, &mut Browser::new()).await;
    assert_eq!(page.status, 403);
    assert_eq!(provider.take_requested_paths(), ["/authorize", "/token", "/keys"]);
    gateway.stop().await;
}

#[tokio::test]
async fn userinfo_of_the_same_subject_adds_claims_and_others_are_refused() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, ("provider.userinfo", "true")]).await;
    provider.take_requested_paths();
    let without_name = json!({"preferred_username": null});
    let userinfo = |object: serde_json::Value| ("application/json", object.to_string());
    let other_user = userinfo(json!({"sub": "2", "preferred_username": "alice"}));
    provider.answer(Answers { claims: without_name.clone(), userinfo: other_user, ..Answers::default() });
    let mut browser = Browser::new();
    assert_eq!(sign_in(&gateway, &mut browser).await.status, 403);
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
    assert_eq!(provider.take_requested_paths(), ["/authorize", "/token", "/userinfo"]);
    assert_eq!(provider.bearer().unwrap(), "Bearer at");
    let same = userinfo(json!({"sub": "1", "preferred_username": "alice", "groups": ["dev"]}));
    provider.answer(Answers { claims: without_name, userinfo: same, ..Answers::default() });
    sign_in(&gateway, &mut browser).await;
    let reply = gateway.ask_as(&browser, "/").await;
    assert_eq!(
        (reply.header("x-forwarded-user"), reply.header("x-forwarded-group")),
        (Some("alice"), Some("dev"))
    );
    gateway.stop().await;
}

#[tokio::test]
async fn omitted_groups_deny_if_a_policy_needs_them_and_are_logged() {
    let provider = Forger::start().await;
    let claims = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": provider.issuer()}}});
    provider.answer(Answers { claims, ..Answers::default() });
    let needs = ("policies.default.allowed_groups", "dev");
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, needs]).await;
    provider.take_requested_paths();
    let mut browser = Browser::new();
    let page = sign_in(&gateway, &mut browser).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("too many groups"), "{}", page.body);
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
    assert!(
        gateway.ops("/metrics").await.body.contains("foregate_logins_total{outcome=\"groups_unknown\"} 1\n")
    );
    gateway.stop().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    provider.take_requested_paths();
    sign_in(&gateway, &mut browser).await;
    let reply = gateway.ask_as(&browser, "/").await;
    assert_eq!((reply.status, reply.header("x-forwarded-group")), (200, Some("")));
    assert_eq!(
        provider.take_requested_paths(),
        ["/authorize", "/token"],
        "no request goes to the URL in the token"
    );
    gateway.stop().await;
    let secrets = [("FOREGATE_PROVIDER__CLIENT_SECRET", "s3cret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let process = Process::start(provider.issuer(), &secrets, &[SIGNS_WITH]).await;
    let start = format!("http://127.0.0.1:{}/oauth2/start", process.public);
    let mut browser = Browser::new();
    browser.open(&start).await;
    let log = process.log();
    assert_eq!(log.matches("a session has no groups").count(), 1, "{log}");
}

#[tokio::test]
async fn closed_browser_connection_does_not_abort_the_sign_in() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    provider.take_requested_paths();
    provider.hold_tokens();
    let exchange = until("the code is being exchanged", async || {
        provider.take_requested_paths().contains(&"/token".to_owned())
    });
    let mut browser = Browser::new();
    tokio::select! {
        page = sign_in(&gateway, &mut browser) => panic!("the sign-in ended too early: {}", page.status),
        () = exchange => {}
    }
    provider.release_token_request();
    let succeeded = "foregate_logins_total{outcome=\"succeeded\"} 1\n";
    until(succeeded, async || gateway.ops("/metrics").await.body.contains(succeeded)).await;
    gateway.stop().await;
}
