//! Checks of Envoy over gRPC
//!
//! The messages are those of Envoy's own protocol. `tests/real` sends them with a real Envoy.

use std::collections::HashMap;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use prost::Message;
use reqwest::{Certificate, Client, Identity};
use tonic::transport::Channel;

use crate::harness::{Browser, Gateway, provider};
use crate::pki::{Authority, file};

async fn client(gateway: &Gateway) -> AuthorizationClient<Channel> {
    AuthorizationClient::connect(format!("http://{}", gateway.check_grpc)).await.unwrap()
}

/// Returns the request of a navigation.
fn navigation(gateway: &Gateway, browser: Option<&Browser>, path: &str) -> HttpRequest {
    let mut headers = HashMap::from([
        ("sec-fetch-mode".to_owned(), "navigate".to_owned()),
        ("sec-fetch-dest".to_owned(), "document".to_owned()),
        ("x-forwarded-for".to_owned(), "203.0.113.9".to_owned()),
    ]);
    if let Some(cookie) = browser.and_then(Browser::cookie_header) {
        headers.insert("cookie".to_owned(), cookie.to_str().unwrap().to_owned());
    }
    HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: gateway.public.to_string(),
        headers,
        ..HttpRequest::default()
    }
}

fn check(http: HttpRequest, policy: Option<&str>) -> CheckRequest {
    let context = AttributeContext {
        request: Some(Request { http: Some(http), ..Request::default() }),
        context_extensions: policy
            .map(|policy| ("policy".to_owned(), policy.to_owned()))
            .into_iter()
            .collect(),
        ..AttributeContext::default()
    };
    CheckRequest { attributes: Some(context) }
}

/// Returns the status for the client, or 200 if the request passes.
fn status(response: &CheckResponse) -> i32 {
    let code = response.status.as_ref().unwrap().code;
    match response.http_response.as_ref().unwrap() {
        HttpResponse::OkResponse(_) => {
            assert_eq!(code, 0);
            200
        }
        HttpResponse::DeniedResponse(denied) => {
            assert_ne!(code, 0, "Envoy lets a request with this code pass");
            denied.status.as_ref().unwrap().code
        }
        HttpResponse::ErrorResponse(_) => panic!("an error response: {response:?}"),
    }
}

async fn ask(gateway: &Gateway, http: HttpRequest, policy: Option<&str>) -> CheckResponse {
    client(gateway).await.check(check(http, policy)).await.unwrap().into_inner()
}

#[tokio::test]
async fn signed_in_request_gets_identity_and_the_names_to_remove() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("testuser").await;
    let response = ask(&gateway, navigation(&gateway, Some(&browser), "/pods?a=b"), None).await;
    assert_eq!(status(&response), 200);
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    let fields: HashMap<_, _> = ok
        .headers
        .iter()
        .map(|field| field.header.clone().unwrap())
        .map(|field| (field.key, field.value))
        .collect();
    assert_eq!(fields["x-forwarded-user"], "testuser");
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.retain(|name| *name != "cookie");
    names.sort_unstable();
    assert_eq!(names, ["x-forwarded-email", "x-forwarded-group", "x-forwarded-id-token", "x-forwarded-user"]);
    // The browser also has a cookie of the provider, whose host is the same.
    assert!(!fields["cookie"].contains("foregate="), "{fields:?}");
    for name in ["x_forwarded_user", "impersonate-user", "impersonate.group"] {
        assert!(
            ok.headers_to_remove.iter().any(|removed| removed == name),
            "{name}: {:?}",
            ok.headers_to_remove
        );
    }
    assert!(!ok.headers_to_remove.iter().any(|removed| fields.contains_key(removed)));
}

#[tokio::test]
async fn anonymous_navigation_is_redirected_and_a_script_gets_401() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let response = ask(&gateway, navigation(&gateway, None, "/pods?a=b"), None).await;
    assert_eq!(status(&response), 302);
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!() };
    let location =
        denied.headers.iter().filter_map(|field| field.header.as_ref()).find(|field| field.key == "location");
    assert!(location.unwrap().value.ends_with("%2Fpods%3Fa%3Db"), "{:?}", denied.headers);

    let mut script = navigation(&gateway, None, "/pods");
    script.headers.insert("sec-fetch-mode".to_owned(), "cors".to_owned());
    assert_eq!(status(&ask(&gateway, script, None).await), 401);
}

#[tokio::test]
async fn context_extension_selects_the_policy_and_an_unknown_one_denies() {
    let provider = provider().await;
    let settings = [("policies.default.allowed_groups", "ops"), ("policies.open.allowed_groups", "dev")];
    let gateway = Gateway::with(&provider, &settings).await;
    let browser = gateway.signed_in_browser("alice").await;
    for (policy, expected) in
        [(None, 403), (Some("open"), 200), (Some("default"), 403), (Some("other"), 403), (Some(""), 403)]
    {
        let response = ask(&gateway, navigation(&gateway, Some(&browser), "/policy/open"), policy).await;
        assert_eq!(status(&response), expected, "{policy:?}");
    }
}

