//! Store under test, and its client

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use foregate::access::decision::Outage;
use foregate::access::identity::Identity;
use foregate::access::origin::Origin;
use foregate::access::policy::PolicyVerdicts;
use foregate::flow::ports::{
    Absence, Authentication, BeginError, Commit, EndedSession, IssuerIndex, Lease, LogoutEffect, LogoutToken,
    NewSession, Opened, Refreshable, Refreshed, RefreshedIdToken, SessionRequest, SessionState, Sessions,
    StoreUnavailable, TokenSet, UnixTime, Whom,
};
use foregate::secret::Secret;
use foregate::session::records::MemoryRecords;
use http::{HeaderMap, HeaderValue, header};

use super::outage::Failures;

/// The time at which each store is made, and most sessions begin.
pub(crate) const NOW: UnixTime = UnixTime(1_000_000);
/// Lifetime of all tokens in seconds, unless a rule says otherwise.
pub(crate) const LIFE: u64 = 100;
/// Time in seconds after which a refresh of such tokens is due at the latest.
pub(crate) const DUE: u64 = 75;

/// Returns the time that is this many seconds after [`NOW`].
pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

pub(crate) fn origins() -> [Origin; 2] {
    ["https://app.test", "https://other.test"].map(|text| Origin::parse(text).unwrap())
}

/// Lifetimes of sessions.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) lifetime: Duration,
    pub(crate) idle: Option<Duration>,
    pub(crate) require_fresh_id_token: bool,
    /// How long a row that was read serves while the store fails or is slow. Stores without lookups ignore it.
    pub(crate) stale_if_error: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(3600),
            idle: None,
            require_fresh_id_token: false,
            stale_if_error: Duration::ZERO,
        }
    }
}

/// The capabilities in which stores differ. The contract says what holds with and without each.
pub(crate) struct Capabilities {
    /// Whether the cookie carries the tokens, so that each refresh makes a new one.
    pub(crate) cookie_changes_at_refresh: bool,
    /// The time after which another holder may take over a lease. `None`: holder and store are one process.
    pub(crate) lease_lifetime: Option<Duration>,
    /// The switches that make the store fail. `None`: the store is in the process, and needs no lookup.
    pub(crate) outage: Option<Arc<Failures>>,
    /// The records, which a test changes as a failover does. `None`: the store has no records.
    pub(crate) records: Option<Arc<MemoryRecords>>,
}

/// A store under test.
pub(crate) struct StoreUnderTest {
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) capabilities: Capabilities,
}

/// Makes a store under test.
pub(crate) type Factory = fn(Settings) -> StoreUnderTest;

/// The session cookies of a client, as `name=value`.
pub(crate) type Jar = Vec<String>;

/// The result of a sign-in at the provider.
#[derive(Clone, Copy)]
pub(crate) struct SignIn {
    pub(crate) subject: &'static str,
    pub(crate) sid: &'static str,
    pub(crate) id_token: &'static str,
    pub(crate) refresh_token: Option<&'static str>,
    /// The time of the sign-in, in seconds after [`NOW`].
    pub(crate) seconds: u64,
    /// The time at which the ID token was issued, in seconds after [`NOW`].
    pub(crate) issued: u64,
    /// Lifetime of the refresh token, in seconds.
    pub(crate) refresh_life: Option<u64>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            subject: "alice-sub",
            sid: "sid-1",
            id_token: "head.first.signature",
            refresh_token: Some("refresh 1"),
            seconds: 0,
            issued: 0,
            refresh_life: None,
        }
    }
}

impl SignIn {
    pub(crate) fn at(seconds: u64) -> Self {
        Self { seconds, issued: seconds, ..Self::default() }
    }

    pub(crate) fn of(subject: &'static str, sid: &'static str) -> Self {
        Self { subject, sid, ..Self::default() }
    }
}

/// The state of an opened request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    Usable,
    /// Usable, and a refresh is due.
    Due,
    Refreshable,
    Absent(Absence),
    Undetermined(Outage),
}

/// The values of a session that the gateway shows or forwards.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) identity: [String; 4],
    pub(crate) id_token: String,
    pub(crate) policies: Option<PolicyVerdicts>,
    pub(crate) times: [u64; 2],
    /// `auth_time` and `acr`.
    pub(crate) authentication: (Option<u64>, Option<String>),
}

