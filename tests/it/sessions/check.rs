//! Checks with a store that needs a lookup
//!
//! The rules that do not need such a store also run with the cookie store.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foregate::access::claims::{ClaimPath, ClaimRules};
use foregate::access::credential::Credential;
use foregate::access::decision::{Challenge, Decision, Outage, Rules, SignInBy};
use foregate::access::headers::{IdentityHeaderNames, OwnedHeaders};
use foregate::access::origin::Origins;
use foregate::access::policy::{DEFAULT, Policies, Policy};
use foregate::access::public_paths::PublicPaths;
use foregate::access::query_conditions::NO_CONDITIONS;
use foregate::access::request::AccessRequest;
use foregate::access::target::Target;
use foregate::flow::caller::{Caller, REMOVED_ON_THE_WAY};
use foregate::flow::check::{Check, Checked, DecisionRecord, PageReload};
use foregate::flow::ports::{Clock, Refreshed, SessionRequest};
use foregate::flow::refresh::{Exchanges, Refresh, RefreshSettings, Resumed};
use foregate::flow::snapshot::{CurrentSnapshot, Snapshot};
use foregate::server::{SystemClock, SystemEntropy};
use foregate::session::codec::seal::KeyRing;
use foregate::session::markers::MarkerCookies;
use foregate::session::ticket_store::LEASE_TIME;
use foregate::telemetry::metrics::Metrics;
use foregate::telemetry::recorder::Recorder;
use futures_util::poll;
use http::{HeaderName, HeaderValue, Method};

use super::fixture::{DUE, Factory, Jar, LIFE, SignIn, StoreUnderTest, at, no_tokens, origins, request};
use super::provider::{RefreshingProvider, SetClock};
use super::{cookie_store, ticket_store};

const CALLER: Caller =
    Caller { label: "test", patience: Duration::from_secs(5), cookie_remedy: REMOVED_ON_THE_WAY };

const BOTH: [Factory; 2] = [cookie_store, ticket_store];

const NAVIGATION: [(&str, &str); 2] = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
const SCRIPT: [(&str, &str); 2] = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];

struct Gateway {
    store: StoreUnderTest,
    check: Check,
    clock: Arc<SetClock>,
    provider: Arc<RefreshingProvider>,
}

fn claims() -> ClaimRules {
    let path = |text| ClaimPath::parse(text).unwrap();
    ClaimRules {
        user: path("preferred_username"),
        email: path("email"),
        groups: vec![path("groups")],
        strip_group_slash: false,
        comma_separated_groups: false,
        accept_unverified_email: false,
        userinfo: false,
    }
}

fn rules() -> Rules {
    let name = HeaderName::from_static;
    let names = IdentityHeaderNames {
        user: name("x-forwarded-user"),
        group: name("x-forwarded-group"),
        email: name("x-forwarded-email"),
        id_token: name("x-forwarded-id-token"),
    };
    let policy = Policy::new(vec!["dev".to_owned()], vec![], vec![]);
    Rules {
        owned: OwnedHeaders::new(names, true),
        policies: Policies::new([(DEFAULT.to_owned(), policy)].into()),
        public_paths: PublicPaths::default(),
        headlamp: None,
        origins: Origins::new(origins().to_vec()),
        sign_in: SignInBy::Start,
        allow_cross_origin_writes: false,
    }
}

impl Gateway {
    fn new(store: StoreUnderTest) -> Self {
        Self::with(store, false, || ())
    }

    fn with(store: StoreUnderTest, bears_reuse: bool, meanwhile: impl Fn() + Send + Sync + 'static) -> Self {
        let clock = Arc::new(SetClock::new());
        let provider = Arc::new(RefreshingProvider {
            clock: Arc::clone(&clock),
            received: Mutex::default(),
            meanwhile: Box::new(meanwhile),
        });
        let own_clock: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let background_paths = PublicPaths::default();
        let snapshot = Snapshot { rules: rules(), claims: claims(), background_paths };
        let snapshot = CurrentSnapshot::new(snapshot);
        let refresh = Arc::new(Refresh {
            provider: Arc::clone(&provider) as _,
            sessions: Arc::clone(&store.sessions),
            clock: Arc::clone(&own_clock),
            snapshot: snapshot.clone(),
            audit: Arc::new(Recorder::new(Arc::new(Metrics::default()), Arc::new(SystemClock))),
            settings: RefreshSettings { provider_bears_reuse: bears_reuse, timeout: Duration::from_secs(5) },
            exchanges: Exchanges::default(),
        });
        let keys = Arc::new(KeyRing::new(&[[7; 32]]).unwrap());
        let client = ("https://idp.test", "foregate");
        let markers =
            MarkerCookies::new(keys, Arc::new(SystemEntropy), Origins::new(origins().to_vec()), client);
        let sessions = Arc::clone(&store.sessions);
        let check = Check { snapshot, sessions, markers: Arc::new(markers), clock: own_clock, refresh };
        Self { store, check, clock, provider }
    }

