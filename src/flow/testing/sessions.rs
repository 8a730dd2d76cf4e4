//! A fake session store, whose states a test sets

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};

use super::{Calls, NOW, Setting, cookie, refreshable};
use crate::access::credential::SessionCredential;
use crate::access::decision::Outage;
use crate::access::identity::{Identity, IdentityRef};
use crate::access::origin::Origin;
use crate::access::policy::PolicyVerdicts;
use crate::access::token::TokenText;
use crate::flow::ports::{
    Absence, BeginError, Commit, EndedSession, Found, Lease, LogoutEffect, LogoutToken, Lookup, NewSession,
    OpenResult, Opened, Refreshable, Refreshed, Release, Session, SessionId, SessionRequest, SessionState,
    Sessions, Standing, StoreUnavailable, UnixTime, Workspace,
};
use crate::secret::Secret;

/// The state that one opening finds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// A session of Alice, in the group `dev`.
    Usable,
    /// The same, and a refresh is due.
    Due,
    /// Its tokens have expired.
    Expired,
    Absent(Absence),
    Undetermined(Outage),
}

/// The state of the lease of each session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum LeaseState {
    #[default]
    Free,
    /// The lease expired because its holder did not release it.
    TakenOver,
    HeldByOther,
}

/// The time of an opening in seconds after [`NOW`], and whether the user was active.
pub(crate) type Opening = (u64, bool);

/// The fake store.
pub(crate) struct FakeSessions {
    calls: Calls,
    /// The states that openings find, one after the other. The last state stays.
    pub(crate) states: Setting<VecDeque<State>>,
    /// The number of openings that need a lookup.
    pub(crate) asks: AtomicUsize,
    /// The pending cookies of each opening.
    pub(crate) pending_cookies: Setting<Option<Arc<[HeaderValue]>>>,
    pub(crate) openings: Setting<Vec<Opening>>,
    pub(crate) lease: Setting<LeaseState>,
    /// The number of leases whose renewal began.
    pub(crate) renewals: AtomicUsize,
    pub(crate) committed: Setting<Result<Commit, BeginError>>,
    pub(crate) begin_error: Setting<Option<BeginError>>,
    /// The verdicts of the last refresh.
    pub(crate) verdicts: Setting<Option<PolicyVerdicts>>,
    /// Whether a session that ends had tokens.
    pub(crate) ends_with_tokens: AtomicBool,
}

impl FakeSessions {
    pub(super) fn new(calls: Calls) -> Self {
        Self {
            calls,
            states: Setting::new([State::Usable].into()),
            asks: AtomicUsize::default(),
            pending_cookies: Setting::default(),
            openings: Setting::default(),
            lease: Setting::default(),
            committed: Setting::new(Ok(Commit::Committed { last_was_not_delivered: false })),
            begin_error: Setting::default(),
            verdicts: Setting::default(),
            ends_with_tokens: AtomicBool::default(),
            renewals: AtomicUsize::default(),
        }
    }

    fn must_ask(&self) -> bool {
        let decrement = |asks: usize| asks.checked_sub(1);
        self.asks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, decrement).is_ok()
    }

    fn next_state(&self) -> State {
        let next = |states: &mut VecDeque<State>| {
            if states.len() > 1 { states.pop_front() } else { states.front().copied() }
        };
        self.states.with(next).unwrap()
    }
}

impl Sessions for FakeSessions {
    fn open<'w>(&self, _: &'w mut Workspace, request: SessionRequest<'_>) -> OpenResult<'w> {
        self.calls.record("open");
        self.openings.with(|openings| openings.push((request.now.seconds_since(NOW), request.active)));
        if self.must_ask() {
            return OpenResult::Ask(Lookup { record: [1; 16], active_at: None });
        }
        let usable = |due| {
            SessionState::Usable(Session {
                credential: SessionCredential {
                    user: IdentityRef { subject: "1", user: "alice", email: "", groups: "dev" },
                    id_token: TokenText::Whole("id-token"),
                    policies: None,
                },
                signed_in_at: NOW,
                auth_time: None,
                acr: None,
                ends_at: UnixTime(NOW.0 + 3600),
                due,
            })
        };
        let expired = || Box::new(refreshable(1, "1"));
        let state = match self.next_state() {
            State::Usable => usable(None),
            State::Due => usable(Some(expired())),
            State::Expired => SessionState::Refreshable(expired()),
            State::Absent(absence) => SessionState::Absent(absence),
            State::Undetermined(outage) => SessionState::Undetermined(outage),
        };
        let pending_cookies = self.pending_cookies.get();
        OpenResult::Ready(Opened { state, other_cookies: b"theme=dark".to_vec(), pending_cookies })
    }

