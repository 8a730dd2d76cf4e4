//! A check with a realistic session and without a server, for the benchmarks and the allocation test

pub(crate) mod no_provider;

use std::sync::Arc;
use std::time::Duration;

use self::no_provider::NoProvider;
use base64_simd::URL_SAFE_NO_PAD;
use foregate::access::claims::{ClaimPath, ClaimRules};
use foregate::access::client::TrustedProxies;
use foregate::access::credential::Credential;
use foregate::access::decision::{Decision, Rules, SignInBy};
use foregate::access::headers::{IdentityHeaderNames, OwnedHeaders};
use foregate::access::identity::Identity;
use foregate::access::origin::{Origin, Origins};
use foregate::access::policy::{DEFAULT, Policies, Policy};
use foregate::access::public_paths::PublicPaths;
use foregate::access::query_conditions::NO_CONDITIONS;
use foregate::access::request::AccessRequest;
use foregate::edge::dialect::forwarded::forwarded;
use foregate::edge::dialect::traefik::TRAEFIK;
use foregate::flow::audit::Audit;
use foregate::flow::check::Check;
use foregate::flow::ports::{
    Authentication, Clock, IdentityProvider, IssuerIndex, NewSession, Sessions, TokenSet,
};
use foregate::flow::refresh::{Exchanges, Refresh, RefreshSettings};
use foregate::flow::snapshot::{CurrentSnapshot, Snapshot};
use foregate::secret::Secret;
use foregate::server::{SystemClock, SystemEntropy};
use foregate::session::codec::seal::KeyRing;
use foregate::session::cookie_store::{CookieStore, Lifetimes, Room};
use foregate::session::markers::MarkerCookies;
use foregate::telemetry::metrics::Metrics;
use foregate::telemetry::recorder::Recorder;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// A complete check, and the check request for one browser.
pub(crate) struct Scene {
    check: Check,
    headers: HeaderMap,
    /// The session cookie's value.
    pub(crate) cookie: String,
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

/// Returns a JWT like Keycloak's: a header, claims with 30 groups and an RS256 signature.
fn id_token(groups: &[String]) -> String {
    let claims = format!(
        r#"{{"exp":1,"iat":1,"auth_time":1,"jti":"{0}","iss":"https://keycloak.example.com/realms/main","aud":"foregate","sub":"{0}","typ":"ID","azp":"foregate","sid":"{0}","at_hash":"abcdefghijklmnopqrstuv","email_verified":true,"name":"Test User","groups":{groups:?},"preferred_username":"testuser","email":"testuser@example.com"}}"#,
        "0b1e6c1e-7a55-4a0e-9d0a-2f1f7a3f6f10"
    );
    let head = r#"{"alg":"RS256","typ":"JWT","kid":"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}"#;
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
    format!("{}.{}.{}", part(head.as_bytes()), part(claims.as_bytes()), part(&[7; 256]))
}

impl Scene {
    /// A scene with all features: a policy that requires one of five groups, and the ID token in `Authorization` too.
    pub(crate) fn with_all_features() -> Self {
        let allowed =
            ["platform", "security", "operations", "management", "team-project-029"].map(str::to_owned);
        Self::new(Policy::new(allowed.to_vec(), vec![], vec![]), true)
    }

    /// A signed-in user with 30 groups, and a check request of Traefik.
    pub(crate) fn new(policy: Policy, authorization: bool) -> Self {
        Self::with_provider(policy, authorization, Duration::from_secs(30_000), Arc::new(NoProvider))
    }

