//! Checks, the same for each dialect
//!
//! 1. If a proxy sends the request, it must be trusted.
//! 2. The dialect reads the client's request. Its host must be one of `public.urls`.
//! 3. A proxy that forwards too few header fields is reported ([`super::sparse_proxies`]).
//! 4. The flow decides, and the decision is recorded once.
//! 5. A reply to a request that does not pass is the same for each dialect, until the dialect renders it.

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use thiserror::Error;

use super::dialect::AttributeError;
use super::dialect::definition::{
    Asks, CheckRequest, Dialect, HttpDialect, ReadError, Received, Removals, Sender,
};
use super::error_page::Requester;
use super::head_budget::OmittedField;
use super::log_out::{is_log_out, log_out, may_be_signed_out};
use super::peer::Peer;
use super::reply::Reply;
use super::request_id::{RequestId, RequestIds};
use super::sparse_proxies::{SparseProxies, SparseProxy};
use super::verdict::{BodyGuard, Verdict};
use crate::access::client::TrustedProxies;
use crate::access::credential::Credential;
use crate::access::decision::{Decision, Denial};
use crate::access::origin::Origin;
use crate::access::query_conditions::{QueryConditions, QueryError};
use crate::access::request::AccessRequest;
use crate::access::surface::{Surface, shows_no_client};
use crate::flow::audit::{Audit, CheckEvent, Hint, Outcome};
use crate::flow::check::{Check, DecisionRecord};
use crate::flow::logout::Logout;
use crate::flow::snapshot::Snapshot;

/// The dependencies of a check.
pub struct Checker {
    /// The flow.
    pub check: Arc<Check>,
    /// The proxies that may send checks.
    pub trusted: TrustedProxies,
    /// Whether proxies are made to remove a `Content-Length` that they copy from a reply.
    pub body_guard: BodyGuard,
    /// Records decisions.
    pub audit: Arc<dyn Audit>,
    /// Generates request ids.
    pub ids: Arc<RequestIds>,
    /// The proxies that forward too few header fields.
    pub sparse_proxies: SparseProxies,
    /// Ends sessions, if the application signs out.
    pub logout: Arc<Logout>,
}

/// One check: the policy that its path names, and what the gateway received.
#[derive(Clone, Copy)]
pub struct CheckCall<'r> {
    /// The name of the policy.
    pub policy: &'r str,
    /// The head of the request.
    pub head: &'r Parts,
    /// The conditions in the query of the check, or why the call is refused.
    pub conditions: Result<&'r QueryConditions, &'r CallError>,
    /// The part of the path and query behind the path of the check ([`Received::appended`]).
    pub appended: &'r str,
    /// The body, if it is known.
    pub body: Option<&'r [u8]>,
}

/// Why a call is refused before its dialect reads it.
#[derive(Debug, Error)]
pub enum CallError {
    /// The query of the check.
    #[error(transparent)]
    Query(QueryError),
    /// The attributes of the check.
    #[error(transparent)]
    Attributes(AttributeError),
}

