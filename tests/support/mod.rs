//! A check with a realistic session and without a server, for the benchmarks and the allocation test
//!
//! The session may be in any store. The store must use [`keys`], [`origins`] and [`CLIENT`].

pub(crate) mod no_provider;
pub(crate) mod user;

use std::sync::Arc;
use std::time::Duration;

use self::no_provider::NoProvider;
use self::user::sign_in;
use foregate::access::claims::{ClaimPath, ClaimRules};
use foregate::access::client::TrustedProxies;
use foregate::access::credential::Credential;
use foregate::access::decision::{Decision, Rules, SignInBy};
use foregate::access::headers::{IdentityHeaderNames, OwnedHeaders};
use foregate::access::origin::{Origin, Origins};
use foregate::access::policy::{DEFAULT, Policies, Policy};
use foregate::access::public_paths::PublicPaths;
use foregate::access::query_conditions::NO_CONDITIONS;
use foregate::access::request::AccessRequest;
use foregate::edge::dialect::forwarded::forwarded;
use foregate::edge::dialect::traefik::TRAEFIK;
use foregate::flow::audit::Audit;
use foregate::flow::check::Check;
use foregate::flow::ports::{Clock, IdentityProvider, Sessions};
use foregate::flow::refresh::{Exchanges, Refresh, RefreshSettings};
use foregate::flow::snapshot::{CurrentSnapshot, Snapshot};
use foregate::server::{SystemClock, SystemEntropy};
use foregate::session::codec::seal::KeyRing;
use foregate::session::cookie_store::{CookieStore, Lifetimes, Room};
use foregate::session::markers::MarkerCookies;
use foregate::telemetry::metrics::Metrics;
use foregate::telemetry::recorder::Recorder;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The issuer and the client ID.
pub(crate) const CLIENT: (&str, &str) = ("https://keycloak.example.com/realms/main", "foregate");
/// The longest session.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(36_000);

/// A complete check, and the check request for one browser.
pub(crate) struct Scene {
    check: Check,
    pub(crate) headers: HeaderMap,
    /// The session cookie's value.
    pub(crate) cookie: String,
}

/// What checks do in addition to opening the session.
pub(crate) struct Features {
    pub(crate) policies: Policies,
    /// Whether the ID token is in `Authorization` too.
    pub(crate) authorization: bool,
    pub(crate) token_life: Duration,
    pub(crate) provider: Arc<dyn IdentityProvider>,
}

