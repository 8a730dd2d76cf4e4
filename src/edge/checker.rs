//! What do all check endpoints do alike: whom they answer, what they log?

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Response, StatusCode};

use super::peer::Peer;
use super::read::{Forwarded, ReadError};
use super::reply::{self, Asker};
use super::request_id::{RequestId, RequestIds};
use crate::access::client::TrustedProxies;
use crate::access::decision::Decision;
use crate::access::origin::Origin;
use crate::access::request::AccessRequest;
use crate::access::surface::Surface;
use crate::flow::audit::{Audit, CheckEvent, Hint, Outcome};
use crate::flow::caller::Caller;
use crate::flow::check::{Check, DecisionRecord};

/// Everything the check endpoints need.
pub struct Checker {
    /// The flow.
    pub check: Arc<Check>,
    /// The peers that may ask.
    pub trusted: TrustedProxies,
    /// Where decisions are record.
    pub audit: Arc<dyn Audit>,
    /// Names for requests that do not pass.
    pub ids: Arc<RequestIds>,
}

/// Takes the client's request out of a proxy's; the client is the one behind the trusted proxies.
pub type Read = for<'h> fn(&'h HeaderMap, &TrustedProxies) -> Result<Forwarded<'h>, ReadError>;

impl Checker {
    /// Answers one question of a dialect; `read` takes the client's request out of the proxy's.
    pub async fn answer(
        &self,
        caller: Caller,
        peer: Peer,
        policy: &str,
        headers: &HeaderMap,
        read: Read,
    ) -> Response<Body> {
        if !self.trusted.answers(peer.ip(), peer.certified) {
            self.audit.hint(&Hint::UntrustedPeer(peer.ip()));
            return self.refused(caller, StatusCode::FORBIDDEN, "this peer is not trusted to ask");
        }
        let forwarded = match read(headers, &self.trusted) {
            Ok(forwarded) => forwarded,
            Err(error) => return self.refused(caller, StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let Some(origin) = self.check.rules.origins.find(forwarded.host) else {
            self.audit.hint(&Hint::UnknownHost(forwarded.host));
            return self.refused(caller, StatusCode::FORBIDDEN, "this host is not configured");
        };
        self.decide(caller, policy, headers, &forwarded, origin).await
    }

    async fn decide(
        &self,
        caller: Caller,
        policy: &str,
        headers: &HeaderMap,
        forwarded: &Forwarded<'_>,
        origin: &Origin,
    ) -> Response<Body> {
        let method = &forwarded.method;
        let request = AccessRequest { origin, target: forwarded.target, method, headers, policy };
        let id = self.ids.next();
        let record = |record: &DecisionRecord<'_>| {
            self.audit.check(&event(caller, record, origin, forwarded.client, &id));
        };
        let checked = self.check.check(&request, caller, record).await;
        reply::check(checked, || Asker { surface: request.surface(), id })
    }

    /// A question that cannot be answered: the proxy is told in a line what would mend it.
    fn refused(&self, caller: Caller, status: StatusCode, why: &str) -> Response<Body> {
        let asker = Asker { surface: Surface::Embedded, id: self.ids.next() };
        self.audit.check(&CheckEvent {
            caller,
            outcome: Outcome::Malformed,
            reason: Some(&why),
            absence: None,
            host: None,
            subject: None,
            client: None,
            request_id: Some(&asker.id),
        });
        reply::refused(status, why, asker)
    }
}

/// The event of a decision.
pub fn event<'e>(
    caller: Caller,
    record: &'e DecisionRecord<'e>,
    origin: &'e Origin,
    client: IpAddr,
    id: &'e RequestId,
) -> CheckEvent<'e> {
    CheckEvent {
        caller,
        outcome: Outcome::from(record.decision),
        reason: match record.decision {
            Decision::Deny(denial) => Some(denial),
            Decision::Fail(outage) => Some(outage),
            Decision::Allow(_) | Decision::Challenge(_) => None,
        },
        absence: record.absence,
        host: Some(origin.host()),
        subject: record.subject,
        client: Some(client),
        request_id: Some(id),
    }
}
