//! Providers that break a rule at the last step of a sign-in

use serde_json::json;

use super::harness::{Answers, Browser, Forger, Gateway, KEY, Page, Process, SIGNS_WITH, until};

async fn signed_in(gateway: &Gateway, browser: &mut Browser) -> Page {
    browser.open(&gateway.url("/oauth2/start")).await
}

#[tokio::test]
async fn a_faulty_token_makes_no_session_and_ends_the_sign_in() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    let faults = [
        Answers { claims: json!({"iss": "https://else.test"}), ..Answers::default() },
        Answers { claims: json!({"aud": "other"}), ..Answers::default() },
        Answers { claims: json!({"nonce": "other"}), ..Answers::default() },
        Answers { claims: json!({"exp": 1}), ..Answers::default() },
        Answers { claims: json!({"sub": null}), ..Answers::default() },
        Answers { claims: json!({"preferred_username": null}), ..Answers::default() },
        Answers { header: json!({"alg": "none"}), ..Answers::default() },
        Answers { header: json!({"typ": "logout+jwt"}), ..Answers::default() },
        Answers { token: json!({"id_token": null}), ..Answers::default() },
        Answers { token: json!({"id_token": "a.b.c"}), ..Answers::default() },
        Answers { token: json!({"token_type": "mac"}), ..Answers::default() },
        Answers { token: json!({"expires_in": -1}), ..Answers::default() },
    ];
    provider.asked();
    for (count, fault) in faults.into_iter().enumerate() {
        let what = format!("{} {} {}", fault.header, fault.claims, fault.token);
        provider.answer(fault);
        let mut browser = Browser::new();
        let page = signed_in(&gateway, &mut browser).await;
        assert_eq!(page.status, 403, "{what}: {}", page.body);
        let id = page.body.split_once("id=\"request-id\">").unwrap().1;
        assert!(!id.starts_with('<'), "the page names the line of the log: {what}");
        assert_eq!(page.body.contains("clocks"), what.contains("exp\""), "{what}");
        assert_eq!(browser.cookie_names(), Vec::<&str>::new(), "{what}");
        assert_eq!(provider.asked(), ["/authorize", "/token"], "no further call: {what}");
        let metrics = gateway.ops("/metrics").await.body;
        let told = format!("foregate_logins_total{{outcome=\"provider_misbehaved\"}} {}\n", count + 1);
        assert!(metrics.contains(&told), "one event: {what}: {metrics}");
    }
    provider.answer(Answers::default());
    assert_eq!(provider.bearer(), None, "no access token travels");
    let mut browser = Browser::new();
    signed_in(&gateway, &mut browser).await;
    assert!(browser.cookie("foregate").is_some(), "and without a fault there is a session");
    gateway.stop().await;
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    provider.asked();
    provider.answer(Answers { header: json!({"kid": "new"}), ..Answers::default() });
    let page = signed_in(&gateway, &mut Browser::new()).await;
    assert_eq!(page.status, 403);
    assert_eq!(provider.asked(), ["/authorize", "/token", "/keys"]);
    gateway.stop().await;
}

#[tokio::test]
async fn userinfo_fills_what_the_id_token_lacks_and_must_speak_of_the_same_person() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, ("provider.userinfo", "true")]).await;
    provider.asked();
    let nameless = json!({"preferred_username": null});
    let userinfo = |object: serde_json::Value| ("application/json", object.to_string());
    let somebody_else = userinfo(json!({"sub": "2", "preferred_username": "alice"}));
    provider.answer(Answers { claims: nameless.clone(), userinfo: somebody_else, ..Answers::default() });
    let mut browser = Browser::new();
    assert_eq!(signed_in(&gateway, &mut browser).await.status, 403);
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
    assert_eq!(provider.asked(), ["/authorize", "/token", "/userinfo"]);
    assert_eq!(provider.bearer().unwrap(), "Bearer at");
    let same = userinfo(json!({"sub": "1", "preferred_username": "alice", "groups": ["dev"]}));
    provider.answer(Answers { claims: nameless, userinfo: same, ..Answers::default() });
    signed_in(&gateway, &mut browser).await;
    let asked = gateway.ask_as(&browser, "/").await;
    assert_eq!(
        (asked.header("x-forwarded-user"), asked.header("x-forwarded-group")),
        (Some("alice"), Some("dev"))
    );
    gateway.stop().await;
}

#[tokio::test]
async fn groups_that_the_provider_keeps_back_shut_out_where_they_matter_and_are_told() {
    let provider = Forger::start().await;
    let claims = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": provider.issuer()}}});
    provider.answer(Answers { claims, ..Answers::default() });
    let needs = ("policies.default.allowed_groups", "dev");
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, needs]).await;
    provider.asked();
    let mut browser = Browser::new();
    let page = signed_in(&gateway, &mut browser).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("too many groups"), "{}", page.body);
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
    assert!(
        gateway.ops("/metrics").await.body.contains("foregate_logins_total{outcome=\"groups_unknown\"} 1\n")
    );
    gateway.stop().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    provider.asked();
    signed_in(&gateway, &mut browser).await;
    let asked = gateway.ask_as(&browser, "/").await;
    assert_eq!((asked.status, asked.header("x-forwarded-group")), (200, Some("")));
    assert_eq!(provider.asked(), ["/authorize", "/token"], "nobody goes where the token points");
    gateway.stop().await;
    let secrets = [("FOREGATE_PROVIDER__CLIENT_SECRET", "s3cret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let process = Process::start(provider.issuer(), &secrets, &[SIGNS_WITH]).await;
    let start = format!("http://127.0.0.1:{}/oauth2/start", process.public);
    let mut browser = Browser::new();
    browser.open(&start).await;
    let log = process.log();
    assert_eq!(log.matches("signed in without groups").count(), 1, "{log}");
}

#[tokio::test]
async fn a_browser_that_goes_away_takes_nothing_with_it() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    provider.asked();
    provider.hold_tokens();
    let asked =
        until("the code is being exchanged", async || provider.asked().contains(&"/token".to_owned()));
    let mut browser = Browser::new();
    tokio::select! {
        page = signed_in(&gateway, &mut browser) => panic!("{} came too early", page.status),
        () = asked => {}
    }
    provider.go_on();
    let succeeded = "foregate_logins_total{outcome=\"succeeded\"} 1\n";
    until(succeeded, async || gateway.ops("/metrics").await.body.contains(succeeded)).await;
    gateway.stop().await;
}
