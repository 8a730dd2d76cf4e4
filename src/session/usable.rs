//! What can be done with a session that opened?

use zeroize::Zeroizing;

use super::layout::Contents;
use super::sealing::Lifetimes;
use super::table::Turn;
use crate::access::decision::{Credential, Outage};
use crate::access::identity::IdentityRef;
use crate::access::policy::Answers;
use crate::access::token::TokenText;
use crate::flow::ports::{Absence, Opened, Renewable, Session, SessionId, Shown, UnixTime};

/// What else counts.
pub(super) struct Asked<'r> {
    pub(super) shown: Shown<'r>,
    pub(super) lifetimes: Lifetimes,
    pub(super) turn: Turn,
    pub(super) active_at: UnixTime,
    /// Whether its tokens count only once the provider has renewed them, whatever their end.
    pub(super) must_refresh: bool,
}

/// The session, as its times and the turn to renew it allow.
pub(super) fn judge<'w>(contents: &Contents<'w>, asked: &Asked<'_>) -> Opened<'w> {
    let now = asked.shown.now;
    let is_idle = asked.lifetimes.idle.is_some_and(|idle| asked.active_at.plus(idle) <= now);
    if contents.ends_at <= now.0 || is_idle {
        return Opened::Absent(Absence::Expired);
    }
    if contents.tokens_end_at > now.0 && !asked.must_refresh {
        let due = contents.refresh_at <= now.0 && may_be_renewed(asked.turn, now);
        return Opened::Session(Session {
            due: if due { renewable(contents, asked) } else { None },
            ..view(contents, now)
        });
    }
    match asked.turn {
        Turn::Spent => Opened::Absent(Absence::Expired),
        Turn::NotBefore(then) if then > now && contents.refresh_token.is_some() => {
            Opened::Unknown(Outage::Provider)
        }
        Turn::Free | Turn::Taken | Turn::NotBefore(_) => {
            renewable(contents, asked).map_or(Opened::Absent(Absence::Expired), Opened::Stale)
        }
    }
}

fn may_be_renewed(turn: Turn, now: UnixTime) -> bool {
    match turn {
        Turn::Free => true,
        Turn::NotBefore(then) => then <= now,
        Turn::Taken | Turn::Spent => false,
    }
}

fn renewable(contents: &Contents<'_>, asked: &Asked<'_>) -> Option<Box<Renewable>> {
    let refresh_token = contents.refresh_token?.secret()?;
    Some(Box::new(Renewable {
        id: SessionId(contents.id),
        generation: contents.generation,
        subject: contents.subject.to_owned(),
        refresh_token,
        origin: asked.shown.origin.clone(),
        active_at: if asked.shown.active { asked.shown.now } else { asked.active_at },
        sealed_at: UnixTime(contents.sealed_at),
        ends_at: UnixTime(contents.ends_at),
        contents: Zeroizing::new(contents.write()?),
    }))
}

fn view<'w>(contents: &Contents<'w>, now: UnixTime) -> Session<'w> {
    let Contents { subject, user, email, groups, .. } = *contents;
    let policies = Answers { generation: contents.policy_generation, met: contents.policies_met };
    // An ID token that is over says nothing any more, and whoever gets it would think that we vouch for it.
    let id_token =
        if contents.id_token_ends_at > now.0 { contents.id_token.text() } else { TokenText::Whole("") };
    Session {
        credential: Credential {
            person: IdentityRef { subject, user, email, groups },
            id_token,
            policies: Some(policies),
        },
        signed_in_at: UnixTime(contents.signed_in_at),
        ends_at: UnixTime(contents.ends_at),
        due: None,
    }
}
