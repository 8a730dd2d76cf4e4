//! Decision about a request
//!
//! [`decide`] applies these rules in order. The first rule that matches decides.
//!
//! 1. The client requests the check itself: Deny.
//! 2. The request has an alias of an owned header, or names an owned header in `Connection`: Deny. The same applies to
//!    any other field that only a gateway may send, if the proxy cannot remove it.
//! 3. Headlamp would send the request to an address that the client chose: Deny.
//! 4. There is no usable session. If the policy is unknown: Deny. On a public path: Allow without an identity.
//!    Otherwise: Challenge.
//! 5. A WebSocket handshake has an `Origin` other than the target's: Deny. Fetch metadata does not protect
//!    handshakes.
//! 6. A page of another origin sends an unsafe method: Deny, but on a public path Allow without an identity. The
//!    setting [`Rules::allow_cross_origin_writes`] disables this rule. `SameSite` cookies do not protect against
//!    sibling hosts.
//! 7. The policy is unknown: Deny.
//! 8. The user does not meet the policy or the conditions of the query: Deny, but on a public path Allow without an
//!    identity.
//! 9. Otherwise: Allow.

mod denial;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use thiserror::Error;
use url::Url;

pub use self::denial::Denial;
use super::credential::{Credential, SessionCredential};
use super::headers::{HeaderEdits, OwnedHeaders};
use super::headlamp::Headlamp;
use super::identity::IdentityRef;
use super::origin::{Origin, Origins};
use super::own_page::{ANOTHER_ACCOUNT, FORM_NOT_SENT, OwnPage};
use super::policy::{Policies, PolicyError};
use super::public_paths::PublicPaths;
use super::request::AccessRequest;
use super::return_to::ReturnTo;
use super::surface::is_from_other_origin;
use super::token::TokenText;
use super::websocket::is_handshake;

/// The decision. The enum is exhaustive, so that each adapter must render each variant.
#[derive(Debug)]
pub enum Decision {
    /// The request passes, with these header edits.
    Allow(Grant),
    /// There is no usable session.
    Challenge(Challenge),
    /// The request must not pass.
    Deny(Denial),
    /// No decision is possible now. The request does not pass.
    Fail(Outage),
}

/// The right of one request to pass, and the header edits that it needs. Only [`decide`] creates it.
#[derive(Debug)]
pub struct Grant {
    edits: HeaderEdits,
    is_anonymous: bool,
}

impl Grant {
    /// Returns the fields to set on the request, each name once.
    pub fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.edits.fields()
    }

    /// Returns the names that the proxy must remove from a request with these fields ([`HeaderEdits::removals`]).
    pub fn removals(&self, client: &HeaderMap) -> Vec<HeaderName> {
        self.edits.removals(client)
    }

    /// Returns whether the request passes on a public path without an identity, also if its user has a session.
    pub fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Returns the aliases of owned fields, for a proxy that does not show the client's fields ([`HeaderEdits::aliases`]).
    pub fn aliases(&self) -> Option<HeaderValue> {
        self.edits.aliases()
    }
}

/// The reply to a request without a usable session.
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A navigation, or a request that may be one: redirect it to this absolute URL of our sign-in.
    SignIn(String),
    /// A form was sent: it cannot be forwarded. Redirect to this page of ours, which says so.
    FormNotSent(String),
    /// A script or a WebSocket: return 401, and let the page reload itself.
    Unauthenticated,
}

/// Why no decision is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Outage {
    /// The session store does not answer.
    #[error("the session store does not answer")]
    SessionStore,
    /// The tokens have expired, and the provider cannot refresh them now.
    #[error("the provider does not answer, and the request has no valid tokens")]
    Provider,
    /// The tokens have expired, and the provider refuses to refresh them for this gateway.
    #[error(
        "the provider refuses this gateway, and the request has no valid tokens; see provider.client_id, \
         provider.client_authentication and the client secret or key"
    )]
    ClientRefused,
}

