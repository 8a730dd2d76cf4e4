//! Properties that hold for any bytes from a client
//!
//! Each function takes bytes and panics if they violate the property. The fuzzer generates bytes, and a test replays
//! the corpus.

#[path = "id_token.rs"]
pub(crate) mod id_token;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use foregate::access::client::TrustedProxies;
use foregate::access::headers::{IdentityHeaderNames, OwnedHeaders};
use foregate::access::origin::{Origin, Origins};
use foregate::access::public_paths::{PublicPath, PublicPaths, PublicRule};
use foregate::access::quoted::quoted;
use foregate::access::return_to::ReturnTo;
use foregate::access::target::Target;
use foregate::edge::dialect::GrpcCall;
use foregate::edge::dialect::forwarded::forwarded;
use foregate::edge::head_size::{MAX_FIELDS, MAX_HEAD_BYTES};
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
use prost::Message;
use url::{Url, form_urlencoded};

/// A property, under the name of its corpus.
pub(crate) type Property = (&'static str, fn(&[u8]));

/// All properties.
pub(crate) const ALL: [Property; 9] = [
    ("session-contents", session_contents),
    ("sealed-value", sealed_value),
    ("cookies", cookies),
    ("return-url", return_url),
    ("target", target),
    ("headers", headers),
    ("callback-query", callback_query),
    ("grpc-check", grpc_check),
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

/// Bytes that are read as a session are written as the same bytes, and its token can be written.
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

/// A check over gRPC that can be read has a path, exactly one host, and a head within the limits.
pub(crate) fn grpc_check(bytes: &[u8]) {
    let Ok(call) = GrpcCall::decode(Bytes::copy_from_slice(bytes)) else { return };
    assert!(!call.path.is_empty());
    // The protocol's own types read the same request.
    if let Ok(message) = CheckRequest::decode(bytes) {
        let request = message.attributes.and_then(|context| context.request?.http).unwrap();
        let host = call.head.headers[header::HOST].to_str().ok();
        assert_eq!((call.path.as_str(), call.head.method.as_str()), (&*request.path, &*request.method));
        assert!(host.is_none_or(|host| host == request.host));
    }
    let fields = &call.head.headers;
    assert_eq!(fields.get_all(header::HOST).iter().count(), 1);
    // The host is an attribute, and does not count.
    assert!(fields.len() <= MAX_FIELDS + 1);
    let others = fields.iter().filter(|(name, _)| **name != header::HOST);
    assert!(others.map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() <= MAX_HEAD_BYTES);
    if let Ok(target) = Target::parse(call.path.as_bytes()) {
        assert!(target.as_bytes().starts_with(b"/"));
    }
}

/// A sealed value opens unchanged, and is rejected if one bit changed. The first two bytes select the bit.
pub(crate) fn sealed_value(bytes: &[u8]) {
    let binding = Binding::new(Purpose::Session, "name", "https://app.test", "https://idp.test", "foregate");
    let mut unsealed = bytes.to_vec();
    assert!(ring().open(&binding, 1, &mut unsealed).is_none(), "no value opens that our key did not seal");
    let [position, bit, plaintext @ ..] = bytes else { return };
    let sealed = ring().seal(&binding, 1, plaintext, &SystemEntropy).unwrap();
    assert_eq!(ring().open(&binding, 1, &mut sealed.clone()).as_deref(), Some(plaintext));
    let (mut changed, position) = (sealed, usize::from(*position));
    let position = position * 7919 % changed.len();
    changed[position] ^= 1 << (bit % 8);
    assert!(ring().open(&binding, 1, &mut changed).is_none());
}

/// No cookies are accepted as a session without our key, and none of our cookies is passed on.
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
    let OpenResult::Ready(opened) = store.open(&mut workspace, request) else { panic!("unexpected lookup") };
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

/// A browser resolves an accepted return URL to one of our origins, on any page. The accepted URL is accepted again.
pub(crate) fn return_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(accepted) = ReturnTo::parse(text, &origin(), &origins()) else { return };
    let other_page = Url::parse("https://elsewhere.test/x/y").unwrap();
    let url = other_page.join(accepted.as_str()).unwrap();
    assert_eq!(url.as_str(), accepted.as_str());
    let found = url.origin().ascii_serialization();
    assert!(matches!(&*found, "https://app.test" | "https://other.test:8443"), "{found}");
    assert!(!url.path().trim_start_matches('/').starts_with("oauth2/"), "{url}");
    assert_eq!(ReturnTo::parse(accepted.as_str(), &origin(), &origins()), Some(accepted));
}

/// A target is one line of ASCII. A public target is still public if an application decodes and normalizes it first.
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
    let once = percent_decode(target.path());
    let twice = percent_decode(&once);
    for path in [target.path(), &once, &twice] {
        let path = String::from_utf8_lossy(path).into_owned();
        let read = Url::parse("https://app.test").unwrap().join(&path.replace('?', "%3F")).unwrap();
        assert!(read.path().starts_with("/public/") || read.path() == "/favicon.ico", "{text}: {path}");
    }
}

fn percent_decode(path: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(path).replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect::<String>()
        .into_bytes()
}

/// After the guard and the strip, no field has one of our names, with any spelling that an application accepts. A field
/// of the proxy is accepted only if it came once.
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
        for field in ["method", "proto", "host", "uri", "for"] {
            assert_eq!(headers.get_all(format!("x-forwarded-{field}")).iter().count(), 1, "{headers:?}");
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

/// An accepted authentication response has no parameter twice. Its text in the log is one short line.
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