    async fn check(&self, jar: &Jar, fields: [(&'static str, &str); 2], seconds: u64) -> Checked {
        self.clock.set(seconds);
        let mut headers = request(jar);
        headers.extend(fields.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())));
        let [origin, _] = &origins();
        let target = Target::parse(b"/page?tab=1").unwrap();
        let (method, headers, credential) = (&Method::GET, &headers, Credential::None);
        let request = AccessRequest {
            origin,
            target,
            method,
            headers,
            policy: DEFAULT,
            conditions: &NO_CONDITIONS,
            foreign_fields_are_removed: true,
            client_is_hidden: false,
            credential,
        };
        let records = Mutex::new(0);
        let record = |_: &DecisionRecord<'_>| *records.lock().unwrap() += 1;
        let checked = self.check.check(&self.check.snapshot.load(), &request, CALLER, record).await;
        assert_eq!(records.into_inner().unwrap(), 1, "each check is recorded once");
        checked
    }

    fn received(&self) -> Vec<String> {
        self.provider.received.lock().unwrap().clone()
    }
}

/// Returns the header fields of a request that passes.
fn granted_fields(checked: &Checked) -> Vec<(HeaderName, HeaderValue)> {
    match &checked.decision {
        Decision::Allow(grant) => grant.fields().collect(),
        other => panic!("{other:?}"),
    }
}

