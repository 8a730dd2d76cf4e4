//! Sessions that the provider ends
//!
//! Providers do not repeat a logout token. So if the store fails, the process ends the sessions that it has in memory at
//! once, and tries to record the logout until the store answers.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use tokio::time::{sleep, timeout};

use super::TicketStore;
use crate::flow::ports::{LogoutEffect, LogoutToken, StoreUnavailable, UnixTime, Whom};
use crate::session::codec::ticket::{Tagged, tags};
use crate::session::records::{EndedBy, Records, Scope, Tag};

/// How long a sign-in that began before a logout may still try to begin a session: longer than a login cookie lives.
const REFUSED_AFTER_LOGOUT: Duration = Duration::from_mins(15);
/// How long a logout waits for the store.
const MAX_WAIT: Duration = Duration::from_hours(1);
/// The pauses between two tries begin with the first, and double up to the last.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(1);

impl<R: Records> TicketStore<R> {
    /// As [`Sessions::end_by`](crate::flow::ports::Sessions::end_by). It goes on if the provider does not wait for it.
    pub(super) async fn end_sessions_of(
        &self,
        token: &LogoutToken,
        now: UnixTime,
    ) -> Result<LogoutEffect, StoreUnavailable> {
        let here = self.arrivals.of(token, now);
        for ended in self.ended_by(token, here, now) {
            // It may be a replay, which ends none of them.
            self.cache.remove_ended(&ended);
        }
        let (Some(this), token) = (self.this.upgrade(), token.clone()) else { return Err(StoreUnavailable) };
        let recorded = tokio::spawn(async move { this.record_end(&token, here, now).await });
        recorded.await.unwrap_or(Err(StoreUnavailable))
    }

    async fn record_end(
        &self,
        token: &LogoutToken,
        here: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<LogoutEffect, StoreUnavailable> {
        let mut result = Ok(LogoutEffect::Ended);
        let arrived_at = self.first_arrival(token, here, now).await;
        for ended in self.ended_by(token, arrived_at, now) {
            if self.end_tags(&ended, now).await.is_err() {
                self.cache.forget_ended(&ended, now);
                self.end_later(ended, now);
                result = Err(StoreUnavailable);
            }
        }
        result
    }

    /// Returns when a token first arrived at any gateway, as far as that is known.
    async fn first_arrival(
        &self,
        token: &LogoutToken,
        here: Option<UnixTime>,
        now: UnixTime,
    ) -> Option<UnixTime> {
        match (here, self.records.first_arrival(tag_of(token), now, token.accepted_until).await) {
            (Some(here), Ok(anywhere)) => Some(here.min(anywhere)),
            // Then only the arrivals here are known.
            (here, Err(_)) => here,
            // A store of one process does not know it either.
            (None, Ok(anywhere)) => Some(anywhere).filter(|anywhere| *anywhere < now),
        }
    }

    fn ended_by(&self, token: &LogoutToken, arrived_at: Option<UnixTime>, now: UnixTime) -> Vec<EndedBy> {
        let ended = |tagged, scope| EndedBy {
            tags: tags(&self.keys, token.issuer, tagged),
            scope,
            arrived_at,
            issued_at: token.issued_at,
            refused_until: now.plus(REFUSED_AFTER_LOGOUT),
        };
        match &token.whom {
            Whom::Subject(subject) => vec![ended(Tagged::Subject(subject), Scope::Every)],
            Whom::Session { sid, subject } => {
                let without_sid =
                    subject.as_ref().map(|subject| ended(Tagged::Subject(subject), Scope::WithoutSid));
                [ended(Tagged::Session(sid), Scope::Every)].into_iter().chain(without_sid).collect()
            }
        }
    }

    async fn end_tags(&self, ended: &EndedBy, now: UnixTime) -> Result<(), StoreUnavailable> {
        let ids = self.replicated_writes.log(self.records.end_by(ended).await)?;
        for id in ids {
            self.cache.forget(id, now);
        }
        Ok(())
    }

    /// Ends sessions as soon as the store answers.
    fn end_later(&self, ended: EndedBy, now: UnixTime) {
        let (Some(this), Some(ended)) = (self.this.upgrade(), self.waiting_logouts.add(ended)) else {
            tracing::error!("too many logouts of the provider wait for the session store; one is lost");
            return;
        };
        tokio::spawn(async move {
            let mut delay = FIRST_DELAY;
            let recorded = async {
                loop {
                    sleep(delay).await;
                    if this.end_tags(&ended, now).await.is_ok() {
                        return;
                    }
                    delay = (delay * 2).min(LAST_DELAY);
                }
            };
            let recorded = timeout(MAX_WAIT, recorded).await;
            this.waiting_logouts.remove(&ended);
            match recorded {
                Ok(()) => {
                    tracing::info!("a logout of the provider is recorded that waited for the session store");
                }
                Err(_) => {
                    tracing::error!("a logout of the provider is lost: the session store failed for an hour");
                }
            }
        });
    }
}

/// Returns the name of a token in the store. It must not depend on the session keys, which gateways replace one by one.
fn tag_of(token: &LogoutToken) -> Tag {
    let mut context = Context::new(&SHA256);
    context.update(&token.issuer.0.to_be_bytes());
    context.update(token.token_id.as_bytes());
    let mut tag = [0; 16];
    for (byte, hashed) in tag.iter_mut().zip(context.finish().as_ref()) {
        *byte = *hashed;
    }
    Tag(tag)
}
