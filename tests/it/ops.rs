//! Probes and metrics

use crate::harness::{Browser, Gateway, Provider, provider, until, within};

#[tokio::test]
async fn a_provider_that_is_down_closes_no_door_and_is_told() {
    let settings = dev_provider::Settings::default();
    let provider = Provider::start(settings.clone()).await;
    let (issuer, address) = (provider.issuer().to_owned(), provider.address());
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    provider.stop().await;
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200, "sessions live on");

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
async fn an_issuer_that_calls_itself_something_else_is_named_with_both_names() {
    let provider = provider().await;
    let wrong = provider.issuer().replace("127.0.0.1", "localhost");
    let gateway = Gateway::with(&*wrong, &[]).await;
    let detail = gateway.readyz().await.1["provider"]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&wrong) && detail.contains(provider.issuer()), "{detail}");
}

#[tokio::test]
async fn the_back_channel_may_be_another_address_than_the_issuer() {
    let issuer = "http://idp.localhost:9/".to_owned();
    let settings =
        dev_provider::Settings { issuer: Some(issuer.clone()), ..dev_provider::Settings::default() };
    let provider = Provider::start(settings).await;
    let inside = format!("http://{}", provider.address());
    let gateway = Gateway::with(&*issuer, &[("provider.backchannel_url", &inside)]).await;
    let state = gateway.readyz().await.1["provider"].clone();
    // The document was fetched from inside and names the issuer that is configured; its keys are announced outside.
    assert!(!state["detail"].as_str().unwrap_or_default().contains("issuer"), "{state}");
    assert!(provider.observed().discovery > 0);
}

#[tokio::test]
async fn the_process_is_alive_and_counts() {
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
async fn it_stops_when_it_is_told_to() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let public = gateway.public;
    within("the gateway stops", gateway.stop()).await;
    assert!(tokio::net::TcpStream::connect(public).await.is_err());
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_others_are_served() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut slow = tokio::net::TcpStream::connect(gateway.ops).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    assert_eq!(gateway.ops("/livez").await.status, 200);
    let mut rest = Vec::new();
    // Ten real seconds: the time limit of a head.
    within("the connection is cut", slow.read_to_end(&mut rest)).await.unwrap();
    let many = (0..101).map(|index| format!("X-{index}: y\r\n")).collect::<Vec<_>>().concat();
    let mut broad = tokio::net::TcpStream::connect(gateway.ops).await.unwrap();
    broad.write_all(format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()).await.unwrap();
    let mut reply = vec![0; 64];
    let length = broad.read(&mut reply).await.unwrap();
    assert!(String::from_utf8_lossy(&reply[..length]).contains(" 431 "));
}
