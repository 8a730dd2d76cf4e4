//! Tests of metadata validation

use serde_json::{Value, json};

use super::super::settings::Endpoints;
use super::super::testing::{metadata, settings, with};
use super::*;

const ISSUER: &str = "https://kc.example/realms/main";

const ENDPOINTS: [&str; 5] =
    ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"];

/// Returns settings that use the endpoint.
fn settings_for(endpoint: &str) -> ProviderSettings {
    ProviderSettings { userinfo: endpoint == "userinfo_endpoint", ..settings(ISSUER) }
}

fn with_userinfo() -> Value {
    with(&metadata(ISSUER), &json!({"userinfo_endpoint": format!("{ISSUER}/userinfo")}))
}

fn read(settings: &ProviderSettings, document: &Value) -> Result<Metadata, String> {
    Metadata::read(document.to_string().as_bytes(), settings).map_err(|error| error.to_string())
}

#[test]
fn keycloaks_document_is_read() {
    let metadata = read(&settings(ISSUER), &metadata(ISSUER)).unwrap();
    assert_eq!(metadata.token_endpoint.as_str(), format!("{ISSUER}/protocol/openid-connect/token"));
    assert!(metadata.names_itself_in_responses);
}

#[test]
fn document_without_an_issuer_is_no_reason_to_set_an_empty_one() {
    for document in [json!({}), json!({"issuer": null})] {
        let error = read(&settings(ISSUER), &document).unwrap_err();
        assert!(error.contains("names no issuer") && error.ends_with("check provider.issuer"), "{error}");
    }
}

#[test]
fn metadata_of_another_issuer_is_rejected_and_both_are_named() {
    for other in
        ["https://kc.example/realms/main/", "https://kc.example/realms/mainINVALID", "HTTPS://kc.example"]
    {
        let error = read(&settings(ISSUER), &with(&metadata(ISSUER), &json!({"issuer": other}))).unwrap_err();
        assert_eq!(
            error,
            format!(
                "provider.issuer is {ISSUER}, but the issuer in the discovery document is {other}; they must be \
                 identical: if this is your provider, set provider.issuer = \"{other}\""
            )
        );
    }
}

#[test]
fn an_endpoint_without_tls_is_refused() {
    let local = ["localhost", "127.0.0.1", "[::1]", "localhost.evil.example", "127.0.0.1.evil.example"];
    let settings =
        ProviderSettings { endpoint_hosts: local.map(str::to_owned).to_vec(), ..settings_for(ENDPOINTS[3]) };
    for name in ENDPOINTS {
        let document = with(&with_userinfo(), &json!({name: "http://kc.example/x"}));
        assert!(read(&settings, &document).unwrap_err().contains(name));
        for loopback in ["http://localhost:8080/x", "http://127.0.0.1:8080/x", "http://[::1]:8080/x"] {
            assert!(read(&settings, &with(&with_userinfo(), &json!({name: loopback}))).is_ok());
        }
        for tricky in
            ["http://localhost.evil.example/x", "http://127.0.0.1.evil.example/x", "ftp://kc.example/x"]
        {
            let error = read(&settings, &with(&with_userinfo(), &json!({name: tricky}))).unwrap_err();
            assert!(error.contains("not https"), "{error}");
        }
    }
}

#[test]
fn endpoint_on_another_host_is_rejected_unless_listed() {
    for name in ENDPOINTS {
        for url in ["https://evil.example/x", "https://kc.example.evil.example/x", "http://127.0.0.1:9/x"] {
            let document = with(&with_userinfo(), &json!({name: url}));
            let error = read(&settings_for(name), &document).unwrap_err();
            let host = Url::parse(url).unwrap().host_str().unwrap().to_owned();
            assert!(error.contains(&format!("{name} is at {host}, which is neither")), "{error}");
            assert!(error.contains("provider.endpoint_hosts"), "{error}");
            let settings = ProviderSettings { endpoint_hosts: vec![host], ..settings_for(name) };
            assert!(read(&settings, &document).is_ok(), "{name} {url}");
        }
    }
    let two = json!({"token_endpoint": "https://a.example/", "jwks_uri": "https://b.example/"});
    let error = read(&settings(ISSUER), &with(&metadata(ISSUER), &two)).unwrap_err();
    assert!(error.contains("token_endpoint is at a.example, its jwks_uri is at b.example, which"), "{error}");
}

#[test]
fn http_issuer_allows_http_endpoints_on_its_own_host_only() {
    let issuer = "http://kc.example:8080";
    let settings = ProviderSettings { endpoint_hosts: vec!["other.example".to_owned()], ..settings(issuer) };
    let document = with(&metadata(issuer), &json!({"token_endpoint": "http://other.example/token"}));
    assert!(read(&settings, &document).unwrap_err().contains("not https"));
    let document = with(&metadata(issuer), &json!({"token_endpoint": "https://other.example/token"}));
    assert!(read(&settings, &document).is_ok());
}