/// An opened request, with owned values.
pub(crate) struct Seen {
    pub(crate) state: State,
    pub(crate) known: Known,
    pub(crate) other_cookies: String,
    pub(crate) pending_cookies: Option<Arc<[HeaderValue]>>,
    pub(crate) refreshable: Option<Box<Refreshable>>,
}

impl Seen {
    fn of(opened: Opened<'_>) -> Self {
        let mut known = Known::default();
        let (state, refreshable) = match opened.state {
            SessionState::Usable(session) => {
                let mut id_token = Vec::new();
                session.credential.id_token.write(&mut id_token);
                let user = session.credential.user;
                known = Known {
                    identity: [user.subject, user.user, user.email, user.groups].map(str::to_owned),
                    id_token: String::from_utf8(id_token).unwrap(),
                    policies: session.credential.policies,
                    times: [session.signed_in_at.0, session.ends_at.0],
                    authentication: (session.auth_time.map(|time| time.0), session.acr.map(str::to_owned)),
                };
                (if session.due.is_some() { State::Due } else { State::Usable }, session.due)
            }
            SessionState::Refreshable(session) => (State::Refreshable, Some(session)),
            SessionState::Absent(absence) => (State::Absent(absence), None),
            SessionState::Undetermined(outage) => (State::Undetermined(outage), None),
        };
        let other_cookies = String::from_utf8(opened.other_cookies).unwrap();
        Self { state, known, other_cookies, pending_cookies: opened.pending_cookies, refreshable }
    }
}

/// Returns new tokens that expire [`LIFE`] after this time.
pub(crate) fn new_tokens(seconds: u64) -> Refreshed {
    let expires_at = at(seconds + LIFE);
    let text = Secret::new("head.second.signature");
    Refreshed {
        id_token: Some(RefreshedIdToken {
            text,
            expires_at,
            authentication: Authentication { auth_time: Some(at(7)), acr: None },
            claims: [].into(),
        }),
        refresh_token: Some(Secret::new("refresh 2")),
        access_expires_at: Some(expires_at),
        refresh_expires_at: None,
    }
}

/// Returns a response without new tokens.
pub(crate) fn no_tokens() -> Refreshed {
    Refreshed { id_token: None, refresh_token: None, access_expires_at: None, refresh_expires_at: None }
}

pub(crate) fn request(cookies: &[String]) -> HeaderMap {
    HeaderMap::from_iter([(header::COOKIE, cookies.join("; ").parse().unwrap())])
}

/// Returns the cookies of a client after a response. A browser replaces cookies by name, and removes expired ones.
pub(crate) fn receive(jar: &Jar, set_cookies: &[HeaderValue]) -> Jar {
    let mut jar = jar.clone();
    for cookie in set_cookies {
        let cookie = cookie.to_str().unwrap();
        let (name, _) = cookie.split_once('=').unwrap();
        jar.retain(|pair| pair.split_once('=').unwrap().0 != name);
        if !cookie.contains("Max-Age=0") {
            jar.push(cookie.split(';').next().unwrap().to_owned());
        }
    }
    jar
}

impl StoreUnderTest {
    /// Signs a user in. Returns `Set-Cookie` values.
    pub(crate) async fn sign_in(
        &self,
        sign_in: SignIn,
        jar: &[String],
    ) -> Result<Vec<HeaderValue>, BeginError> {
        let (now, expires_at) = (at(sign_in.seconds), at(sign_in.seconds + LIFE));
        let mut identity = Identity::new(sign_in.subject, "alice").unwrap();
        identity.set_email("alice@example.com").unwrap();
        for group in ["dev", "ops"] {
            identity.add_group(group).unwrap();
        }
        let tokens = TokenSet {
            id_token: Secret::new(sign_in.id_token),
            refresh_token: sign_in.refresh_token.map(Secret::new),
            expires_at,
            requested_at: now,
            id_token_issued_at: at(sign_in.issued),
            id_token_expires_at: expires_at,
            authentication: Authentication {
                auth_time: Some(at(sign_in.issued)),
                acr: Some("gold".to_owned()),
            },
            refresh_expires_at: sign_in.refresh_life.map(|life| at(sign_in.seconds + life)),
        };
        let policies = PolicyVerdicts { generation: 5, met: 3 };
        let new = NewSession {
            issuer: IssuerIndex::FIRST,
            identity: &identity,
            tokens: &tokens,
            policies,
            sid: sign_in.sid,
            address: None,
        };
        self.sessions.begin(new, &request(jar), &origins()[0], now).await
    }

