//! Probes and metrics

use crate::harness::{Browser, Gateway, Provider, provider, until, within};

#[tokio::test]
async fn unavailable_provider_ends_no_session_and_is_reported() {
    let settings = dev_provider::Settings::default();
    let provider = Provider::start(settings.clone()).await;
    let (issuer, address) = (provider.issuer().to_owned(), provider.address());
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    provider.stop().await;
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200, "existing sessions stay valid");

    // A gateway that starts while the provider is down.
    let late = Gateway::with(&*issuer, &[]).await;
    let (status, body) = late.readyz().await;
    assert_eq!((status, &body["ready"]), (200, &serde_json::json!(true)));
    assert_eq!(body["provider"]["state"], "unavailable");
    assert!(late.ops("/metrics").await.body.contains("foregate_provider_ready 0"));
    let page = Browser::new().go(&late.url("/oauth2/start")).await;
    assert_eq!(page.status, 503);
    assert!(page.headers.contains_key("retry-after"));

    let _provider = Provider::start(dev_provider::Settings { listen: address, ..settings }).await;
    until("the provider is ready", async || late.readyz().await.1["provider"]["state"] == "ready").await;
    assert_eq!(Browser::new().go(&late.url("/oauth2/start")).await.status, 302);
}

#[tokio::test]
async fn session_store_that_does_not_answer_is_reported() {
    let provider = provider().await;
    let redis = [("session.store", "redis"), ("session.redis.urls", "redis://127.0.0.1:1")];
    let gateway = Gateway::with(provider.issuer(), &redis).await;
    until("the store was tested", async || !gateway.readyz().await.1["sessions"]["answers"].is_null()).await;
    let (status, body) = gateway.readyz().await;
    assert_eq!(
        (status, &body["ready"]),
        (200, &serde_json::json!(true)),
        "existing sessions must not be cut off"
    );
    let sessions = &body["sessions"];
    assert_eq!((&sessions["answers"], &sessions["failing_seconds"]), (&false.into(), &0.into()));
    let detail = sessions["detail"].as_str().unwrap();
    assert_eq!(detail, "127.0.0.1:1 refuses the connection; start Redis, or correct session.redis.urls");
    let known =
        async |gateway: &Gateway| gateway.ops("/metrics").await.body.contains("foregate_sessions_known 0");
    assert!(!known(&gateway).await, "0 would mean that there are no sessions");

    let gateway = Gateway::start(&Provider::start(dev_provider::Settings::default()).await).await;
    let sessions = gateway.readyz().await.1["sessions"].clone();
    assert_eq!((&sessions["answers"], &sessions["known"]), (&true.into(), &0.into()));
    assert!(known(&gateway).await);
}

#[tokio::test]
async fn provider_that_does_not_fit_is_reported_before_any_sign_in() {
    let provider = provider().await;
    assert_eq!(
        Gateway::start(&provider).await.readyz().await.1["provider"]["warnings"],
        serde_json::json!([])
    );
    provider.hold("discovery-alg-hs512-only".parse().unwrap());
    let gateway = Gateway::start(&provider).await;
    let (status, body) = gateway.readyz().await;
    assert_eq!((status, &body["provider"]["state"]), (200, &"ready".into()));
    let warning = body["provider"]["warnings"][0].as_str().unwrap();
    assert!(warning.contains("only with HS512") && warning.contains("with a key pair"), "{warning}");
    assert_eq!(provider.observed().authorization, 0);
}

#[tokio::test]
async fn issuer_mismatch_is_reported_with_both_issuers() {
    let provider = provider().await;
    let wrong = provider.issuer().replace("127.0.0.1", "localhost");
    let gateway = Gateway::with(&*wrong, &[]).await;
    let detail = gateway.readyz().await.1["provider"]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&wrong) && detail.contains(provider.issuer()), "{detail}");
}

#[tokio::test]
async fn back_channel_url_may_differ_from_the_issuer() {
    let issuer = "http://idp.localhost:9/".to_owned();
    let settings =
        dev_provider::Settings { issuer: Some(issuer.clone()), ..dev_provider::Settings::default() };
    let provider = Provider::start(settings).await;
    let inside = format!("http://{}", provider.address());
    let gateway = Gateway::with(&*issuer, &[("provider.backchannel_url", &inside)]).await;
    let state = gateway.readyz().await.1["provider"].clone();
    // The metadata was fetched at the inside address, and names the configured issuer. Its key URL is an outside
    // address.
    assert!(!state["detail"].as_str().unwrap_or_default().contains("issuer"), "{state}");
    assert!(provider.observed().discovery > 0);
}

#[tokio::test]
async fn livez_succeeds_and_metrics_count_events() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    assert_eq!(gateway.ops("/livez").await.status, 200);
    let mut browser = Browser::new();
    gateway.ask_as(&browser, "/").await;
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    gateway.ask_as(&browser, "/").await;
    gateway.ask(http::HeaderMap::new()).await;
    let metrics = gateway.ops("/metrics").await.body;
    for line in [
        "foregate_checks_total{dialect=\"traefik\",decision=\"allow\"} 1",
        "foregate_checks_total{dialect=\"traefik\",decision=\"challenge\"} 1",
        "foregate_checks_total{dialect=\"traefik\",decision=\"malformed\"} 1",
        "foregate_checks_total{dialect=\"traefik\",decision=\"deny\"} 0",
        "foregate_provider_ready 1",
        "foregate_logins_total{outcome=\"started\"} 1",
        "foregate_logins_total{outcome=\"succeeded\"} 1",
        "foregate_logins_total{outcome=\"unknown_state\"} 0",
        "foregate_provider_call_seconds_count{call=\"code_exchange\",outcome=\"answered\"} 1",
        "foregate_provider_call_seconds_count{call=\"discovery\",outcome=\"answered\"} 1",
        "foregate_provider_call_seconds_count{call=\"keys\",outcome=\"answered\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn gateway_stops_on_request() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let public = gateway.public;
    within("the gateway stops", gateway.stop()).await;
    assert!(tokio::net::TcpStream::connect(public).await.is_err());
}

#[tokio::test]
async fn endless_request_head_is_cut_and_other_requests_are_served() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut slow = tokio::net::TcpStream::connect(gateway.ops).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    assert_eq!(gateway.ops("/livez").await.status, 200);
    let mut rest = Vec::new();
    // The time limit of a head is ten seconds of real time.
    within("the connection is cut", slow.read_to_end(&mut rest)).await.unwrap();
    let many = (0..101).map(|index| format!("X-{index}: y\r\n")).collect::<Vec<_>>().concat();
    let mut many_fields = tokio::net::TcpStream::connect(gateway.ops).await.unwrap();
    many_fields.write_all(format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()).await.unwrap();
    let mut reply = vec![0; 64];
    let length = many_fields.read(&mut reply).await.unwrap();
    assert!(String::from_utf8_lossy(&reply[..length]).contains(" 431 "));
}