/// Why a request is rejected before a decision.
#[derive(Debug, Error)]
enum CheckRequestError<'r> {
    #[error("this peer is not a trusted proxy")]
    UntrustedPeer,
    #[error("the host of the request is neither in public.urls nor in public.return_hosts")]
    UnknownHost(&'r str),
    #[error(transparent)]
    Call(&'r CallError),
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

impl<'r> CheckRequestError<'r> {
    fn status(&self) -> StatusCode {
        match self {
            Self::UntrustedPeer | Self::UnknownHost(_) => StatusCode::FORBIDDEN,
            Self::Call(_) | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::UntrustedPeer => Outcome::UntrustedPeer,
            Self::UnknownHost(_) => Outcome::UnknownHost,
            Self::Call(_) | Self::Unreadable(_) => Outcome::Malformed,
        }
    }

    fn host(&self) -> Option<&'r str> {
        match self {
            Self::UnknownHost(host) => Some(host),
            Self::UntrustedPeer | Self::Call(_) | Self::Unreadable(_) => None,
        }
    }
}

impl Checker {
    /// Returns the rendered reply to a check over HTTP.
    pub async fn answer(
        &self,
        HttpDialect { dialect, render }: &HttpDialect,
        peer: Peer,
        check: CheckCall<'_>,
    ) -> Response<Body> {
        render(self.reply(dialect, peer, check).await)
    }

    /// Returns the reply to the check of a proxy.
    pub async fn reply(&self, dialect: &Dialect, peer: Peer, check: CheckCall<'_>) -> Reply {
        let snapshot = self.check.snapshot.load();
        match self.verdict(&snapshot, dialect, peer, check).await {
            Verdict::Allowed(_) if dialect.profile.asks == Asks::AfterRefusal => {
                self.audit.hint(&Hint::RefusalNotRepeated { caller: dialect.caller, policy: check.policy });
                Reply::refusal_not_repeated()
            }
            Verdict::Allowed(allowed) => {
                let (reply, omitted) =
                    allowed.into_reply(&dialect.profile, &check.head.headers, self.body_guard);
                for OmittedField { name, bytes } in &omitted {
                    self.audit.hint(&Hint::FieldOmitted {
                        caller: dialect.caller,
                        name: name.as_str(),
                        bytes: *bytes,
                    });
                }
                reply
            }
            Verdict::Refused(reply) => reply,
        }
    }

    /// Decides about a request, and records the decision.
    pub async fn verdict<'s>(
        &self,
        snapshot: &'s Snapshot,
        dialect: &Dialect,
        peer: Peer,
        CheckCall { policy, head: request, conditions, appended, body }: CheckCall<'_>,
    ) -> Verdict<'s> {
        let id = self.ids.next();
        let received = Received { head: request, appended, peer, trusted: &self.trusted };
        let read = self.read(snapshot, dialect, received, conditions);
        let (CheckRequest { method, target, client, .. }, origin, conditions) = match read {
            Ok(request) => request,
            Err(error) => return Verdict::Refused(self.reply_unread(dialect, received, &error, id)),
        };
        let shows_no_client = self.detect_sparse_proxy(dialect, peer, &request.headers);
        let access = AccessRequest {
            origin,
            target,
            method: &method,
            headers: &request.headers,
            policy,
            conditions,
            foreign_fields_are_removed: dialect.profile.removals != Removals::WholeNames,
            client_is_hidden: shows_no_client && dialect.profile.forwards_listed_fields,
            credential: Credential::None,
        };
        let record = |record: &DecisionRecord<'_>| {
            self.audit
                .check(&CheckEvent { client: Some(client), ..event(dialect, record, &access, peer, &id) });
        };
        let checked = self.check.check(snapshot, &access, dialect.caller, record).await;
        if may_be_signed_out(&checked.decision) && is_log_out(&snapshot.rules, &access, body) {
            return Verdict::Refused(
                log_out((&self.logout, &*self.audit), &snapshot.rules, &access, id).await,
            );
        }
        Verdict::of(checked, origin, || Requester::new(access.surface(), access.headers, id))
    }

    fn read<'r, 's>(
        &self,
        snapshot: &'s Snapshot,
        dialect: &Dialect,
        received: Received<'r>,
        conditions: Result<&'r QueryConditions, &'r CallError>,
    ) -> Result<(CheckRequest<'r>, &'s Origin, &'r QueryConditions), CheckRequestError<'r>> {
        let peer = received.peer;
        if matches!(dialect.profile.sender, Sender::Proxy { .. })
            && !self.trusted.answers(peer.ip(), peer.certified)
        {
            return Err(CheckRequestError::UntrustedPeer);
        }
        let conditions = conditions.map_err(CheckRequestError::Call)?;
        let read = (dialect.read)(received)?;
        let origin = snapshot.rules.origins.find(read.host);
        let origin = origin.ok_or(CheckRequestError::UnknownHost(read.host))?;
        Ok((read, origin, conditions))
    }

    /// Returns whether a check shows no client. Reports a proxy that sends only such checks.
    fn detect_sparse_proxy(&self, dialect: &Dialect, peer: Peer, headers: &HeaderMap) -> bool {
        let Sender::Proxy { own_user_agent, header_remedy } = dialect.profile.sender else { return false };
        if dialect.profile.asks == Asks::AfterRefusal {
            // The first check of the same request counts.
            return false;
        }
        if !shows_no_client(headers, own_user_agent) {
            self.sparse_proxies.reset(peer.ip());
            return false;
        }
        let now = self.check.clock.now();
        let found = self.sparse_proxies.count(peer.ip(), dialect.caller, header_remedy, now);
        if let Some(SparseProxy { peer, caller, remedy, checks }) = found {
            self.audit.hint(&Hint::TooFewFields { peer, caller, checks, remedy });
        }
        true
    }

    /// Records a request that has no decision. If a proxy sent it, the reply is one line with the cause, for its
    /// operator.
    fn reply_unread(
        &self,
        dialect: &Dialect,
        Received { head, peer, .. }: Received<'_>,
        error: &CheckRequestError<'_>,
        id: RequestId,
    ) -> Reply {
        self.audit.check(&CheckEvent {
            caller: dialect.caller,
            outcome: error.outcome(),
            reason: Some(error),
            policy: None,
            absence: None,
            host: error.host(),
            subject: None,
            client: None,
            peer: peer.ip(),
            request_id: Some(&id),
        });
        let requester = match dialect.profile.sender {
            Sender::Proxy { .. } => Requester { surface: Surface::Embedded, accepts_json: false, id },
            Sender::Client => Requester::new(Surface::of(&head.method, &head.headers), &head.headers, id),
        };
        Reply::refused(error.status(), &error.to_string(), requester)
    }
}

fn event<'e>(
    dialect: &Dialect,
    record: &'e DecisionRecord<'e>,
    access: &'e AccessRequest<'_>,
    peer: Peer,
    id: &'e RequestId,
) -> CheckEvent<'e> {
    CheckEvent {
        caller: dialect.caller,
        outcome: Outcome::from(record.decision),
        reason: match record.decision {
            Decision::Deny(denial) => Some(denial),
            Decision::Fail(outage) => Some(outage),
            Decision::Allow(_) | Decision::Challenge(_) => None,
        },
        policy: match record.decision {
            Decision::Deny(Denial::UnknownPolicy | Denial::Policy { .. }) => Some(access.policy),
            _ => None,
        },
        absence: record.absence,
        host: Some(access.origin.host()),
        subject: record.subject,
        client: None,
        peer: peer.ip(),
        request_id: Some(id),
    }
}
