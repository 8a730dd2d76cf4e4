//! May this request pass, and if not, what is the person told?
//!
//! [`decide`] asks in this order; the first rule that applies ends it:
//!
//! 1. an alias of a header we own, or one of ours named in `Connection`: Deny;
//! 2. no usable session: Allow as nobody on a public path; else Challenge, or Deny where the policy is unknown;
//! 3. a WebSocket handshake whose `Origin` is not the target's own: Deny (no fetch metadata protects it);
//! 4. a method that changes something, from a page of an origin that is none of ours (`SameSite` cookies do not keep
//!    sibling hosts out); an unknown policy, or a condition of it that the person does not meet: Deny; the first and the
//!    last are allowed as nobody on a public path;
//! 5. otherwise: Allow.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use thiserror::Error;
use url::Url;

use super::credential::{Credential, SessionCredential};
use super::headers::{Alias, HeaderEdits, OwnedHeaders};
use super::identity::IdentityRef;
use super::origin::{Origin, Origins};
use super::own_page::{ANOTHER_ACCOUNT, FORM_NOT_SENT, OwnPage};
use super::policy::{Policies, PolicyError, Refusal};
use super::public_paths::PublicPaths;
use super::request::AccessRequest;
use super::return_to::ReturnTo;
use super::surface::{Surface, is_from_other_origin};
use super::token::TokenText;
use super::websocket::is_handshake;

/// The answer. Closed on purpose: every adapter must render every arm.
#[derive(Debug)]
pub enum Decision {
    /// Pass, with these edits.
    Allow(Grant),
    /// No usable session; here is where to get one.
    Challenge(Challenge),
    /// Known, and not permitted.
    Deny(Denial),
    /// We could not tell. Never passes.
    Fail(Outage),
}

/// The right to pass once, and what the application is told. Only [`decide`] makes one.
#[derive(Debug)]
pub struct Grant {
    edits: HeaderEdits,
}

impl Grant {
    /// What is set on the request: each field once.
    pub fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.edits.fields()
    }

    /// The names that the proxy must remove from a request that came with these fields ([`HeaderEdits::removals`]).
    pub fn removals(&self, client: &HeaderMap) -> Vec<HeaderName> {
        self.edits.removals(client)
    }
}

/// What to do about a missing session.
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A person is looking at a page: send them to sign in, at this absolute URL of ours.
    SignIn(String),
    /// A form was sent to a page: it cannot be sent on, and this page of ours says so.
    FormNotSent(String),
    /// A script or a socket asks: say 401, and let the page reload itself.
    Unauthenticated,
}

/// Why a known request may not pass.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// A spoofing attempt, or a very odd client.
    #[error(transparent)]
    Alias(#[from] Alias),
    /// The proxy names a policy that is not configured.
    #[error("the policy is not configured")]
    UnknownPolicy,
    /// A page of another origin changes something in the person's name.
    #[error("a page of another origin would change something in a signed-in person's name")]
    CrossOriginWrite,
    /// Another site opens a socket in the person's name.
    #[error("the WebSocket handshake comes from another origin")]
    CrossOriginWebSocket,
    /// The person does not meet the policy.
    #[error("{refusal}")]
    Policy {
        /// The condition.
        refusal: Refusal,
        /// The person's name, to be told which account it is about.
        user: String,
        /// Our page where they sign in as somebody else.
        another_account: String,
    },
}

/// Why no answer could be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Outage {
    /// The session store does not answer.
    #[error("the session store does not answer")]
    SessionStore,
    /// The tokens are over, and the provider cannot be asked for new ones now.
    #[error("the provider does not answer, and the session's tokens are over")]
    Provider,
}

/// The rules a decision is made by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The table of header fields we own.
    pub owned: OwnedHeaders,
    /// All policies by name.
    pub policies: Policies,
    /// What passes without a session.
    pub public_paths: PublicPaths,
    /// The origins one may come back to.
    pub origins: Origins,
    /// Where a person is sent to sign in.
    pub sign_in: SignInBy,
    /// Whether pages of other origins may change something in a signed-in person's name.
    pub allow_cross_origin_writes: bool,
}

/// Where a person without a session is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInBy {
    /// Straight on to the provider.
    Start,
    /// To our page with a button.
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

/// Decides, by the rules of this module.
///
/// `other_cookies` are the client's cookies without ours.
pub fn decide(rules: &Rules, request: &AccessRequest<'_>, other_cookies: Vec<u8>) -> Decision {
    match judge(rules, request) {
        Ok(Some(SessionCredential { user, id_token, .. })) => {
            Decision::Allow(Grant { edits: rules.owned.edits(*user, *id_token, other_cookies) })
        }
        Ok(None) | Err(Denial::Policy { .. } | Denial::CrossOriginWrite) if is_public(rules, request) => {
            let nobody = IdentityRef { subject: "", user: "", email: "", groups: "" };
            Decision::Allow(Grant { edits: rules.owned.edits(nobody, TokenText::Whole(""), other_cookies) })
        }
        Ok(None) => Decision::Challenge(challenge(rules, request)),
        Err(denial) => Decision::Deny(denial),
    }
}