#[tokio::test]
async fn check_that_cannot_be_read_is_denied_despite_a_session() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("testuser").await;
    let good = || navigation(&gateway, Some(&browser), "/pods");
    let many = (0..10_000).map(|number| (format!("x-{number}"), String::new())).collect();
    for (what, http) in [
        ("no path", HttpRequest { path: String::new(), ..good() }),
        ("absolute form", HttpRequest { path: format!("http://{}/pods", gateway.public), ..good() }),
        ("authority form", HttpRequest { path: gateway.public.to_string(), ..good() }),
        ("asterisk form", HttpRequest { method: "OPTIONS".to_owned(), path: "*".to_owned(), ..good() }),
        ("no host", HttpRequest { host: String::new(), ..good() }),
        ("another host", HttpRequest { host: "evil.test".to_owned(), ..good() }),
        ("no method", HttpRequest { method: String::new(), ..good() }),
        ("10,000 headers", HttpRequest { headers: many, ..good() }),
    ] {
        let response = ask(&gateway, http, None).await;
        assert!([400, 403].contains(&status(&response)), "{what}: {response:?}");
    }
    let empty = client(&gateway).await.check(CheckRequest { attributes: None }).await.unwrap().into_inner();
    assert_eq!(status(&empty), 400);
    assert_eq!(status(&ask(&gateway, good(), None).await), 200);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_denied() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}/envoy.service.auth.v3.Authorization/Check", gateway.check_grpc);
    // A text with invalid UTF-8, and a message that is cut.
    for message in [&b"\x0a\x07\x22\x05\x12\x03\x22\x01\xff"[..], b"\x0a\x09\x22"] {
        let reply = call(&client, &url, message).await.unwrap();
        assert_eq!(status(&CheckResponse::decode(&*reply).unwrap()), 400, "{message:?}");
    }
}

#[tokio::test]
async fn frame_that_is_cut_is_an_error_of_grpc() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}/envoy.service.auth.v3.Authorization/Check", gateway.check_grpc);
    // A message that is cut, one that announces 4 GiB, none, and one that is compressed.
    for body in [&b"\0\0\0\0\x09\x0a"[..], b"\0\xff\xff\xff\xff\x0a", b"", b"\x01\0\0\0\0"] {
        let request = client.post(&url).header("content-type", "application/grpc").body(body.to_vec());
        let reply = request.send().await.unwrap();
        let in_head = reply.headers().get("grpc-status").cloned();
        assert_eq!(reply.status(), 200, "{body:?}");
        assert_ne!(in_head.map(|status| status.as_bytes().to_vec()), Some(b"0".to_vec()), "{body:?}");
        assert!(reply.bytes().await.unwrap_or_default().is_empty(), "{body:?}");
    }
}

/// Calls a method of gRPC with an encoded message, and returns that of the reply.
async fn call(client: &Client, url: &str, message: &[u8]) -> reqwest::Result<Vec<u8>> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = [&[0][..], &length, message].concat();
    let request =
        client.post(url).header("content-type", "application/grpc").header("te", "trailers").body(body);
    let reply = request.send().await?.bytes().await?;
    Ok(reply.get(5..).unwrap_or_default().to_vec())
}

#[tokio::test]
async fn method_that_does_not_exist_is_unimplemented() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for path in ["envoy.service.auth.v3.Authorization/Other", "envoy.service.auth.v2.Authorization/Check", ""]
    {
        let url = format!("http://{}/{path}", gateway.check_grpc);
        let reply = client.post(&url).header("content-type", "application/grpc").send().await.unwrap();
        assert_eq!(reply.headers()["grpc-status"], "12", "{path}");
    }
}

#[tokio::test]
async fn health_of_grpc_is_serving() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}/grpc.health.v1.Health/Check", gateway.check_grpc);
    // The field `status` has the value SERVING.
    assert_eq!(call(&client, &url, b"").await.unwrap(), b"\x08\x01");
}

#[tokio::test]
async fn only_a_client_certificate_is_answered_over_tls() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let pair = own.server();
    let files = [
        file("grpc.crt", &pair.certificate),
        file("grpc.key", &pair.key),
        file("grpc.ca", &proxies.certificate),
    ];
    let [certificate, key, ca] = files.each_ref().map(|path| path.to_str().unwrap());
    let tls = [
        ("check.tls_certificate_file", certificate),
        ("check.tls_key_file", key),
        ("check.client_ca_file", ca),
    ];
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &tls).await;
    let url =
        format!("https://localhost:{}/envoy.service.auth.v3.Authorization/Check", gateway.check_grpc.port());
    let message = check(navigation(&gateway, None, "/pods"), None).encode_to_vec();
    let root = Certificate::from_pem(own.certificate.as_bytes()).unwrap();
    let builder = || Client::builder().tls_certs_only([root.clone()]).no_proxy();

    let shown = proxies.client();
    let identity = Identity::from_pem(format!("{}{}", shown.key, shown.certificate).as_bytes()).unwrap();
    let proxy = builder().identity(identity).build().unwrap();
    let reply = call(&proxy, &url, &message).await.unwrap();
    assert_eq!(status(&CheckResponse::decode(&*reply).unwrap()), 302);

    let stranger = builder().build().unwrap();
    assert!(call(&stranger, &url, &message).await.is_err());
}

#[tokio::test]
async fn peer_that_is_no_trusted_proxy_is_denied() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("check.trusted_proxies", "10.0.0.1")]).await;
    let browser = gateway.signed_in_browser("testuser").await;
    let response = ask(&gateway, navigation(&gateway, Some(&browser), "/pods"), None).await;
    assert_eq!(status(&response), 403);
}
