//! What must hold for any bytes a stranger sends?
//!
//! Each function takes bytes and panics where a property is broken. The fuzzer makes bytes up; a plain test replays the
//! corpus.

#[path = "id_token.rs"]
pub(crate) mod id_token;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use foregate::access::client::TrustedProxies;
use foregate::access::headers::{IdentityHeaderNames, OwnedHeaders};
use foregate::access::origin::{Origin, Origins};
use foregate::access::public_paths::{PublicPath, PublicPaths, PublicRule};
use foregate::access::quoted::quoted;
use foregate::access::return_to::ReturnTo;
use foregate::access::target::Target;
use foregate::edge::dialect::forwarded::forwarded;
use foregate::flow::audit::Audit;
use foregate::flow::callback::AuthenticationResponse;
use foregate::flow::ports::{OpenResult, SessionRequest, SessionState, Sessions, UnixTime, Workspace};
use foregate::server::{SystemClock, SystemEntropy};
use foregate::session::codec::jwt::Parts;
use foregate::session::codec::layout::Contents;
use foregate::session::codec::seal::{Binding, KeyRing, Purpose};
use foregate::session::cookie::{Names, pairs};
use foregate::session::cookie_store::{CookieStore, Lifetimes, Room};
use foregate::telemetry::metrics::Metrics;
use foregate::telemetry::recorder::Recorder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::{Url, form_urlencoded};

/// A property, under the name of its corpus.
pub(crate) type Property = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ALL: [Property; 8] = [
    ("session-contents", session_contents),
    ("sealed-value", sealed_value),
    ("cookies", cookies),
    ("return-url", return_url),
    ("target", target),
    ("headers", headers),
    ("callback-query", callback_query),
    ("id-token", id_token::id_token),
];

fn origin() -> Origin {
    Origin::parse("https://app.test").unwrap()
}

fn origins() -> Origins {
    Origins::new(vec![origin(), Origin::parse("https://other.test:8443").unwrap()])
}

fn ring() -> Arc<KeyRing> {
    static RING: LazyLock<Arc<KeyRing>> = LazyLock::new(|| Arc::new(KeyRing::new([&[7; 32]]).unwrap()));
    Arc::clone(&RING)
}

/// What is read as a session is written as the same bytes, and its token can be told.
pub(crate) fn session_contents(bytes: &[u8]) {
    let Some(contents) = Contents::read(bytes) else { return };
    assert_eq!(contents.write().as_deref(), Some(bytes));
    let text = contents.id_token.text();
    let mut written = Vec::new();
    text.write(&mut written);
    assert_eq!(written.len(), text.len());
    if let Some(parts) = std::str::from_utf8(&written).ok().and_then(Parts::of) {
        let mut again = Vec::new();
        parts.packed().text().write(&mut again);
        assert_eq!(again, written);
    }
}

/// What was sealed opens as it was, and with one bit changed not at all. The first two bytes say which bit.
pub(crate) fn sealed_value(bytes: &[u8]) {
    let binding = Binding::new(Purpose::Session, "name", "https://app.test", "https://idp.test", "foregate");
    let mut as_it_came = bytes.to_vec();
    assert!(ring().open(&binding, 1, &mut as_it_came).is_none(), "nobody else can seal");
    let [place, bit, plaintext @ ..] = bytes else { return };
    let sealed = ring().seal(&binding, 1, plaintext, &SystemEntropy).unwrap();
    assert_eq!(ring().open(&binding, 1, &mut sealed.clone()).as_deref(), Some(plaintext));
    let (mut changed, place) = (sealed, usize::from(*place));
    let place = place * 7919 % changed.len();
    changed[place] ^= 1 << (bit % 8);
    assert!(ring().open(&binding, 1, &mut changed).is_none());
}

/// No cookies make a session without our key, and none of ours is handed on.
pub(crate) fn cookies(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        headers.append(header::COOKIE, line);
    }
    let clock = Arc::new(SystemClock);
    let audit: Arc<dyn Audit> = Arc::new(Recorder::new(Arc::new(Metrics::default()), clock));
    let session = Duration::from_mins(1);
    let lifetimes = Lifetimes { session, idle: None, require_fresh_id_token: false };
    let store = CookieStore::new(
        ring(),
        Arc::new(SystemEntropy),
        &origins(),
        ("https://idp.test", "foregate"),
        (lifetimes, Room { sessions: 100, per_user: 100 }),
        audit,
        UnixTime(1),
    );
    let store = store.unwrap();
    let mut workspace = Workspace::new();
    let app = origin();
    let request =
        SessionRequest { headers: &headers, origin: &app, now: UnixTime(1), active: true, found: None };
    let OpenResult::Ready(opened) = store.open(&mut workspace, request) else { panic!("it asks") };
    let others = opened.other_cookies;
    assert!(matches!(opened.state, SessionState::Absent(_)));
    let others =
        HeaderMap::from_iter(HeaderValue::from_bytes(&others).map(|others| (header::COOKIE, others)));
    let names = Names::of(&origin());
    for (name, _) in pairs(&others) {
        assert!(!names.parts().any(|part| part.as_bytes() == name), "{others:?}");
        let text = std::str::from_utf8(name).unwrap_or_default();
        assert!(names.login_tag(text).is_none(), "{others:?}");
    }
}

