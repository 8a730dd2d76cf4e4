//! Request to one of our own pages

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};
use thiserror::Error;
use url::form_urlencoded;

use super::page::Problem;
use crate::access::origin::Origin;
use crate::access::surface::Surface;
use crate::edge::error_page::{Requester, error_page};
use crate::edge::reply::Reply;
use crate::edge::request_id::RequestId;
use crate::flow::ports::{SessionRequest, UnixTime};

/// The origin and the id of a request. The router adds it to each request.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) origin: Origin,
    pub(super) id: RequestId,
}

impl Visit {
    /// Returns the request for the session store. A visit of our own pages does not count as activity in the
    /// application.
    pub(super) fn session_request<'r>(&'r self, headers: &'r HeaderMap, now: UnixTime) -> SessionRequest<'r> {
        SessionRequest { headers, origin: &self.origin, now, active: false, found: None }
    }

    /// Returns the page about a problem.
    pub(super) fn error_page(&self, problem: &Problem<'_>) -> Reply {
        error_page(problem, Requester::user(self.id))
    }

    /// Returns the page for a request that breaks a rule.
    pub(super) fn refused(&self, status: StatusCode, why: &str) -> Reply {
        Reply::refused(status, why, Requester::user(self.id))
    }
}

/// A visit that is a navigation of the browser, as far as fetch metadata says.
///
/// A script, a frame, an image or a prefetch is rejected: it would only leave cookies, or use up tokens of a session.
pub(super) struct Navigation {
    pub(super) visit: Visit,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Navigation {
    type Rejection = Reply;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reply> {
        let Some(visit) = parts.extensions.get::<Visit>().cloned() else {
            return Err(Reply::new(StatusCode::INTERNAL_SERVER_ERROR));
        };
        let (headers, uri) = (parts.headers.clone(), parts.uri.clone());
        let is_embedded = headers.contains_key("sec-fetch-mode")
            && Surface::of(&parts.method, &headers) != Surface::Navigation;
        if is_embedded {
            return Err(
                visit.refused(StatusCode::FORBIDDEN, "this page accepts only a navigation of the browser")
            );
        }
        Ok(Self { visit, uri, headers })
    }
}

/// A query parameter came more than once.
#[derive(Debug, Error)]
#[error("the parameter {0} came more than once")]
pub(super) struct Repeated(&'static str);

/// Returns the value of a query parameter that may be present once.
pub(super) fn parameter(query: Option<&str>, name: &'static str) -> Result<Option<String>, Repeated> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Repeated(name)),
    }
}
