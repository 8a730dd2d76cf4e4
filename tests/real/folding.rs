//! Applications that read several spellings of a name as one (CGI, WSGI)

use http::StatusCode;

use crate::harness::{
    Authority, Gateway, Proxy, Registration, RunningProxy, Scratch, TestClient, Wsgi, free_addresses,
    parse_variables,
};

/// Spellings that the application reads as the name of the user.
const SPELLINGS: [&str; 5] =
    ["X-Forwarded-User", "X_Forwarded_User", "X_Forwarded-User", "x-forwarded_user", "X-FORWARDED-USER"];

pub(crate) async fn wsgi_application_receives_only_our_user(proxy: Proxy) {
    let (scratch, [address]) = (Scratch::new(), free_addresses());
    let origin = format!("https://app.localhost:{}", address.port());
    let provider = dev_provider::start(dev_provider::Settings::default()).await.unwrap();
    let registration = Registration::at(provider.issuer(), "dev");
    let gateway = Gateway::start(&origin, &registration, &scratch).await;
    let (application, authority) = (Wsgi::start(&scratch).await, Authority::new("app.localhost"));
    let backends = gateway.backends(application.address());
    let _proxy = RunningProxy::start(address, proxy, &backends, &authority, &scratch).await;
    let client = TestClient::new(&origin, address, &authority).signed_in("testuser").await;

    for spelling in SPELLINGS {
        let reply = client.get("/", &[(spelling, "evil"), ("Impersonate_User", "evil")]).await;
        if reply.status != StatusCode::OK {
            assert!(reply.status.is_client_error(), "{spelling}: {}", reply.status);
            continue;
        }
        let variables = parse_variables(&reply.body);
        assert_eq!(variables["HTTP_X_FORWARDED_USER"], "testuser", "{spelling}");
        assert!(!variables.contains_key("HTTP_IMPERSONATE_USER"), "{spelling}: {variables:?}");
    }
    let variables = parse_variables(&client.get("/", &[]).await.body);
    assert_eq!(variables["HTTP_X_FORWARDED_USER"], "testuser");
    assert_eq!(variables["HTTP_X_FORWARDED_GROUP"], "dev,ops");
}

/// Without a proxy and the gateway, the application reads each spelling.
#[tokio::test(flavor = "multi_thread")]
async fn wsgi_application_alone_is_fooled_by_each_spelling() {
    let scratch = Scratch::new();
    let application = Wsgi::start(&scratch).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for spelling in SPELLINGS {
        let request = client.get(format!("http://{}/", application.address())).header(spelling, "evil");
        let body = request.send().await.unwrap().text().await.unwrap();
        assert_eq!(parse_variables(&body)["HTTP_X_FORWARDED_USER"], "evil", "{spelling}");
    }
}