#[test]
fn configured_endpoints_take_precedence_over_discovery() {
    let url = |text: &str| Some(Url::parse(text).unwrap());
    let endpoints = Endpoints {
        authorization: url("https://a.example/authorize"),
        token: url("http://b.svc/token"),
        jwks: url("https://c.example/keys?appid=1"),
        userinfo: url("https://d.example/userinfo"),
        end_session: url("https://e.example/logout"),
    };
    let set = ProviderSettings { endpoints, ..settings(ISSUER) };
    let nonsense = ENDPOINTS.map(|name| (name.to_owned(), json!("http://evil.example/")));
    let document = with(&metadata(ISSUER), &Value::Object(nonsense.into_iter().collect()));
    for found in [read(&set, &document).unwrap(), Metadata::configured(&set).unwrap()] {
        assert_eq!(found.authorization_endpoint.as_str(), "https://a.example/authorize");
        assert_eq!(found.token_endpoint.as_str(), "http://b.svc/token");
        assert_eq!(found.jwks_uri.as_str(), "https://c.example/keys?appid=1");
        assert_eq!(found.userinfo_endpoint.unwrap().as_str(), "https://d.example/userinfo");
        assert_eq!(found.end_session_endpoint.unwrap().as_str(), "https://e.example/logout");
    }
    let error = Metadata::configured(&settings(ISSUER)).unwrap_err().to_string();
    assert!(error.contains("set provider.endpoints.authorization"), "{error}");
}

#[test]
fn http_back_channel_allows_http_for_the_gateway_but_not_for_browsers() {
    let mut settings = settings(ISSUER);
    settings.backchannel_url = Some(Url::parse("http://kc.auth.svc:8080/realms/main").unwrap());
    let internal = json!({
        "token_endpoint": "http://kc.auth.svc:8080/token",
        "jwks_uri": "http://kc.auth.svc:8080/certs",
    });
    let internal = with(&metadata(ISSUER), &internal);
    let found = read(&settings, &internal).unwrap();
    assert_eq!(found.token_endpoint.as_str(), "http://kc.auth.svc:8080/token");
    let plain = with(&internal, &json!({"authorization_endpoint": "http://kc.example/auth"}));
    assert!(read(&settings, &plain).is_err());
    let inside = with(&internal, &json!({"authorization_endpoint": "http://kc.auth.svc:8080/auth"}));
    assert!(read(&settings, &inside).is_err());
}

#[test]
fn http_issuer_may_have_http_endpoints() {
    let issuer = "http://kc.example:8080/realms/main";
    assert!(read(&settings(issuer), &metadata(issuer)).is_ok());
}

#[test]
fn discovery_url_is_below_the_back_channel_url_or_the_issuer() {
    let mut settings = settings("https://kc.example/realms/main/");
    let path = "/realms/main/.well-known/openid-configuration";
    assert_eq!(document_url(&settings).unwrap().as_str(), format!("https://kc.example{path}"));
    settings.backchannel_url = Some(Url::parse("http://kc.svc/realms/main").unwrap());
    assert_eq!(document_url(&settings).unwrap().as_str(), format!("http://kc.svc{path}"));
}

#[test]
fn unreadable_or_incomplete_metadata_returns_the_reason() {
    let error = Metadata::read(b"<html>", &settings(ISSUER)).unwrap_err();
    assert!(error.to_string().starts_with("the discovery document cannot be read: "), "{error}");
    let relative = with(&metadata(ISSUER), &json!({"token_endpoint": "/token"}));
    assert_eq!(read(&settings(ISSUER), &relative).unwrap_err(), "the provider's token_endpoint is not a URL");
    let incomplete = with(&metadata(ISSUER), &json!({"jwks_uri": null}));
    assert!(read(&settings(ISSUER), &incomplete).unwrap_err().contains("jwks_uri"));
}

#[test]
fn configured_userinfo_needs_an_endpoint() {
    let asking = ProviderSettings { userinfo: true, ..settings(ISSUER) };
    let document = metadata(ISSUER);
    assert!(read(&settings(ISSUER), &document).is_ok());
    assert!(read(&asking, &document).unwrap_err().contains("set provider.endpoints.userinfo"));
    let named = with(&document, &json!({"userinfo_endpoint": format!("{ISSUER}/userinfo")}));
    assert!(read(&asking, &named).is_ok());
}

#[test]
fn member_that_is_not_used_may_have_any_type() {
    let names = ["userinfo_endpoint", "revocation_endpoint", "scopes_supported", "op_policy_uri", "x"];
    for odd in [json!(7), json!(null), json!({"a": [1]}), json!([null]), json!("no URL"), json!(true)] {
        let odd_members = names.map(|name| (name.to_owned(), odd.clone())).into_iter().collect();
        let mut document = with(&metadata(ISSUER), &Value::Object(odd_members));
        if !odd.is_string() {
            document = with(&document, &json!({"end_session_endpoint": odd}));
        }
        let found = read(&settings(ISSUER), &document).unwrap();
        assert!(found.userinfo_endpoint.is_none() && found.revocation_endpoint.is_none(), "{odd}");
    }
    let text = json!({"authorization_response_iss_parameter_supported": "true"});
    assert!(read(&settings(ISSUER), &with(&metadata(ISSUER), &text)).unwrap().names_itself_in_responses);
}

#[test]
fn member_that_is_used_is_named_if_it_is_not_text() {
    for name in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let error = read(&settings(ISSUER), &with(&metadata(ISSUER), &json!({name: 7}))).unwrap_err();
        assert_eq!(error, format!("the discovery document's {name} is not text"));
    }
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let wrong = json!({
        "authorization_endpoint": "https://a.example/", "token_endpoint": 7, "jwks_uri": null,
        "end_session_endpoint": "http://kc.example/logout",
    });
    let document = with(&metadata(ISSUER), &wrong).to_string();
    let error = Metadata::read(document.as_bytes(), &settings(ISSUER)).unwrap_err();
    let messages = error.messages();
    assert_eq!(messages.len(), 4, "{messages:?}");
    for (message, words) in
        messages.iter().zip(["token_endpoint is not text", "no jwks_uri", "not https", "is at a.example"])
    {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(error.to_string(), messages.join("; "));
}
