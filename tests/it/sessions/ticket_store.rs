//! A ticket store in memory
//!
//! This is a test double of a store that needs a lookup. It shows that the port supports such a store. It is not part
//! of the program.
//!
//! 1. The cookie is a random ticket, `id.secret`. It never changes.
//! 2. A record is found by an HMAC of ticket and origin. Its tokens are sealed under a key that also needs the ticket.
//! 3. A record changes by compare-and-swap. New tokens need the fence of the lease, and the generation of that lease.
//! 4. A lease expires. Its next holder knows that it took the lease over.
//! 5. An ended session leaves a tombstone, which wins over a late commit.
//! 6. While the store is unavailable, no operation reads or changes a record.

mod record;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use foregate::access::decision::Outage;
use foregate::access::identity::Identity;
use foregate::access::origin::Origin;
use foregate::access::policy::PolicyVerdicts;
use foregate::flow::ports::{
    Absence, BeginError, Commit, EndedSession, Entropy, Found, Lease, LogoutEffect, LogoutToken, Lookup,
    NewSession, OpenResult, Opened, Refreshable, Refreshed, Release, SessionId, SessionRequest, SessionState,
    Sessions, Standing, StoreUnavailable, UnixTime, Workspace,
};
use foregate::secret::Secret;
use foregate::server::SystemEntropy;
use foregate::session::cookie::Names;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};

use self::record::{Contents, Mark, Owner, Record, RecordLease, SealingKey, Stored, Ticket};
use super::fixture::Settings;

/// Lifetime of a lease: longer than an exchange may take.
pub(crate) const LEASE_LIFETIME: Duration = Duration::from_secs(30);
/// Time before the next request to the provider, after a refresh without a later expiry.
const RETRY_DELAY: Duration = Duration::from_secs(30);
/// Two times 16 bytes in base64url, and the dot.
const TICKET_LEN: usize = 45;

pub(crate) struct TicketStore {
    settings: Settings,
    key: hmac::Key,
    unavailable: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: HashMap<[u8; 16], Arc<[u8]>>,
    marks: Vec<Mark>,
}

impl TicketStore {
    pub(crate) fn new(settings: Settings, unavailable: Arc<AtomicBool>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        Self { settings, key, unavailable, state: Mutex::default() }
    }

    /// Yields to the runtime, as a network call does. Returns an error if the store is unavailable.
    async fn reach(&self) -> Result<(), StoreUnavailable> {
        tokio::task::yield_now().await;
        if self.unavailable.load(Ordering::Relaxed) { Err(StoreUnavailable) } else { Ok(()) }
    }

    fn hmac(&self, purpose: &str, texts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for text in [&[purpose], texts].concat() {
            context.update(&text.len().to_be_bytes());
            context.update(text.as_bytes());
        }
        context.sign().as_ref().try_into().unwrap()
    }

    fn name(&self, purpose: &str, texts: &[&str]) -> [u8; 16] {
        *self.hmac(purpose, texts).first_chunk().unwrap()
    }

    fn ticket(&self, text: &[u8], origin: &Origin) -> Option<Ticket> {
        let text = str::from_utf8(text).ok().filter(|text| text.len() == TICKET_LEN)?;
        let record = self.name("record", &[origin.as_str(), text]);
        Some(Ticket { record, key: SealingKey(self.hmac("seal", &[text])) })
    }

    /// Returns the ticket of a request. Passes other cookies to `other`.
    fn ticket_of_request(
        &self,
        request: SessionRequest<'_>,
        other: impl FnMut(&[u8]),
    ) -> Result<Ticket, Absence> {
        let found = Names::of(request.origin)
            .split_ours_from_others(request.headers, other)
            .ok_or(Absence::Refused)?;
        let text = found[0].ok_or(Absence::NoCookie)?;
        self.ticket(text, request.origin).ok_or(Absence::Refused)
    }

    /// Changes a record if `change` returns a value.
    fn swap<T>(&self, id: [u8; 16], change: impl FnOnce(&mut Record) -> Option<T>) -> Option<T> {
        let mut state = self.state.lock().unwrap();
        let mut record = Record::read(state.records.get(&id)?);
        let result = change(&mut record)?;
        state.records.insert(id, record.write());
        Some(result)
    }

    /// A request after the idle time does not revive the session.
    fn record_activity(&self, lookup: Lookup) {
        self.swap(lookup.record, |record| {
            let now = lookup.active_at?;
            let is_active = !self.is_idle(record, now) && record.active_at < now.0;
            is_active.then(|| record.active_at = now.0)
        });
    }

    fn is_idle(&self, record: &Record, now: UnixTime) -> bool {
        self.settings.idle.is_some_and(|idle| UnixTime(record.active_at).plus(idle) <= now)
    }

