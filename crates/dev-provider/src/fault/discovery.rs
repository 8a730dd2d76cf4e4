//! Faults of the metadata (Discovery §3 and §4.3)

use serde_json::{Map, Value, json};

use super::claim::other_slash;
use super::faults;

/// An action on the metadata. The string is the base of URLs at another host.
type Act = fn(&mut Metadata<'_>, &str);

/// The metadata document, with methods that change it.
pub(crate) struct Metadata<'a>(&'a mut Map<String, Value>);

/// The members with endpoints that a browser or a client uses.
const ENDPOINTS: [&str; 4] =
    ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint"];

/// The member with the algorithms of ID tokens.
const ALGORITHMS: &str = "id_token_signing_alg_values_supported";

/// Endpoints that a client can do without.
const UNUSED: [&str; 6] = [
    "registration_endpoint",
    "introspection_endpoint",
    "check_session_iframe",
    "end_session_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
];

impl Metadata<'_> {
    fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    fn downgrade(&mut self) {
        for name in ENDPOINTS.into_iter().chain(["jwks_uri"]) {
            self.change(name, |url| url.replacen("https:", "http:", 1));
        }
    }

    fn announce_weak(&mut self) {
        let announced = self.0.get_mut(ALGORITHMS);
        if let Some(list) = announced.and_then(Value::as_array_mut) {
            list.extend([json!("none"), json!("HS256")]);
        }
    }

    fn announce_other(&mut self) {
        let announced = self.0.get(ALGORITHMS).and_then(Value::as_array);
        let other = match announced {
            Some(list) if list.contains(&json!("ES256")) => "RS256",
            _ => "ES256",
        };
        self.set(ALGORITHMS, json!([other]));
    }

    fn set_odd_types(&mut self) {
        for (name, value) in [
            ("claims_supported", json!(7)),
            ("claim_types_supported", Value::Null),
            ("response_modes_supported", json!({ "query": true })),
            ("subject_types_supported", json!("public")),
            ("claims_parameter_supported", json!("false")),
            ("service_documentation", json!([{ "url": 1 }])),
            ("ui_locales_supported", json!(false)),
        ] {
            self.set(name, value);
        }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&str) -> String) {
        let changed = self.0.get(name).and_then(Value::as_str).map(change);
        if let Some(changed) = changed {
            self.set(name, json!(changed));
        }
    }
}

