//! Which metadata are believed?

use serde_json::{Value, json};

use super::super::testing::{metadata, settings, with};
use super::*;

const ISSUER: &str = "https://kc.example/realms/main";

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
fn another_issuer_is_refused_and_both_are_named() {
    for other in
        ["https://kc.example/realms/main/", "https://kc.example/realms/mainINVALID", "HTTPS://kc.example"]
    {
        let error = read(&settings(ISSUER), &with(&metadata(ISSUER), &json!({"issuer": other}))).unwrap_err();
        assert_eq!(
            error,
            format!(
                "provider.issuer is {ISSUER}, but the provider calls itself {other}; they must be the same text"
            )
        );
    }
}

#[test]
fn an_endpoint_without_tls_is_refused() {
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let document = with(&metadata(ISSUER), &json!({name: "http://kc.example/x"}));
        assert!(read(&settings(ISSUER), &document).unwrap_err().contains(name));
        for loopback in ["http://localhost:8080/x", "http://127.0.0.1:8080/x", "http://[::1]:8080/x"] {
            assert!(read(&settings(ISSUER), &with(&metadata(ISSUER), &json!({name: loopback}))).is_ok());
        }
        for tricky in
            ["http://localhost.evil.example/x", "http://127.0.0.1.evil.example/x", "ftp://kc.example/x"]
        {
            assert!(read(&settings(ISSUER), &with(&metadata(ISSUER), &json!({name: tricky}))).is_err());
        }
    }
}

#[test]
fn a_plain_back_channel_allows_plain_calls_of_ours_but_sends_no_browser_there() {
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
}

#[test]
fn a_plain_issuer_may_have_plain_endpoints() {
    let issuer = "http://kc.example:8080/realms/main";
    assert!(read(&settings(issuer), &metadata(issuer)).is_ok());
}

#[test]
fn the_document_lies_below_the_back_channel_or_the_issuer() {
    let mut settings = settings("https://kc.example/realms/main/");
    let path = "/realms/main/.well-known/openid-configuration";
    assert_eq!(document(&settings).unwrap().as_str(), format!("https://kc.example{path}"));
    settings.backchannel_url = Some(Url::parse("http://kc.svc/realms/main").unwrap());
    assert_eq!(document(&settings).unwrap().as_str(), format!("http://kc.svc{path}"));
}

#[test]
fn a_page_instead_of_a_document_says_so() {
    let error = Metadata::read(b"<html>", &settings(ISSUER)).unwrap_err();
    assert!(error.to_string().starts_with("the discovery document cannot be read: "), "{error}");
    let incomplete = with(&metadata(ISSUER), &json!({"jwks_uri": null}));
    assert!(read(&settings(ISSUER), &incomplete).unwrap_err().contains("jwks_uri"));
}