const BROWSER: [(&str, &str); 17] = [
    ("x-forwarded-method", "GET"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "headlamp.example.com"),
    ("x-forwarded-uri", "/clusters/main/api/v1/namespaces/default/pods?limit=500"),
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-port", "443"),
    ("x-forwarded-server", "traefik-7d5b8c9f6d-abcde"),
    ("x-real-ip", "203.0.113.9"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("referer", "https://headlamp.example.com/c/main/pods"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-ch-ua-platform", "\"Linux\""),
];

impl Features {
    /// All features: a policy that requires one of five groups, and the ID token in `Authorization` too.
    pub(crate) fn all() -> Self {
        let allowed =
            ["platform", "security", "operations", "management", "team-project-029"].map(str::to_owned);
        Self::new(Policy::new(allowed.to_vec(), vec![], vec![]), true)
    }

    /// These features, with tokens that no check refreshes.
    pub(crate) fn new(policy: Policy, authorization: bool) -> Self {
        let policies = Policies::new([(DEFAULT.to_owned(), policy)].into());
        let token_life = Duration::from_secs(30_000);
        Self { policies, authorization, token_life, provider: Arc::new(NoProvider) }
    }
}

impl Scene {
    /// A scene with a session in cookies.
    pub(crate) fn in_cookies(features: &Features) -> Self {
        let store = Arc::new(cookie_store(Room { sessions: 100, per_user: 100 }));
        Self::over(store, features).now_or_never().unwrap()
    }

    /// A signed-in user with 30 groups whose session is in a store, and a check request of Traefik.
    pub(crate) async fn over(sessions: Arc<dyn Sessions>, features: &Features) -> Self {
        let headers = sign_in(&*sessions, features, 0).await;
        let cookies = headers[header::COOKIE].to_str().unwrap();
        let ours = cookies.split("; ").find_map(|pair| pair.split_once("foregate=").map(|(_, value)| value));
        let cookie = ours.unwrap().to_owned();
        let origins = origins();
        let markers = MarkerCookies::new(keys(), Arc::new(SystemEntropy), origins.clone(), CLIENT);
        let rules = Rules {
            owned: OwnedHeaders::new(names(), features.authorization),
            policies: features.policies.clone(),
            public_paths: PublicPaths::default(),
            headlamp: None,
            origins,
            sign_in: SignInBy::Start,
            allow_cross_origin_writes: false,
        };
        let snapshot = Snapshot { rules, claims: claims(), background_paths: PublicPaths::default() };
        let snapshot = CurrentSnapshot::new(snapshot);
        let refresh = Arc::new(Refresh {
            provider: Arc::clone(&features.provider),
            sessions: Arc::clone(&sessions),
            clock: Arc::new(SystemClock),
            snapshot: snapshot.clone(),
            audit: audit(),
            settings: RefreshSettings { provider_bears_reuse: false, timeout: Duration::from_secs(5) },
            exchanges: Exchanges::default(),
        });
        let (markers, clock) = (Arc::new(markers), Arc::new(SystemClock));
        Self { check: Check { snapshot, sessions, markers, clock, refresh }, headers, cookie }
    }

    /// Runs a whole check of the scene's request, which must not wait.
    pub(crate) fn check(&self) -> Decision {
        self.check_request(&self.headers).now_or_never().unwrap()
    }

    /// Runs a whole check. It reads Traefik's fields, opens the session, evaluates the rules and builds the header
    /// edits.
    pub(crate) async fn check_request(&self, headers: &HeaderMap) -> Decision {
        let forwarded = forwarded(headers, &TrustedProxies::default()).unwrap();
        let snapshot = self.check.snapshot.load();
        let origin = snapshot.rules.origins.find(forwarded.host).unwrap();
        let request = AccessRequest {
            origin,
            target: forwarded.target,
            method: &forwarded.method,
            headers,
            policy: DEFAULT,
            conditions: &NO_CONDITIONS,
            foreign_fields_are_removed: true,
            client_is_hidden: false,
            credential: Credential::None,
        };
        self.check.check(&snapshot, &request, TRAEFIK.dialect.caller, |_| ()).await.decision
    }
}

/// Returns the check request of a browser with these session cookies.
pub(crate) fn request(cookies: &[HeaderValue]) -> HeaderMap {
    let mut headers: HeaderMap = BROWSER
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let pairs: Vec<&str> =
        cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect();
    let cookie =
        format!("theme=dark; lang=en; {}; _ga=GA1.2.1234567890.1234567890; consent=yes", pairs.join("; "));
    headers.insert(header::COOKIE, cookie.parse().unwrap());
    headers
}

/// Returns an empty cookie store.
pub(crate) fn cookie_store(room: Room) -> CookieStore {
    let (keys, entropy, now) = (keys(), Arc::new(SystemEntropy), SystemClock.now());
    CookieStore::new(keys, entropy, &origins(), CLIENT, (lifetimes(), room), audit(), now).unwrap()
}

pub(crate) fn lifetimes() -> Lifetimes {
    Lifetimes { session: SESSION_LIFE, idle: None, require_fresh_id_token: false }
}

pub(crate) fn keys() -> Arc<KeyRing> {
    Arc::new(KeyRing::new(&[[7; 32]]).unwrap())
}

pub(crate) fn origin() -> Origin {
    Origin::parse("https://headlamp.example.com").unwrap()
}

pub(crate) fn origins() -> Origins {
    Origins::new(vec![origin()])
}

fn audit() -> Arc<dyn Audit> {
    Arc::new(Recorder::new(Arc::new(Metrics::default()), Arc::new(SystemClock)))
}

fn names() -> IdentityHeaderNames {
    IdentityHeaderNames {
        user: HeaderName::from_static("x-forwarded-user"),
        group: HeaderName::from_static("x-forwarded-group"),
        email: HeaderName::from_static("x-forwarded-email"),
        id_token: HeaderName::from_static("x-forwarded-id-token"),
    }
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
