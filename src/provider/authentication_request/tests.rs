//! Tests of the authentication request URL

use super::super::testing::{VERIFIER, metadata, settings};
use super::*;
use crate::secret::Secret;

const ISSUER: &str = "https://kc.example/realms/main";

fn url_with(settings: &ProviderSettings, verifier: &str) -> Result<Url, ProviderUnavailable> {
    url_for(settings, verifier, Account::Known)
}

fn url_for(
    settings: &ProviderSettings,
    verifier: &str,
    account: Account,
) -> Result<Url, ProviderUnavailable> {
    let metadata = Metadata::read(metadata(ISSUER).to_string().as_bytes(), settings).unwrap();
    let request = AuthenticationRequest {
        account,
        redirect_uri: "https://App.example/oauth2/callback",
        state: "the state",
        nonce: &Secret::new("the nonce"),
        code_verifier: &Secret::new(verifier),
    };
    url(settings, &metadata, &request)
}

#[test]
fn authentication_url_has_every_required_parameter_exactly_once() {
    let mut settings = settings(ISSUER);
    settings.authorization_parameters = [("kc_idp_hint".to_owned(), "a&b".to_owned())].into();
    let url = url_with(&settings, VERIFIER).unwrap();
    assert_eq!(
        url.as_str().split('?').next(),
        Some("https://kc.example/realms/main/protocol/openid-connect/auth")
    );
    let mut pairs: Vec<_> = url.query_pairs().into_owned().collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        pairs,
        [
            ("client_id", "foregate"),
            // RFC 7636, appendix B.
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("kc_idp_hint", "a&b"),
            ("nonce", "the nonce"),
            ("redirect_uri", "https://App.example/oauth2/callback"),
            ("response_type", "code"),
            ("scope", "openid email"),
            ("state", "the state"),
        ]
    );
}

#[test]
fn verifier_of_invalid_length_returns_an_error() {
    for length in [0, 42, 129] {
        assert!(url_with(&settings(ISSUER), &"v".repeat(length)).is_err());
    }
    assert!(url_with(&settings(ISSUER), &"v".repeat(128)).is_ok());
}

/// Returns all values of a parameter in the request.
fn values(settings: &ProviderSettings, account: Account, name: &str) -> Vec<String> {
    let url = url_for(settings, VERIFIER, account).unwrap();
    url.query_pairs().filter(|(found, _)| found == name).map(|(_, value)| value.into_owned()).collect()
}

#[test]
fn interactive_sign_in_omits_only_a_configured_prompt_none() {
    for (configured, account, sent) in [
        (None, Account::Known, None),
        (None, Account::Interactive, None),
        (None, Account::Another, Some("login")),
        (Some("none"), Account::Known, Some("none")),
        (Some("none"), Account::Interactive, None),
        (Some("none"), Account::Another, Some("login")),
        (Some("none"), Account::Recent, None),
        (Some("consent"), Account::Recent, Some("consent")),
        (Some("consent"), Account::Known, Some("consent")),
        (Some("consent"), Account::Interactive, Some("consent")),
    ] {
        let mut settings = settings(ISSUER);
        let parameter = configured.map(|value| ("prompt".to_owned(), value.to_owned()));
        settings.authorization_parameters = parameter.into_iter().collect();
        let sent: Vec<_> = sent.into_iter().collect();
        assert_eq!(values(&settings, account, "prompt"), sent, "{configured:?} {account:?}");
    }
}

#[test]
fn required_acr_is_requested_unless_acr_values_is_configured() {
    let mut settings = settings(ISSUER);
    assert_eq!(values(&settings, Account::Known, "acr_values"), Vec::<String>::new());
    settings.required_acr = vec!["gold".to_owned(), "silver".to_owned()];
    assert_eq!(values(&settings, Account::Known, "acr_values"), ["gold silver"]);
    settings.authorization_parameters = [("acr_values".to_owned(), "gold".to_owned())].into();
    assert_eq!(values(&settings, Account::Known, "acr_values"), ["gold"]);
}

#[test]
fn recent_authentication_is_requested_with_the_shorter_max_age() {
    for (configured, known, recent) in
        [(None, None, "600"), (Some("3600"), Some("3600"), "600"), (Some("60"), Some("60"), "60")]
    {
        let mut settings = settings(ISSUER);
        let parameter = configured.map(|value| (MAX_AGE.to_owned(), value.to_owned()));
        settings.authorization_parameters = parameter.into_iter().collect();
        let known: Vec<_> = known.into_iter().collect();
        assert_eq!(values(&settings, Account::Known, MAX_AGE), known, "{configured:?}");
        assert_eq!(values(&settings, Account::Recent, MAX_AGE), [recent], "{configured:?}");
    }
}