    /// Like [`Self::new`], with tokens that expire after `life`, and a provider that refreshes them.
    pub(crate) fn with_provider(
        policy: Policy,
        authorization: bool,
        life: Duration,
        provider: Arc<dyn IdentityProvider>,
    ) -> Self {
        let origin = Origin::parse("https://headlamp.example.com").unwrap();
        let origins = Origins::new(vec![origin.clone()]);
        let keys = Arc::new(KeyRing::new(&[[7; 32]]).unwrap());
        let audit: Arc<dyn Audit> =
            Arc::new(Recorder::new(Arc::new(Metrics::default()), Arc::new(SystemClock)));
        let session = Duration::from_secs(36_000);
        let lifetimes = Lifetimes { session, idle: None, require_fresh_id_token: false };
        let client = ("https://keycloak.example.com/realms/main", "foregate");
        let entropy = Arc::new(SystemEntropy);
        let markers = Arc::new(MarkerCookies::new(Arc::clone(&keys), entropy, origins.clone(), client));
        let store = CookieStore::new(
            keys,
            Arc::new(SystemEntropy),
            &origins,
            client,
            (lifetimes, Room { sessions: 100, per_user: 100 }),
            Arc::clone(&audit),
            SystemClock.now(),
        )
        .unwrap();
        let groups: Vec<String> = (0..30).map(|index| format!("team-project-{index:03}")).collect();
        let mut identity = Identity::new("0b1e6c1e-7a55-4a0e-9d0a-2f1f7a3f6f10", "testuser").unwrap();
        identity.set_email("testuser@example.com").unwrap();
        for group in &groups {
            identity.add_group(group).unwrap();
        }
        let policies = Policies::new([(DEFAULT.to_owned(), policy)].into());
        let now = SystemClock.now();
        let refresh = format!(
            "{}.{}.{}",
            URL_SAFE_NO_PAD.encode_to_string([1; 84]),
            URL_SAFE_NO_PAD.encode_to_string([2; 420]),
            URL_SAFE_NO_PAD.encode_to_string([3; 64])
        );
        let tokens = TokenSet {
            id_token: Secret::new(id_token(&groups)),
            refresh_token: Some(Secret::new(refresh)),
            expires_at: now.plus(life),
            requested_at: now,
            id_token_issued_at: now,
            authentication: Authentication::default(),
            id_token_expires_at: now.plus(life),
            refresh_expires_at: None,
        };
        let cookies = store
            .begin(
                NewSession {
                    issuer: IssuerIndex::FIRST,
                    identity: &identity,
                    tokens: &tokens,
                    policies: policies.verdicts(identity.as_ref()),
                    sid: "0b1e6c1e-7a55-4a0e-9d0a-2f1f7a3f6f10",
                    address: None,
                },
                &HeaderMap::new(),
                &origin,
                now,
            )
            .now_or_never()
            .unwrap()
            .unwrap();
        let pairs: Vec<&str> =
            cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect();
        let mut headers: HeaderMap = BROWSER
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let cookie = format!(
            "theme=dark; lang=en; {}; _ga=GA1.2.1234567890.1234567890; consent=yes",
            pairs.join("; ")
        );
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        let rules = Rules {
            owned: OwnedHeaders::new(names(), authorization),
            policies,
            public_paths: PublicPaths::default(),
            headlamp: None,
            origins,
            sign_in: SignInBy::Start,
            allow_cross_origin_writes: false,
        };
        let cookie = pairs[0].split_once('=').unwrap().1.to_owned();
        let sessions: Arc<dyn Sessions> = Arc::new(store);
        let snapshot = Snapshot { rules, claims: claims(), background_paths: PublicPaths::default() };
        let snapshot = CurrentSnapshot::new(snapshot);
        let refresh = Arc::new(Refresh {
            provider,
            sessions: Arc::clone(&sessions),
            clock: Arc::new(SystemClock),
            snapshot: snapshot.clone(),
            audit,
            settings: RefreshSettings { provider_bears_reuse: false, timeout: Duration::from_secs(5) },
            exchanges: Exchanges::default(),
        });
        let clock = Arc::new(SystemClock);
        Self { check: Check { snapshot, sessions, markers, clock, refresh }, headers, cookie }
    }

    /// Runs a whole check, which must not wait. It reads Traefik's fields, opens the session, evaluates the rules and
    /// builds the header edits.
    pub(crate) fn check(&self) -> Decision {
        let headers = &self.headers;
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
        let checked = self.check.check(&snapshot, &request, TRAEFIK.dialect.caller, |_| ()).now_or_never();
        checked.unwrap().decision
    }
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