    fn state_of<'w>(
        &self,
        (ticket, record): (&Ticket, &Record),
        contents: Contents<'w>,
        request: SessionRequest<'_>,
    ) -> SessionState<'w> {
        let now = request.now;
        if contents.ends_at <= now.0 || self.is_idle(record, now) {
            return SessionState::Absent(Absence::Expired);
        }
        if record.ended {
            return SessionState::Absent(Absence::Ended);
        }
        let active_at = if request.active { now } else { UnixTime(record.active_at) };
        let refreshable = || {
            Some(Box::new(Refreshable {
                id: SessionId(ticket.record),
                generation: record.generation,
                subject: contents.subject.to_owned(),
                refresh_token: Secret::new(contents.refresh_token?),
                origin: request.origin.clone(),
                active_at,
                ends_at: UnixTime(contents.ends_at),
                contents: contents.write_with(&ticket.key),
            }))
        };
        if contents.tokens_end_at > now.0 {
            let is_due = contents.refresh_at <= now.0 && record.lease.allows_lease(now);
            return SessionState::Usable(contents.session(now, if is_due { refreshable() } else { None }));
        }
        match record.lease {
            RecordLease::TokenSpent => SessionState::Absent(Absence::Expired),
            RecordLease::RetryAt(then) if then > now.0 => SessionState::Undetermined(Outage::Provider),
            _ => refreshable().map_or(SessionState::Absent(Absence::Expired), SessionState::Refreshable),
        }
    }

    async fn begin_session(
        &self,
        session: NewSession<'_>,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError> {
        self.reach().await?;
        let mut random = [[0; 16]; 2];
        for part in &mut random {
            SystemEntropy.fill(part)?;
        }
        let text = random.map(|part| URL_SAFE_NO_PAD.encode_to_string(part)).join(".");
        let ticket = self.ticket(text.as_bytes(), origin).unwrap();
        let contents = Contents::begin(&session, ticket.record, now, self.settings.lifetime);
        let ends_at = UnixTime(contents.ends_at);
        let owner = Owner {
            subject: self.name("sub", &[contents.subject]),
            sid: (!session.sid.is_empty()).then(|| self.name("sid", &[session.sid])),
            signed_in_at: now.0,
            issued_at: session.tokens.id_token_issued_at.0,
        };
        let sealed = contents.seal(&ticket);
        let mut state = self.state.lock().unwrap();
        let ended = state.marks.iter().any(|mark| mark.covers(&owner));
        let (lease, active_at) = (RecordLease::Available, now.0);
        let record = Record { generation: 1, fence: 0, lease, ended, active_at, owner, sealed };
        state.records.insert(ticket.record, record.write());
        let names = Names::of(origin);
        Ok(names.set(names.session(), &text, ends_at.seconds_since(now)).into_iter().collect())
    }

    fn commit_tokens(
        &self,
        lease: &Lease,
        refreshed: &Refreshed,
        user: Option<(&Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> Commit {
        let (key, bytes) = SealingKey::split(&lease.session.contents);
        let ticket = Ticket { record: lease.session.id.0, key };
        let old = Contents::read(bytes).unwrap();
        let generation = lease.session.generation + 1;
        let new = old.refresh(refreshed, user, (&ticket, generation), (now, &self.settings));
        let gives_no_id_token = refreshed.id_token.is_none() && refreshed.access_expires_at.is_some();
        let lease_state = if new.tokens_end_at > old.tokens_end_at {
            RecordLease::Available
        } else if self.settings.require_fresh_id_token && gives_no_id_token {
            RecordLease::TokenSpent
        } else {
            RecordLease::RetryAt(now.plus(RETRY_DELAY).0)
        };
        let committed = self.swap(ticket.record, |record| {
            if !record.is_leased_to(lease) {
                return None;
            }
            let active_at = record.active_at.max(lease.session.active_at.0);
            (record.generation, record.lease, record.active_at) = (generation, lease_state, active_at);
            record.sealed = new.seal(&ticket);
            Some(Commit::Committed { last_was_not_delivered: false })
        });
        committed.unwrap_or(Commit::TooLate)
    }

    fn end_session(&self, request: SessionRequest<'_>) -> EndedSession {
        let names = Names::of(request.origin);
        let cookies = names.remove(names.session()).into_iter().collect();
        let ended = self.ticket_of_request(request, |_| ()).ok().and_then(|ticket| {
            self.swap(ticket.record, |record| {
                let plaintext = ticket.key.open(ticket.record, &record.sealed)?;
                let contents = Contents::read(&plaintext)?;
                if record.ended {
                    return None;
                }
                let subject = match self.state_of((&ticket, record), contents, request) {
                    SessionState::Absent(_) => None,
                    _ => Some(contents.subject.to_owned()),
                };
                record.ended = true;
                let [refresh_token, id_token] =
                    [contents.refresh_token, Some(contents.id_token)].map(|token| token.map(Secret::new));
                Some(EndedSession { cookies: Vec::new(), subject, refresh_token, id_token })
            })
        });
        EndedSession { cookies, ..ended.unwrap_or_default() }
    }

    fn end_named(&self, token: &LogoutToken, now: UnixTime) {
        let mark = Mark::new(token, now, |purpose, name| self.name(purpose, &[name]));
        let mut state = self.state.lock().unwrap();
        if state.marks.iter().any(|known| known.token_id == mark.token_id) {
            return;
        }
        for bytes in state.records.values_mut() {
            let mut record = Record::read(bytes);
            record.ended |= mark.covers(&record.owner);
            *bytes = record.write();
        }
        state.marks.push(mark);
    }
}

impl Sessions for TicketStore {
    fn open<'w>(&self, workspace: &'w mut Workspace, request: SessionRequest<'_>) -> OpenResult<'w> {
        let mut other_cookies = Vec::new();
        let ticket = self.ticket_of_request(request, |member| {
            if !other_cookies.is_empty() {
                other_cookies.extend_from_slice(b"; ");
            }
            other_cookies.extend_from_slice(member);
        });
        let state = match (ticket, request.found) {
            (Err(absence), _) => SessionState::Absent(absence),
            (Ok(Ticket { record, .. }), None) => {
                let active_at = request.active.then_some(request.now);
                return OpenResult::Ask(Lookup { record, active_at });
            }
            (Ok(_), Some(Found::Unavailable)) => SessionState::Undetermined(Outage::SessionStore),
            (Ok(_), Some(Found::Nothing)) => SessionState::Absent(Absence::Refused),
            (Ok(ticket), Some(Found::Record(bytes))) => {
                let stored = Stored { ticket: &ticket, record: &Record::read(bytes) };
                match stored.open_in(workspace.parts().large) {
                    Some(contents) => self.state_of((&ticket, stored.record), contents, request),
                    None => SessionState::Absent(Absence::Refused),
                }
            }
        };
        OpenResult::Ready(Opened { state, other_cookies, pending_cookies: None })
    }

    fn lookup(&self, lookup: Lookup) -> BoxFuture<'_, Found> {
        async move {
            if self.reach().await.is_err() {
                return Found::Unavailable;
            }
            self.record_activity(lookup);
            let record = self.state.lock().unwrap().records.get(&lookup.record).cloned();
            record.map_or(Found::Nothing, Found::Record)
        }
        .boxed()
    }

    fn begin<'a>(
        &'a self,
        session: NewSession<'a>,
        _: &'a HeaderMap,
        origin: &'a Origin,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<HeaderValue>, BeginError>> {
        self.begin_session(session, origin, now).boxed()
    }

    fn lease(&self, session: Refreshable, now: UnixTime) -> BoxFuture<'_, Option<Lease>> {
        async move {
            self.reach().await.ok()?;
            let (fence, is_takeover) = self.swap(session.id.0, |record| {
                if record.ended || record.generation != session.generation || !record.lease.allows_lease(now)
                {
                    return None;
                }
                let is_takeover = matches!(record.lease, RecordLease::Held { .. });
                record.fence += 1;
                record.lease = RecordLease::Held { until: now.plus(LEASE_LIFETIME).0 };
                Some((record.fence, is_takeover))
            })?;
            Some(Lease { session, fence, is_takeover })
        }
        .boxed()
    }

    fn commit<'a>(
        &'a self,
        lease: &'a Lease,
        refreshed: &'a Refreshed,
        user: Option<(&'a Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Commit, BeginError>> {
        async move {
            self.reach().await?;
            Ok(self.commit_tokens(lease, refreshed, user, now))
        }
        .boxed()
    }

    fn release<'a>(&'a self, lease: &'a Lease, how: Release) -> BoxFuture<'a, ()> {
        async move {
            if self.reach().await.is_ok() {
                self.swap(lease.session.id.0, |record| {
                    record.is_leased_to(lease).then(|| record.release(how))
                });
            }
        }
        .boxed()
    }

    fn standing<'a>(&'a self, _: SessionRequest<'a>) -> BoxFuture<'a, Standing> {
        panic!("no test of this store keeps a connection open")
    }

    fn end<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<EndedSession, StoreUnavailable>> {
        async move {
            self.reach().await?;
            Ok(self.end_session(request))
        }
        .boxed()
    }

    fn end_by<'a>(
        &'a self,
        token: &'a LogoutToken,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<LogoutEffect, StoreUnavailable>> {
        async move {
            self.reach().await?;
            self.end_named(token, now);
            Ok(LogoutEffect::Ended)
        }
        .boxed()
    }
}