    /// Signs a user in. Returns the cookies of the client.
    pub(crate) async fn begin(&self, sign_in: SignIn) -> Jar {
        receive(&Jar::new(), &self.sign_in(sign_in, &[]).await.unwrap())
    }

    pub(crate) async fn open(&self, jar: &[String], seconds: u64) -> Seen {
        self.open_at(jar, seconds, &origins()[0], true).await
    }

    pub(crate) async fn open_at(&self, jar: &[String], seconds: u64, origin: &Origin, active: bool) -> Seen {
        let headers = request(jar);
        let request = SessionRequest { headers: &headers, origin, now: at(seconds), active, found: None };
        self.sessions.read(request, Seen::of).await
    }

    pub(crate) async fn state(&self, jar: &[String], seconds: u64) -> State {
        self.open(jar, seconds).await.state
    }

    /// Returns the states at these times, in order.
    pub(crate) async fn states<const N: usize>(&self, jar: &[String], seconds: [u64; N]) -> [State; N] {
        let mut states = Vec::new();
        for second in seconds {
            states.push(self.state(jar, second).await);
        }
        states.try_into().unwrap()
    }

    /// Takes the lease of a session whose refresh is due, or whose tokens have expired.
    pub(crate) async fn lease(&self, jar: &[String], seconds: u64) -> Lease {
        let session = *self.open(jar, seconds).await.refreshable.unwrap();
        self.sessions.lease(session, at(seconds)).await.unwrap()
    }

    /// Stores new tokens, and the identity of the new ID token.
    pub(crate) async fn commit(&self, lease: &Lease, new: &Refreshed, seconds: u64) -> Commit {
        let mut identity = Identity::new(&lease.session.subject, "alice2").unwrap();
        identity.add_group("new").unwrap();
        let policies = PolicyVerdicts { generation: 6, met: 1 };
        let user = new.id_token.as_ref().map(|_| (&identity, policies));
        self.sessions.commit(lease, new, user, at(seconds)).await.unwrap()
    }

    /// Refreshes a session. Returns the cookies that the client then has.
    pub(crate) async fn refresh(&self, jar: &Jar, new: &Refreshed, seconds: u64) -> Jar {
        let lease = self.lease(jar, seconds).await;
        let commit = self.commit(&lease, new, seconds).await;
        assert_eq!(commit, Commit::Committed { last_was_not_delivered: false });
        let pending = self.open(jar, seconds).await.pending_cookies;
        assert_eq!(pending.is_some(), self.capabilities.cookie_changes_at_refresh);
        receive(jar, pending.as_deref().unwrap_or_default())
    }

    pub(crate) async fn end(&self, jar: &[String], seconds: u64) -> Result<EndedSession, StoreUnavailable> {
        let (headers, origin) = (request(jar), &origins()[0]);
        let now = at(seconds);
        self.sessions.end(SessionRequest { headers: &headers, origin, now, active: true, found: None }).await
    }

    /// Receives a logout token with these times of issue and arrival.
    pub(crate) async fn end_by(
        &self,
        whom: Whom,
        [issued, arrives]: [u64; 2],
    ) -> Result<LogoutEffect, StoreUnavailable> {
        let (token_id, issued_at) = (format!("{whom:?} {issued}"), at(issued));
        let token = LogoutToken {
            issuer: IssuerIndex::FIRST,
            token_id,
            issued_at,
            accepted_until: at(issued + 660),
            whom,
        };
        self.sessions.end_by(&token, at(arrives)).await
    }

    /// Makes the store unavailable, or available again. Returns `false` if it cannot be unavailable.
    pub(crate) fn set_unavailable(&self, unavailable: bool) -> bool {
        let outage = self.capabilities.outage.as_ref();
        outage.map(|outage| outage.is_unavailable.store(unavailable, Ordering::Relaxed)).is_some()
    }
}
