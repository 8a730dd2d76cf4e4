//! State of an opened session, by its times and its lease, for every store

use std::time::Duration;

use zeroize::Zeroizing;

use crate::access::credential::SessionCredential;
use crate::access::decision::Outage;
use crate::access::identity::IdentityRef;
use crate::access::policy::PolicyVerdicts;
use crate::access::token::TokenText;
use crate::flow::ports::{
    Absence, Refreshable, Refreshed, Session, SessionId, SessionRequest, SessionState, UnixTime,
};
use crate::session::codec::contents::Lifetimes;
use crate::session::codec::layout::Contents;
use crate::session::registry::RefreshLease;

/// The values that a session's state depends on, in addition to its contents.
#[derive(Clone, Copy)]
pub(super) struct JudgeContext<'r> {
    pub(super) request: SessionRequest<'r>,
    pub(super) lifetimes: Lifetimes,
    /// Whether an application receives the ID token.
    pub(super) keeps_id_token: bool,
    pub(super) lease: RefreshLease,
    pub(super) active_at: UnixTime,
    /// Whether its tokens can be used only after a refresh, even if they have not expired.
    pub(super) must_refresh: bool,
}

/// Returns the state of a session, by its times and its lease.
pub(super) fn judge<'w>(contents: &Contents<'w>, context: &JudgeContext<'_>) -> SessionState<'w> {
    let now = context.request.now;
    let is_idle = context.lifetimes.idle.is_some_and(|idle| context.active_at.plus(idle) <= now);
    if contents.ends_at <= now.0 || is_idle {
        return SessionState::Absent(Absence::Expired);
    }
    if contents.tokens_end_at > now.0 && !context.must_refresh {
        let due = contents.refresh_at <= now.0 && context.lease.is_available(now);
        return SessionState::Usable(Session {
            due: if due { refreshable(contents, context) } else { None },
            ..view(contents, context)
        });
    }
    match context.lease {
        RefreshLease::TokenSpent => SessionState::Absent(Absence::Expired),
        RefreshLease::RetryAt(then) if then > now && contents.refresh_token.is_some() => {
            SessionState::Undetermined(Outage::Provider)
        }
        RefreshLease::Available | RefreshLease::Held | RefreshLease::RetryAt(_) => {
            refreshable(contents, context)
                .map_or(SessionState::Absent(Absence::Expired), SessionState::Refreshable)
        }
    }
}

/// Delay before the next refresh, if the provider's new tokens expire no later than the previous ones.
const RETRY_DELAY_WITHOUT_NEW_END: Duration = Duration::from_secs(30);

/// Returns who may refresh a session after a refresh. `has_new_end` is whether its tokens expire later than before.
pub(super) fn next_lease(
    lifetimes: &Lifetimes,
    refreshed: &Refreshed,
    has_new_end: bool,
    now: UnixTime,
) -> RefreshLease {
    let returns_no_id_token = refreshed.id_token.is_none() && refreshed.access_expires_at.is_some();
    if has_new_end {
        RefreshLease::Available
    } else if lifetimes.require_fresh_id_token && returns_no_id_token {
        // Another refresh would return no ID token either: the session ends when its ID token expires.
        RefreshLease::TokenSpent
    } else {
        RefreshLease::RetryAt(now.plus(RETRY_DELAY_WITHOUT_NEW_END))
    }
}

fn refreshable(contents: &Contents<'_>, context: &JudgeContext<'_>) -> Option<Box<Refreshable>> {
    let refresh_token = contents.refresh_token?.secret()?;
    Some(Box::new(Refreshable {
        id: SessionId(contents.id),
        generation: contents.generation,
        subject: contents.subject.to_owned(),
        refresh_token,
        origin: context.request.origin.clone(),
        active_at: if context.request.active { context.request.now } else { context.active_at },
        ends_at: UnixTime(contents.ends_at),
        contents: Zeroizing::new(contents.write()?),
    }))
}

fn view<'w>(contents: &Contents<'w>, context: &JudgeContext<'_>) -> Session<'w> {
    let Contents { subject, user, email, groups, auth_time, acr, .. } = *contents;
    let policies = PolicyVerdicts { generation: contents.policy_generation, met: contents.policies_met };
    // An application that receives an expired ID token would take it as valid. So it is left out. A session that began
    // before `session.id_token` was set to "drop" still contains the ID token.
    let is_current = contents.id_token_ends_at > context.request.now.0;
    let passes_id_token = is_current && context.keeps_id_token;
    let id_token = if passes_id_token { contents.id_token.text() } else { TokenText::Whole("") };
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
