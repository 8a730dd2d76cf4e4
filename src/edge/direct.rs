//! How is a request read that comes to our own proxy?
//!
//! It is its own source: the host from `Host` alone, the target from the request line, the client from the connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::checker::event;
use super::reply::{self, Asker};
use super::request_id::RequestIds;
use crate::access::decision::Grant;
use crate::access::field_names::only_value;
use crate::access::origin::{Origin, Origins};
use crate::access::policy::DEFAULT;
use crate::access::request::AccessRequest;
use crate::access::surface::Surface;
use crate::access::target::Target;
use crate::flow::audit::{Audit, Hint};
use crate::flow::caller::{Caller, REMOVED_ON_THE_WAY};
use crate::flow::check::{Check, DecisionRecord};

/// Our own reverse proxy.
pub const CALLER: Caller =
    Caller { label: "proxy", patience: Duration::from_secs(5), cookie_remedy: REMOVED_ON_THE_WAY };

/// What passes.
pub struct Admitted {
    /// With these edits.
    pub grant: Grant,
    /// To this public origin.
    pub origin: Origin,
    /// `Set-Cookie` values for the way back.
    pub deliver: Option<Arc<[HeaderValue]>>,
}

/// Decides about requests to our own proxy.
pub struct Direct {
    /// The flow.
    pub check: Arc<Check>,
    /// Where decisions are told.
    pub audit: Arc<dyn Audit>,
    /// Names for requests that do not pass.
    pub ids: Arc<RequestIds>,
}

impl Direct {
    /// The right to pass, or what the client sees instead.
    pub async fn admit(&self, request: &Parts, peer: IpAddr) -> Result<Admitted, Box<Response<Body>>> {
        let id = self.ids.next();
        let asker = || Asker { surface: Surface::of(&request.method, &request.headers), id };
        let refuse = |status, why: &str| Box::new(reply::refused(status, why, asker()));
        let Some(origin) = public_origin(&request.headers, &self.check.rules.origins, &*self.audit) else {
            return Err(refuse(StatusCode::FORBIDDEN, "this host is not configured"));
        };
        let path_and_query = request.uri.path_and_query().map_or("", |target| target.as_str());
        let target = Target::parse(path_and_query.as_bytes())
            .map_err(|error| refuse(StatusCode::BAD_REQUEST, &error.to_string()))?;
        let (method, headers) = (&request.method, &request.headers);
        let access = AccessRequest { origin, target, method, headers, policy: DEFAULT };
        let record =
            |record: &DecisionRecord<'_>| self.audit.check(&event(CALLER, record, origin, peer, &id));
        let checked = self.check.check(&access, CALLER, record).await;
        let deliver = checked.pending_cookies.clone();
        Ok(Admitted { grant: reply::grant_or_refusal(checked, asker)?, origin: origin.clone(), deliver })
    }
}

/// The origin that a request's one `Host` field means; the operator is told of a host that is not configured.
pub fn public_origin<'o>(headers: &HeaderMap, origins: &'o Origins, audit: &dyn Audit) -> Option<&'o Origin> {
    let host = std::str::from_utf8(only_value(headers, &header::HOST)?.as_bytes()).ok()?;
    let origin = origins.find(host);
    if origin.is_none() {
        audit.hint(&Hint::UnknownHost(host));
    }
    origin
}
