//! What an opened session can be used for, by its times and its lease

use zeroize::Zeroizing;

use crate::access::credential::SessionCredential;
use crate::access::decision::Outage;
use crate::access::identity::IdentityRef;
use crate::access::policy::PolicyVerdicts;
use crate::access::token::TokenText;
use crate::flow::ports::{Absence, Refreshable, Session, SessionId, SessionRequest, SessionState, UnixTime};
use crate::session::codec::contents::Lifetimes;
use crate::session::codec::layout::Contents;
use crate::session::registry::RefreshLease;

/// What else counts.
#[derive(Clone, Copy)]
pub(super) struct JudgeContext<'r> {
    pub(super) request: SessionRequest<'r>,
    pub(super) lifetimes: Lifetimes,
    pub(super) lease: RefreshLease,
    pub(super) active_at: UnixTime,
    /// Whether its tokens count only once the provider has renewed them, whatever their end.
    pub(super) must_refresh: bool,
}

/// The session, as its times and the lease to renew it allow.
pub(super) fn judge<'w>(contents: &Contents<'w>, asked: &JudgeContext<'_>) -> SessionState<'w> {
    let now = asked.request.now;
    let is_idle = asked.lifetimes.idle.is_some_and(|idle| asked.active_at.plus(idle) <= now);
    if contents.ends_at <= now.0 || is_idle {
        return SessionState::Absent(Absence::Expired);
    }
    if contents.tokens_end_at > now.0 && !asked.must_refresh {
        let due = contents.refresh_at <= now.0 && is_available(asked.lease, now);
        return SessionState::Usable(Session {
            due: if due { refreshable(contents, asked) } else { None },
            ..view(contents, now)
        });
    }
    match asked.lease {
        RefreshLease::TokenSpent => SessionState::Absent(Absence::Expired),
        RefreshLease::RetryAt(then) if then > now && contents.refresh_token.is_some() => {
            SessionState::Undetermined(Outage::Provider)
        }
        RefreshLease::Available | RefreshLease::Held | RefreshLease::RetryAt(_) => {
            refreshable(contents, asked)
                .map_or(SessionState::Absent(Absence::Expired), SessionState::Refreshable)
        }
    }
}

fn is_available(lease: RefreshLease, now: UnixTime) -> bool {
    match lease {
        RefreshLease::Available => true,
        RefreshLease::RetryAt(then) => then <= now,
        RefreshLease::Held | RefreshLease::TokenSpent => false,
    }
}

fn refreshable(contents: &Contents<'_>, asked: &JudgeContext<'_>) -> Option<Box<Refreshable>> {
    let refresh_token = contents.refresh_token?.secret()?;
    Some(Box::new(Refreshable {
        id: SessionId(contents.id),
        generation: contents.generation,
        subject: contents.subject.to_owned(),
        refresh_token,
        origin: asked.request.origin.clone(),
        active_at: if asked.request.active { asked.request.now } else { asked.active_at },
        ends_at: UnixTime(contents.ends_at),
        contents: Zeroizing::new(contents.write()?),
    }))
}

fn view<'w>(contents: &Contents<'w>, now: UnixTime) -> Session<'w> {
    let Contents { subject, user, email, groups, auth_time, acr, .. } = *contents;
    let policies = PolicyVerdicts { generation: contents.policy_generation, met: contents.policies_met };
    // An ID token that is over says nothing any more, and whoever gets it would think that we vouch for it.
    let id_token =
        if contents.id_token_ends_at > now.0 { contents.id_token.text() } else { TokenText::Whole("") };
    Session {
        credential: SessionCredential {
            user: IdentityRef { subject, user, email, groups },
            id_token,
            policies: Some(policies),
        },
        signed_in_at: UnixTime(contents.signed_in_at),
        auth_time: (auth_time > 0).then_some(UnixTime(auth_time)),
        acr: Some(acr).filter(|acr| !acr.is_empty()),
        ends_at: UnixTime(contents.ends_at),
        due: None,
    }
}