faults! {
    /// Faulty metadata.
    DiscoveryFault: Act;
    IssuerChanged, "discovery-issuer-changed", "D03, X02",
        "`issuer` has `INVALID` at its end",
        |m, _| m.change("issuer", |issuer| format!("{issuer}INVALID"));
    IssuerSlash, "discovery-issuer-slash", "D03",
        "`issuer` has one slash more or less at its end",
        |m, _| m.change("issuer", other_slash);
    IssuerMissing, "discovery-issuer-missing", "refuse", "`issuer` is left out", |m, _| m.remove("issuer");
    EndpointsElsewhere, "discovery-endpoints-elsewhere", "D01, row 23",
        "the endpoints, except `jwks_uri`, are at another host",
        |m, e| ENDPOINTS.into_iter().for_each(|name| m.set(name, json!(format!("{e}/{name}"))));
    EndpointsHttp, "discovery-endpoints-http", "row 23",
        "the endpoints and the keys are at `http:` URLs",
        |m, _| m.downgrade();
    TokenLinkLocal, "discovery-token-endpoint-link-local", "row 23",
        "`token_endpoint` is at 169.254.169.254",
        |m, _| m.set("token_endpoint", json!("http://169.254.169.254/latest/meta-data"));
    TokenFile, "discovery-token-endpoint-file", "row 23",
        "`token_endpoint` is a `file:` URL",
        |m, _| m.set("token_endpoint", json!("file:///etc/passwd"));
    JwksElsewhere, "discovery-jwks-elsewhere", "D02, row 23",
        "`jwks_uri` is at another host",
        |m, e| m.set("jwks_uri", json!(format!("{e}/jwks")));
    AuthorizationMissing, "discovery-authorization-missing", "refuse",
        "`authorization_endpoint` is left out",
        |m, _| m.remove("authorization_endpoint");
    TokenMissing, "discovery-token-missing", "refuse",
        "`token_endpoint` is left out",
        |m, _| m.remove("token_endpoint");
    JwksMissing, "discovery-jwks-missing", "refuse", "`jwks_uri` is left out", |m, _| m.remove("jwks_uri");
    UserinfoMissing, "discovery-userinfo-missing", "accept",
        "`userinfo_endpoint` is left out",
        |m, _| m.remove("userinfo_endpoint");
    EndSessionMissing, "discovery-end-session-missing", "accept",
        "`end_session_endpoint` is left out",
        |m, _| m.remove("end_session_endpoint");
    IssFlagFalse, "discovery-iss-flag-false", "row 14",
        "`authorization_response_iss_parameter_supported` is false",
        |m, _| m.set("authorization_response_iss_parameter_supported", json!(false));
    IssFlagMissing, "discovery-iss-flag-missing", "row 14",
        "`authorization_response_iss_parameter_supported` is left out",
        |m, _| m.remove("authorization_response_iss_parameter_supported");
    PkceMissing, "discovery-pkce-missing", "row 15",
        "`code_challenge_methods_supported` is left out",
        |m, _| m.remove("code_challenge_methods_supported");
    AlgNone, "discovery-alg-none", "C11",
        "`none` and `HS256` are listed for ID tokens as well",
        |m, _| m.announce_weak();
    AlgHs256Only, "discovery-alg-hs256-only", "warn",
        "`id_token_signing_alg_values_supported` lists only `HS256`",
        |m, _| m.set(ALGORITHMS, json!(["HS256"]));
    AlgHs512Only, "discovery-alg-hs512-only", "warn",
        "`id_token_signing_alg_values_supported` lists only `HS512`",
        |m, _| m.set(ALGORITHMS, json!(["HS512"]));
    AlgOther, "discovery-alg-other", "warn",
        "`id_token_signing_alg_values_supported` lists only `ES256`, or only `RS256` if the provider signs with ES256",
        |m, _| m.announce_other();
    AlgMissing, "discovery-alg-missing", "accept",
        "`id_token_signing_alg_values_supported` is left out",
        |m, _| m.remove(ALGORITHMS);
    AlgEmpty, "discovery-alg-empty", "accept",
        "`id_token_signing_alg_values_supported` is an empty list",
        |m, _| m.set(ALGORITHMS, json!([]));
    AlgNumber, "discovery-alg-number", "no crash",
        "`id_token_signing_alg_values_supported` is a number",
        |m, _| m.set(ALGORITHMS, json!(256));
    ScopesNoOffline, "discovery-scopes-no-offline", "accept",
        "`scopes_supported` lists only `openid`, `profile` and `email`",
        |m, _| m.set("scopes_supported", json!(["openid", "profile", "email"]));
    ScopesMissing, "discovery-scopes-missing", "accept",
        "`scopes_supported` is left out",
        |m, _| m.remove("scopes_supported");
    ScopesText, "discovery-scopes-text", "no crash",
        "`scopes_supported` is the string `openid offline_access`",
        |m, _| m.set("scopes_supported", json!("openid offline_access"));
    UnusedOddTypes, "discovery-unused-odd-types", "accept",
        "seven members that a client does not use are numbers, null, objects, lists and strings",
        |m, _| m.set_odd_types();
    UnusedNull, "discovery-unused-null", "accept",
        "six endpoints that a client can do without, such as `end_session_endpoint`, are null",
        |m, _| UNUSED.into_iter().for_each(|name| m.set(name, Value::Null));
    IssFlagText, "discovery-iss-flag-text", "no crash",
        "`authorization_response_iss_parameter_supported` is the string `true`",
        |m, _| m.set("authorization_response_iss_parameter_supported", json!("true"));
    RevocationNumber, "discovery-revocation-number", "no crash",
        "`revocation_endpoint` is a number",
        |m, _| m.set("revocation_endpoint", json!(7));
    RevocationMissing, "discovery-revocation-missing", "accept",
        "`revocation_endpoint` is left out",
        |m, _| m.remove("revocation_endpoint");
    EndSessionNumber, "discovery-end-session-number", "no crash",
        "`end_session_endpoint` is a number",
        |m, _| m.set("end_session_endpoint", json!(7));
    AuthMethodsPost, "discovery-auth-methods-post", "warn",
        "`token_endpoint_auth_methods_supported` lists only `client_secret_post`",
        |m, _| m.set("token_endpoint_auth_methods_supported", json!(["client_secret_post"]));
}

impl DiscoveryFault {
    pub(crate) fn apply(self, document: &mut Map<String, Value>, elsewhere: &str) {
        self.action()(&mut Metadata(document), elsewhere);
    }
}
