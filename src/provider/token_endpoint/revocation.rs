//! Refresh token revocation (RFC 7009), and the end of a session by its refresh token
//!
//! 1. The client authenticates as at the token endpoint (§2.1).
//! 2. Status 200 is success regardless of the body, even if the token is already invalid (§2.2).
//! 3. Keycloak ends a session without its browser if its end-session endpoint receives the refresh token and the client
//!    authenticates. No standard has this. Another provider answers with an error or a page, and nothing depends on it.
//!
//! oauth2's own request is not used, because it rejects plain http on loopback, which `endpoint` allows.

use form_urlencoded::Serializer;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use oauth2::{HttpRequest, HttpResponse};
use url::Url;

use super::answer::{MAX_RESPONSE_BYTES, TokenEndpointError, error_of};
use super::{assertion, assertion_parameters};
use crate::flow::ports::{RefreshError, UnixTime};
use crate::provider::http::Http;
use crate::provider::settings::{ClientAuthentication, ProviderSettings};
use crate::secret::Secret;

/// Revokes a refresh token (RFC 7009 §2.1).
pub(in crate::provider) async fn revoke(
    http: &Http,
    settings: &ProviderSettings,
    url: &Url,
    now: UnixTime,
    token: &Secret,
) -> Result<(), RefreshError> {
    send_revocation(http, settings, url, now, token)
        .await
        .map_err(|error| error.into_refresh_error(&settings.client_authentication))
}

async fn send_revocation(
    http: &Http,
    settings: &ProviderSettings,
    url: &Url,
    now: UnixTime,
    token: &Secret,
) -> Result<(), TokenEndpointError> {
    let parameters = [("token", token.expose()), ("token_type_hint", "refresh_token")];
    let response = send(http, settings, url, now, &parameters).await?;
    if response.status() == StatusCode::OK { Ok(()) } else { Err(error_of(&response, now)) }
}

/// Ends the session of a refresh token at Keycloak's end-session endpoint.
pub(in crate::provider) async fn end_session(
    http: &Http,
    settings: &ProviderSettings,
    url: &Url,
    now: UnixTime,
    token: &Secret,
) -> Result<(), RefreshError> {
    let parameters = [("refresh_token", token.expose())];
    let response = send(http, settings, url, now, &parameters).await;
    let response = response.and_then(|response| {
        if response.status().is_success() { Ok(()) } else { Err(error_of(&response, now)) }
    });
    response.map_err(|error| error.into_refresh_error(&settings.client_authentication))
}

/// Sends a form as the client of the gateway.
async fn send(
    http: &Http,
    settings: &ProviderSettings,
    url: &Url,
    now: UnixTime,
    parameters: &[(&str, &str)],
) -> Result<HttpResponse, TokenEndpointError> {
    let assertion = assertion(settings, now)?;
    Ok(http.send(request(settings, url, parameters, assertion.as_ref())?, MAX_RESPONSE_BYTES).await?)
}

fn request(
    settings: &ProviderSettings,
    url: &Url,
    parameters: &[(&str, &str)],
    assertion: Option<&Secret>,
) -> Result<HttpRequest, TokenEndpointError> {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(parameters);
    let mut request = HttpRequest::default();
    if let ClientAuthentication::Basic(secret) = &settings.client_authentication {
        request.headers_mut().insert(AUTHORIZATION, basic(&settings.client_id, secret)?);
    } else {
        form.append_pair("client_id", &settings.client_id).extend_pairs(assertion_parameters(assertion));
    }
    if let ClientAuthentication::Post(secret) = &settings.client_authentication {
        form.append_pair("client_secret", secret.expose());
    }
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.as_str().parse().map_err(|_| invalid_request())?;
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    *request.body_mut() = form.finish().into_bytes();
    Ok(request)
}

/// Returns the `Authorization` value of a client (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &Secret) -> Result<HeaderValue, TokenEndpointError> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose()));
    let text = format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair));
    let mut value = HeaderValue::try_from(text).map_err(|_| invalid_request())?;
    value.set_sensitive(true);
    Ok(value)
}

fn invalid_request() -> TokenEndpointError {
    TokenEndpointError::InvalidTokens("the request cannot be built".to_owned())
}

#[cfg(test)]
mod tests;