fn is_public(rules: &Rules, request: &AccessRequest<'_>) -> bool {
    rules.public_paths.matches(request.method, request.origin, request.target)
}

fn judge<'k, 'c>(
    rules: &Rules,
    request: &'k AccessRequest<'c>,
) -> Result<Option<&'k SessionCredential<'c>>, Denial> {
    rules.owned.guard(request.headers)?;
    let known = match &request.credential {
        Credential::Session(known) => known,
        Credential::None if rules.policies.contains(request.policy) => return Ok(None),
        Credential::None => return Err(Denial::UnknownPolicy),
    };
    if is_handshake(request.headers) && !is_own_socket(request.headers, request.origin) {
        return Err(Denial::CrossOriginWebSocket);
    }
    if !rules.allow_cross_origin_writes && is_cross_origin_write(rules, request) {
        return Err(Denial::CrossOriginWrite);
    }
    let permitted = rules.policies.permit(request.policy, known.user, known.policies);
    permitted.map_err(|error| match error {
        PolicyError::Unknown => Denial::UnknownPolicy,
        PolicyError::Refused(refusal) => Denial::Policy {
            refusal,
            user: known.user.user.to_owned(),
            another_account: another_account(rules, request.origin),
        },
    })?;
    Ok(Some(known))
}

/// Programs send no `Origin`; browsers always do (RFC 6455 §4.1), and once.
fn is_own_socket(headers: &HeaderMap, own: &Origin) -> bool {
    comes_from(headers, |url| own.contains(url)).unwrap_or(true)
}

/// Browsers name the origin with every method but GET and HEAD (Fetch §3.2), and fetch metadata say how far it is.
fn is_cross_origin_write(rules: &Rules, request: &AccessRequest<'_>) -> bool {
    if request.method.is_safe() {
        return false;
    }
    let ours = |url: &Url| request.origin.contains(url) || rules.origins.serves(url);
    comes_from(request.headers, ours).map_or_else(|| is_from_other_origin(request.headers), |ours| !ours)
}

/// Whether the one `Origin` is acceptable; `None` where there is none.
fn comes_from(headers: &HeaderMap, acceptable: impl FnOnce(&Url) -> bool) -> Option<bool> {
    let mut values = headers.get_all(header::ORIGIN).iter();
    let one = values.next()?;
    let url = one.to_str().ok().and_then(|text| Url::parse(text).ok());
    Some(values.next().is_none() && url.is_some_and(|url| acceptable(&url)))
}

fn another_account(rules: &Rules, origin: &Origin) -> String {
    let sign_in = rules.origins.sign_in_of(origin);
    OwnPage::Start.with_parameter(sign_in, ANOTHER_ACCOUNT, &ReturnTo::home(origin))
}

/// Where a person goes who is signed in with tokens that are over: to our page that renews them.
pub fn refresh_challenge(rules: &Rules, request: &AccessRequest<'_>) -> Challenge {
    let sign_in = rules.origins.sign_in_of(request.origin);
    Challenge::SignIn(OwnPage::Refresh.with_return(sign_in, &here(rules, request)))
}

fn here(rules: &Rules, request: &AccessRequest<'_>) -> ReturnTo {
    let origin = request.origin;
    let here = format!("{}{}", origin.as_str(), request.target.to_ascii());
    ReturnTo::parse(&here, origin, &rules.origins).unwrap_or_else(|| ReturnTo::home(origin))
}

fn challenge(rules: &Rules, request: &AccessRequest<'_>) -> Challenge {
    if request.surface() != Surface::Navigation {
        return Challenge::Unauthenticated;
    }
    let sign_in = rules.origins.sign_in_of(request.origin);
    if *request.method == Method::GET || *request.method == Method::HEAD {
        Challenge::SignIn(rules.sign_in.own_page().with_return(sign_in, &here(rules, request)))
    } else {
        Challenge::FormNotSent(OwnPage::SignIn.with_parameter(sign_in, FORM_NOT_SENT, &page_of_form(request)))
    }
}

/// The page that holds the form, as far as it is on the same origin.
fn page_of_form(request: &AccessRequest<'_>) -> ReturnTo {
    let own = Origins::new(vec![request.origin.clone()]);
    let referer = request.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    referer
        .and_then(|url| ReturnTo::parse(url, request.origin, &own))
        .unwrap_or_else(|| ReturnTo::home(request.origin))
}

#[cfg(test)]
mod tests;