fn field(checked: &Checked, name: &str) -> String {
    let fields = granted_fields(checked);
    let (_, value) = fields.iter().find(|(found, _)| found == name).unwrap();
    value.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn check_with_a_ticket_passes_with_the_headers_of_the_cookie_store() {
    let mut passed = Vec::new();
    for store in BOTH {
        let gateway = Gateway::new(store(<_>::default()));
        let mut jar = gateway.store.begin(SignIn::default()).await;
        jar.push("theme=dark".to_owned());
        let checked = gateway.check(&jar, SCRIPT, 1).await;
        assert_eq!(field(&checked, "x-forwarded-user"), "alice");
        assert_eq!(field(&checked, "x-forwarded-id-token"), "head.first.signature");
        assert_eq!(field(&checked, "cookie"), "theme=dark", "the application never sees our cookie");
        passed.push(granted_fields(&checked));
    }
    assert_eq!(passed[0], passed[1]);
}

#[tokio::test]
async fn replaced_snapshot_decides_the_next_check() {
    for store in BOTH {
        let gateway = Gateway::new(store(<_>::default()));
        let jar = gateway.store.begin(SignIn::default()).await;
        granted_fields(&gateway.check(&jar, SCRIPT, 1).await);
        let policy = Policy::new(vec!["admins".to_owned()], vec![], vec![]);
        let policies = Policies::new([(DEFAULT.to_owned(), policy)].into());
        let (claims, background_paths) = (claims(), PublicPaths::default());
        let rules = Rules { policies, ..rules() };
        gateway.check.snapshot.replace(Snapshot { rules, claims, background_paths });
        let checked = gateway.check(&jar, SCRIPT, 1).await;
        assert!(matches!(checked.decision, Decision::Deny(_)), "alice is no admin");
    }
}

#[tokio::test]
async fn check_fails_and_sets_no_cookie_while_the_store_is_unavailable() {
    let gateway = Gateway::new(ticket_store(<_>::default()));
    let jar = gateway.store.begin(SignIn::default()).await;
    assert!(gateway.store.set_unavailable(true));
    for fields in [NAVIGATION, SCRIPT] {
        let checked = gateway.check(&jar, fields, 1).await;
        assert!(matches!(checked.decision, Decision::Fail(Outage::SessionStore)));
        assert!(checked.pending_cookies.is_none() && matches!(checked.reload, PageReload::No));
    }
    let checked = gateway.check(&Jar::new(), NAVIGATION, 1).await;
    assert!(matches!(checked.decision, Decision::Challenge(_)), "without a cookie there is no lookup");
    gateway.store.set_unavailable(false);
    granted_fields(&gateway.check(&jar, NAVIGATION, 1).await);
}

#[tokio::test]
async fn navigation_with_expired_tokens_is_sent_to_the_refresh_page() {
    for store in BOTH {
        let gateway = Gateway::new(store(<_>::default()));
        let jar = gateway.store.begin(SignIn::default()).await;
        let checked = gateway.check(&jar, NAVIGATION, LIFE).await;
        let Decision::Challenge(Challenge::SignIn(page)) = checked.decision else { panic!() };
        assert!(page.starts_with("https://app.test/oauth2/refresh?"), "{page}");
        assert_eq!(gateway.received(), Vec::<String>::new());
        let (headers, [origin, _]) = (request(&jar), &origins());
        let request = SessionRequest { headers: &headers, origin, now: at(LIFE), active: true, found: None };
        let resumed = gateway.check.refresh.resume_session(request, |session| session.signed_in_at).await;
        let Resumed::Usable(signed_in_at, pending_cookies) = resumed else { panic!() };
        assert_eq!(signed_in_at, at(0));
        assert_eq!(pending_cookies.is_some(), gateway.store.capabilities.cookie_changes_at_refresh);
        assert_eq!(gateway.received(), ["refresh 1"]);
    }
}

#[tokio::test]
async fn script_with_expired_tokens_waits_for_the_refresh_and_passes() {
    for store in BOTH {
        let gateway = Gateway::new(store(<_>::default()));
        let jar = gateway.store.begin(SignIn::default()).await;
        let checks = [(); 3].map(|()| gateway.check(&jar, SCRIPT, LIFE));
        for checked in futures_util::future::join_all(checks).await {
            assert_eq!(field(&checked, "x-forwarded-id-token"), "head.second.signature");
            assert_eq!(
                checked.pending_cookies.is_some(),
                gateway.store.capabilities.cookie_changes_at_refresh
            );
        }
        assert_eq!(gateway.received(), ["refresh 1"], "one exchange for all");
    }
}

#[tokio::test]
async fn check_with_a_due_session_passes_and_refreshes_it() {
    for store in BOTH {
        let gateway = Gateway::new(store(<_>::default()));
        let jar = gateway.store.begin(SignIn::default()).await;
        let checked = gateway.check(&jar, SCRIPT, DUE).await;
        assert_eq!(field(&checked, "x-forwarded-id-token"), "head.first.signature");
        gateway.check.refresh.drained().await;
        assert_eq!(gateway.received(), ["refresh 1"]);
        let checked = gateway.check(&jar, SCRIPT, DUE).await;
        assert_eq!(field(&checked, "x-forwarded-id-token"), "head.second.signature");
    }
}

#[tokio::test]
async fn check_fails_if_the_store_becomes_unavailable_during_the_refresh() {
    let store = ticket_store(<_>::default());
    let outage = store.capabilities.outage.clone().unwrap();
    let gateway = Gateway::with(store, false, move || {
        outage.is_unavailable.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let jar = gateway.store.begin(SignIn::default()).await;
    let checked = gateway.check(&jar, SCRIPT, LIFE).await;
    assert!(matches!(checked.decision, Decision::Fail(Outage::SessionStore)));
}

#[tokio::test]
async fn session_leased_by_another_process_is_not_refreshed() {
    let gateway = Gateway::new(ticket_store(<_>::default()));
    let jar = gateway.store.begin(SignIn::default()).await;
    let other_lease = gateway.store.lease(&jar, LIFE - 1).await;
    granted_fields(&gateway.check(&jar, SCRIPT, LIFE - 1).await);
    let mut checks = pin!(gateway.check(&jar, SCRIPT, LIFE));
    for _ in 0..100 {
        assert!(poll!(&mut checks).is_pending(), "it waits for the result of the other process");
        tokio::task::yield_now().await;
    }
    let new = Refreshed { access_expires_at: Some(at(LIFE + LIFE)), ..no_tokens() };
    gateway.store.commit(&other_lease, &new, LIFE).await;
    granted_fields(&checks.await);
    assert_eq!(gateway.received(), Vec::<String>::new());
}

#[tokio::test]
async fn lease_that_was_taken_over_sends_no_token_a_second_time() {
    for (bears_reuse, expected) in [(false, vec![]), (true, vec!["refresh 1"])] {
        let gateway = Gateway::with(ticket_store(<_>::default()), bears_reuse, || ());
        let jar = gateway.store.begin(SignIn::default()).await;
        gateway.store.lease(&jar, LIFE).await;
        let expired = LIFE + LEASE_TIME.as_secs();
        let checked = gateway.check(&jar, NAVIGATION, expired - 1).await;
        let is_refresh_page = |url: &str| url.contains("/oauth2/refresh?");
        assert!(
            matches!(checked.decision, Decision::Challenge(Challenge::SignIn(url)) if is_refresh_page(&url))
        );
        let checked = gateway.check(&jar, SCRIPT, expired).await;
        assert_eq!(matches!(checked.decision, Decision::Allow(_)), bears_reuse);
        assert_eq!(matches!(checked.decision, Decision::Challenge(Challenge::Unauthenticated)), !bears_reuse);
        assert_eq!(gateway.received(), expected);
    }
}