/// The rules of a decision.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The table of header fields we own.
    pub owned: OwnedHeaders,
    /// All policies by name.
    pub policies: Policies,
    /// The paths that pass without a session.
    pub public_paths: PublicPaths,
    /// Headlamp, if it is the application.
    pub headlamp: Option<Headlamp>,
    /// The origins that the gateway serves or returns to.
    pub origins: Origins,
    /// The page that a navigation without a session is redirected to.
    pub sign_in: SignInBy,
    /// Whether pages of other origins may send unsafe methods as the user.
    pub allow_cross_origin_writes: bool,
}

/// The page that a navigation without a session is redirected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInBy {
    /// The page that redirects to the provider at once.
    Start,
    /// The page with a sign-in button.
    Page,
}

impl SignInBy {
    fn own_page(self) -> OwnPage {
        match self {
            Self::Start => OwnPage::Start,
            Self::Page => OwnPage::SignIn,
        }
    }
}

/// Decides by the rules of this module.
///
/// `other_cookies` are the client's cookies without the gateway's own.
pub fn decide(rules: &Rules, request: &AccessRequest<'_>, other_cookies: Vec<u8>) -> Decision {
    match authorize(rules, request) {
        Ok(Some(SessionCredential { user, id_token, .. })) => {
            Decision::Allow(grant(rules, request, *user, *id_token, other_cookies))
        }
        Ok(None) | Err(Denial::Policy { .. } | Denial::CrossOriginWrite) if is_public(rules, request) => {
            let anonymous = IdentityRef { subject: "", user: "", email: "", groups: "" };
            let grant = grant(rules, request, anonymous, TokenText::Whole(""), other_cookies);
            Decision::Allow(Grant { is_anonymous: true, ..grant })
        }
        Ok(None) => Decision::Challenge(challenge(rules, request)),
        Err(denial) => Decision::Deny(denial),
    }
}

fn grant(
    rules: &Rules,
    request: &AccessRequest<'_>,
    user: IdentityRef<'_>,
    id_token: TokenText<'_>,
    other_cookies: Vec<u8>,
) -> Grant {
    let (id_token, other_cookies) = match &rules.headlamp {
        Some(headlamp) => headlamp.place_token(request.method, request.target, id_token, other_cookies),
        None => (id_token, other_cookies),
    };
    Grant { edits: rules.owned.edits(user, id_token, other_cookies), is_anonymous: false }
}

fn is_public(rules: &Rules, request: &AccessRequest<'_>) -> bool {
    rules.public_paths.matches(request.method, request.origin, request.target)
}

fn authorize<'k, 'c>(
    rules: &Rules,
    request: &'k AccessRequest<'c>,
) -> Result<Option<&'k SessionCredential<'c>>, Denial> {
    if request.conditions.is_check_itself(request.target) {
        return Err(Denial::CheckItself);
    }
    rules.owned.guard(request.headers)?;
    if !request.foreign_fields_are_removed {
        rules.owned.guard_foreign(request.headers)?;
    }
    if rules.headlamp.as_ref().is_some_and(|headlamp| headlamp.is_denied(request.method, request.target)) {
        return Err(Denial::ExternalTarget);
    }
    let session = match &request.credential {
        Credential::Session(session) => session,
        Credential::None if rules.policies.contains(request.policy) => return Ok(None),
        Credential::None => return Err(Denial::UnknownPolicy),
    };
    if is_handshake(request.headers) && !is_own_socket(request.headers, request.origin) {
        return Err(Denial::CrossOriginWebSocket);
    }
    if !rules.allow_cross_origin_writes && is_cross_origin_write(rules, request) {
        return Err(Denial::CrossOriginWrite);
    }
    let permitted = rules.policies.permit(request.policy, session.user, session.policies);
    let permitted =
        permitted.and_then(|()| request.conditions.permits(session.user).map_err(PolicyError::Refused));
    permitted.map_err(|error| match error {
        PolicyError::Unknown => Denial::UnknownPolicy,
        PolicyError::Refused(refusal) => Denial::Policy {
            refusal,
            was_lost: session.policies.is_some_and(|sealed| rules.policies.was_lost(request.policy, sealed)),
            groups: session.user.each_group().count(),
            user: session.user.user.to_owned(),
            another_account: another_account(rules, request.origin),
        },
    })?;
    Ok(Some(session))
}