    fn lookup(&self, _: Lookup) -> BoxFuture<'_, Found> {
        self.calls.record("lookup");
        async { Found::Record(Arc::from([])) }.boxed()
    }

    fn begin<'a>(
        &'a self,
        session: NewSession<'a>,
        _: &'a HeaderMap,
        origin: &'a Origin,
        _: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<HeaderValue>, BeginError>> {
        let NewSession { issuer, identity, tokens, policies, sid, .. } = session;
        let refresh_token = tokens.refresh_token.as_ref().map_or("none", Secret::expose);
        self.calls.record(format!(
            "begin {} {} {} {refresh_token} sid {sid} issuer {} at {}",
            identity.as_ref().subject,
            user(identity, policies),
            tokens.id_token.expose(),
            issuer.0,
            origin.as_str()
        ));
        let begun = self.begin_error.get().map_or_else(|| Ok(vec![cookie("session=new")]), Err);
        async { begun }.boxed()
    }

    fn lease(&self, session: Refreshable, now: UnixTime) -> BoxFuture<'_, Option<Lease>> {
        async move {
            self.calls.record(format!("lease at {}", now.seconds_since(NOW)));
            match self.lease.get() {
                LeaseState::Free => Some(Lease { session, fence: 1, is_takeover: false }),
                LeaseState::TakenOver => Some(Lease { session, fence: 1, is_takeover: true }),
                LeaseState::HeldByOther => None,
            }
        }
        .boxed()
    }

    fn released_elsewhere(&self, _: SessionId) -> BoxFuture<'_, ()> {
        self.calls.record("released_elsewhere");
        async {}.boxed()
    }

    fn commit<'a>(
        &'a self,
        _: &'a Lease,
        refreshed: &'a Refreshed,
        new_user: Option<(&'a Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Commit, BeginError>> {
        let refresh_token = refreshed.refresh_token.as_ref().map_or("none", Secret::expose);
        let user = new_user.map_or("no user".to_owned(), |(identity, policies)| user(identity, policies));
        self.calls.record(format!("commit {refresh_token} {user} at {}", now.seconds_since(NOW)));
        let committed = self.committed.get();
        async move { committed }.boxed()
    }

    fn renew<'a>(&'a self, _: &'a Lease) -> BoxFuture<'a, Infallible> {
        self.renewals.fetch_add(1, Ordering::Relaxed);
        pending().boxed()
    }

    fn release<'a>(&'a self, _: &'a Lease, how: Release) -> BoxFuture<'a, ()> {
        self.calls.record(match how {
            Release::RetryAt(time) => format!("release RetryAt {}", time.seconds_since(NOW)),
            how => format!("release {how:?}"),
        });
        async {}.boxed()
    }

    fn standing<'a>(&'a self, _: SessionRequest<'a>) -> BoxFuture<'a, Standing> {
        let end = UnixTime(NOW.0 + 3600);
        let standing = match self.next_state() {
            State::Usable | State::Due | State::Expired => Standing::Until(end, self.verdicts.get()),
            State::Absent(Absence::Ended) => Standing::Ended,
            State::Absent(_) | State::Undetermined(_) => Standing::Unknown,
        };
        async move { standing }.boxed()
    }

    fn end<'a>(&'a self, _: SessionRequest<'a>) -> BoxFuture<'a, Result<EndedSession, StoreUnavailable>> {
        self.calls.record("end");
        let token = |text| self.ends_with_tokens.load(Ordering::Relaxed).then(|| Secret::new(text));
        let ended = EndedSession {
            refresh_token: token("refresh"),
            id_token: token("a.b.c"),
            subject: Some("1".to_owned()),
            ..EndedSession::default()
        };
        async move { Ok(ended) }.boxed()
    }

    fn end_by<'a>(
        &'a self,
        _: &'a LogoutToken,
        _: UnixTime,
    ) -> BoxFuture<'a, Result<LogoutEffect, StoreUnavailable>> {
        panic!("no flow under test takes a logout token")
    }
}

fn user(identity: &Identity, policies: PolicyVerdicts) -> String {
    let IdentityRef { user, groups, .. } = identity.as_ref();
    format!("{user} in {groups} meets {:b}", policies.met)
}
