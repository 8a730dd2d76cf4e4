//! Tests of the reverse proxy between a client and an application at byte level

use std::collections::BTreeMap;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::upstream::{Limits, Upstream};
use crate::access::credential::{Credential, SessionCredential};
use crate::access::decision::{Decision, Grant, Rules, SignInBy, decide};
use crate::access::headers::{IdentityHeaderNames, OwnedHeaders};
use crate::access::identity::IdentityRef;
use crate::access::origin::{Origin, Origins};
use crate::access::policy::{Policies, Policy};
use crate::access::public_paths::PublicPaths;
use crate::access::query_conditions::NO_CONDITIONS;
use crate::access::request::AccessRequest;
use crate::access::target::Target;
use crate::access::token::TokenText;
use crate::trust::tls_config;

mod failures;
mod fields;
mod sockets;
mod streams;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const BRIEF: Duration = Duration::from_millis(200);
/// Shorter than the close timeout of a tunnel, so that a test fails if a close is not forwarded.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

fn owned() -> OwnedHeaders {
    let names = IdentityHeaderNames {
        user: HeaderName::from_static("x-forwarded-user"),
        group: HeaderName::from_static("x-forwarded-group"),
        email: HeaderName::from_static("x-forwarded-email"),
        id_token: HeaderName::from_static("x-forwarded-id-token"),
    };
    OwnedHeaders::new(names, false)
}

/// Replaces the cookie rule of the session module.
fn remove_own_cookies(headers: &mut HeaderMap) {
    headers.remove("x-kept-out");
}

fn origin() -> Origin {
    Origin::parse("https://app.test").unwrap()
}

/// Returns the grant of `decide` for alice, independent of the request under test.
fn grant() -> Grant {
    let everyone = Policy::new(vec![], vec![], vec![]);
    let rules = Rules {
        owned: owned(),
        policies: Policies::new(BTreeMap::from([("open".to_owned(), everyone)])),
        public_paths: PublicPaths::default(),
        headlamp: None,
        origins: Origins::new(vec![origin()]),
        sign_in: SignInBy::Start,
        allow_cross_origin_writes: false,
    };
    let user = IdentityRef { subject: "1", user: "alice", email: "alice@app.test", groups: "dev" };
    let session = SessionCredential { user, id_token: TokenText::Whole("h.p.s"), policies: None };
    let request = AccessRequest {
        origin: &origin(),
        target: Target::parse(b"/").unwrap(),
        method: &Method::GET,
        headers: &HeaderMap::new(),
        policy: "open",
        conditions: &NO_CONDITIONS,
        foreign_fields_are_removed: true,
        client_is_hidden: false,
        credential: Credential::Session(session),
    };
    match decide(&rules, &request, b"theme=dark".to_vec()) {
        Decision::Allow(grant) => grant,
        other => panic!("{other:?}"),
    }
}

/// Ends the session of a stage.
type SessionEnd = watch::Sender<bool>;

/// The proxy on its own listener, and the listener of the application behind it.
struct Stage {
    proxy: SocketAddr,
    application: TcpListener,
}

impl Stage {
    async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    async fn with_limits(limits: Limits) -> Self {
        let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = proxy_to(application.local_addr().unwrap(), limits).await;
        Self { proxy, application }
    }

    /// Returns a stage whose session the sender ends.
    async fn with_session_end() -> (Self, SessionEnd) {
        let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (end, session_end) = watch::channel(false);
        let address = application.local_addr().unwrap();
        let proxy = proxy_until(address, Limits::default(), session_end).await;
        (Self { proxy, application }, end)
    }

    async fn client(&self, request: &str) -> Wire {
        let mut wire = Wire(TcpStream::connect(self.proxy).await.unwrap());
        wire.send(request).await;
        wire
    }

    /// Accepts the next connection that the proxy opens to the application.
    async fn accept(&self) -> Wire {
        let (stream, _) =
            tokio::time::timeout(READ_TIMEOUT, self.application.accept()).await.unwrap().unwrap();
        Wire(stream)
    }

    /// Runs one exchange. Returns the head that the application read and everything that the client read.
    async fn exchange(&self, request: &str, reply: &str) -> (String, String) {
        let mut client = self.client(request).await;
        let mut application = self.accept().await;
        let head = application.read_until("\r\n\r\n").await;
        application.send(reply).await;
        drop(application);
        (head, client.read_all().await)
    }
}

async fn proxy_to(application: SocketAddr, limits: Limits) -> SocketAddr {
    // Its sender is gone, so the session never ends.
    let (_, session_end) = watch::channel(false);
    proxy_until(application, limits, session_end).await
}

/// Starts a proxy whose sessions end when `session_end` becomes true.
async fn proxy_until(
    application: SocketAddr,
    limits: Limits,
    session_end: watch::Receiver<bool>,
) -> SocketAddr {
    let url = Url::parse(&format!("http://{application}")).unwrap();
    let upstream =
        Upstream::with_limits(&url, tls_config(None).unwrap(), owned(), remove_own_cookies, limits);
    let upstream = Arc::new(upstream.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let upstream = Arc::clone(&upstream);
            let session_end = session_end.clone();
            let answer =
                service_fn(move |request| serve(Arc::clone(&upstream), request, session_end.clone()));
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), answer).with_upgrades());
        }
    });
    address
}

/// Replaces the `edge` module: returns an error to the client by its name.
async fn serve(
    upstream: Arc<Upstream>,
    request: Request<Incoming>,
    mut session_end: watch::Receiver<bool>,
) -> hyper::Result<Response<Body>> {
    let wait = || {
        let ended = async move {
            if session_end.wait_for(|ended| *ended).await.is_err() {
                pending::<()>().await;
            }
        };
        ended.boxed()
    };
    let answer = upstream.forward(grant(), request.map(Body::new), &origin(), CLIENT, wait).await;
    Ok(answer.unwrap_or_else(|error| {
        Response::builder().status(599).body(Body::from(format!("{error:?}"))).unwrap()
    }))
}

/// One end of a connection. Each read has a timeout.
struct Wire(TcpStream);

impl Wire {
    async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.0.write_all(text.as_ref()).await.unwrap();
    }

    async fn read_until(&mut self, end: &str) -> String {
        let mut received = Vec::new();
        while !received.ends_with(end.as_bytes()) {
            let byte = tokio::time::timeout(READ_TIMEOUT, self.0.read_u8()).await;
            let so_far = String::from_utf8_lossy(&received);
            received.push(byte.unwrap_or_else(|_| panic!("{so_far}")).unwrap_or_else(|_| panic!("{so_far}")));
        }
        String::from_utf8(received).unwrap()
    }

    /// Reads until the connection ends, with or without an error.
    async fn read_all(&mut self) -> String {
        let mut received = Vec::new();
        let ended = tokio::time::timeout(READ_TIMEOUT, self.0.read_to_end(&mut received)).await;
        let _reset = ended.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&received)));
        String::from_utf8(received).unwrap()
    }
}