/// What is accepted is ours to a browser, wherever it stands, and is accepted as it is.
pub(crate) fn return_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(accepted) = ReturnTo::parse(text, &origin(), &origins()) else { return };
    let elsewhere = Url::parse("https://elsewhere.test/x/y").unwrap();
    let url = elsewhere.join(accepted.as_str()).unwrap();
    assert_eq!(url.as_str(), accepted.as_str());
    let place = url.origin().ascii_serialization();
    assert!(matches!(&*place, "https://app.test" | "https://other.test:8443"), "{place}");
    assert!(!url.path().trim_start_matches('/').starts_with("oauth2/"), "{url}");
    assert_eq!(ReturnTo::parse(accepted.as_str(), &origin(), &origins()), Some(accepted));
}

/// A target is one line of ASCII; what is public is so as well when somebody decodes and shortens it first.
pub(crate) fn target(bytes: &[u8]) {
    let Ok(target) = Target::parse(bytes) else { return };
    let text = target.to_ascii();
    assert!(text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    let rule = PublicRule {
        methods: vec![Method::GET],
        hosts: vec![],
        paths: vec![PublicPath::parse("/public/").unwrap(), PublicPath::parse("/favicon.ico").unwrap()],
    };
    if !PublicPaths::new(vec![rule]).matches(&Method::GET, &origin(), target) {
        return;
    }
    let once = decoded(target.path());
    let twice = decoded(&once);
    for path in [target.path(), &once, &twice] {
        let path = String::from_utf8_lossy(path).into_owned();
        let read = Url::parse("https://app.test").unwrap().join(&path.replace('?', "%3F")).unwrap();
        assert!(read.path().starts_with("/public/") || read.path() == "/favicon.ico", "{text}: {path}");
    }
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(path).replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect::<String>()
        .into_bytes()
}

/// Fields that pass the guard and were stripped hold no name of ours, however a server behind us spells names; and what
/// the proxy said is believed only where it said it once.
pub(crate) fn headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(100) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let Some((name, value)) = name.zip(value) {
            headers.append(name, value);
        }
    }
    if forwarded(&headers, &TrustedProxies::default()).is_ok() {
        for what in ["method", "proto", "host", "uri", "for"] {
            assert_eq!(headers.get_all(format!("x-forwarded-{what}")).iter().count(), 1, "{headers:?}");
        }
    }
    let owned = OwnedHeaders::new(identity_names(), true);
    if owned.guard(&headers).is_err() {
        return;
    }
    owned.strip(&mut headers);
    let ours = [
        "X_FORWARDED_USER",
        "X_FORWARDED_GROUP",
        "X_FORWARDED_EMAIL",
        "X_FORWARDED_ID_TOKEN",
        "COOKIE",
        "AUTHORIZATION",
    ];
    for name in headers.keys() {
        let fold = |byte: char| if byte.is_ascii_alphanumeric() { byte.to_ascii_uppercase() } else { '_' };
        let folded: String = name.as_str().chars().map(fold).collect();
        assert!(!ours.contains(&&*folded) && !folded.starts_with("IMPERSONATE_"), "{name}");
    }
}

fn identity_names() -> IdentityHeaderNames {
    IdentityHeaderNames {
        user: HeaderName::from_static("x-forwarded-user"),
        group: HeaderName::from_static("x-forwarded-group"),
        email: HeaderName::from_static("x-forwarded-email"),
        id_token: HeaderName::from_static("x-forwarded-id-token"),
    }
}

/// No parameter that matters came twice where an answer is read; what is told of it is one short line.
pub(crate) fn callback_query(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    let line = quoted(query);
    assert!(line.len() <= 800 && !line.contains(['\n', '\r', '\u{1b}', '\u{2028}', '\u{202e}']), "{line:?}");
    if AuthenticationResponse::parse(query).is_err() {
        return;
    }
    for wanted in ["code", "state", "iss", "error", "error_description", "session_state"] {
        let times = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted).count();
        assert!(times <= 1, "{wanted}: {query}");
    }
}