/// Returns whether a handshake has the target's origin or none.
///
/// Browsers always send `Origin`, exactly once (RFC 6455 §4.1). Other programs send none.
fn is_own_socket(headers: &HeaderMap, own: &Origin) -> bool {
    is_origin_accepted(headers, |url| own.contains(url)).unwrap_or(true)
}

/// Returns whether a page of this origin sent a request, as its only `Origin` says.
pub fn is_from_own_page(headers: &HeaderMap, own: &Origin) -> bool {
    is_origin_accepted(headers, |url| own.contains(url)).unwrap_or(false)
}

/// Browsers send `Origin` with every method except GET and HEAD (Fetch §3.2). If it is absent, fetch metadata decide.
fn is_cross_origin_write(rules: &Rules, request: &AccessRequest<'_>) -> bool {
    if request.method.is_safe() {
        return false;
    }
    let ours = |url: &Url| request.origin.contains(url) || rules.origins.serves(url);
    is_origin_accepted(request.headers, ours)
        .map_or_else(|| is_from_other_origin(request.headers), |ours| !ours)
}

/// Returns whether the only `Origin` is acceptable, or `None` if there is none. Repeated fields are never acceptable.
fn is_origin_accepted(headers: &HeaderMap, acceptable: impl FnOnce(&Url) -> bool) -> Option<bool> {
    let mut values = headers.get_all(header::ORIGIN).iter();
    let value = values.next()?;
    let url = value.to_str().ok().and_then(|text| Url::parse(text).ok());
    Some(values.next().is_none() && url.is_some_and(|url| acceptable(&url)))
}

fn another_account(rules: &Rules, origin: &Origin) -> String {
    let sign_in = rules.origins.sign_in_of(origin);
    OwnPage::Start.with_parameter(sign_in, ANOTHER_ACCOUNT, &ReturnTo::home(origin))
}

/// Returns the challenge for a navigation of a user whose tokens have expired: our page that refreshes them.
pub fn refresh_challenge(rules: &Rules, request: &AccessRequest<'_>) -> Challenge {
    let sign_in = rules.origins.sign_in_of(request.origin);
    Challenge::SignIn(OwnPage::Refresh.with_return(sign_in, &requested_url(rules, request)))
}

/// Returns the URL of the request, or the start page of its origin if that URL is not a valid return URL.
fn requested_url(rules: &Rules, request: &AccessRequest<'_>) -> ReturnTo {
    let origin = request.origin;
    let url = format!("{}{}", origin.as_str(), request.target.to_ascii());
    ReturnTo::parse(&url, origin, &rules.origins).unwrap_or_else(|| ReturnTo::home(origin))
}

fn challenge(rules: &Rules, request: &AccessRequest<'_>) -> Challenge {
    if !request.surface().may_have_user() {
        return Challenge::Unauthenticated;
    }
    let sign_in = rules.origins.sign_in_of(request.origin);
    if *request.method == Method::GET || *request.method == Method::HEAD {
        Challenge::SignIn(rules.sign_in.own_page().with_return(sign_in, &requested_url(rules, request)))
    } else {
        Challenge::FormNotSent(OwnPage::SignIn.with_parameter(sign_in, FORM_NOT_SENT, &page_of_form(request)))
    }
}

/// Returns the page with the form if it is on the same origin, else the start page.
fn page_of_form(request: &AccessRequest<'_>) -> ReturnTo {
    let own = Origins::new(vec![request.origin.clone()]);
    let referer = request.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    referer
        .and_then(|url| ReturnTo::parse(url, request.origin, &own))
        .unwrap_or_else(|| ReturnTo::home(request.origin))
}

#[cfg(test)]
mod tests;
