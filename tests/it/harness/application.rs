//! The application behind the gateway

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::response::AppendHeaders;
use axum::routing::get;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// An application that answers with the path, and records what it receives.
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    /// Each answer to `/open/held` takes one permit.
    releases: Arc<Semaphore>,
}

type Received = State<Arc<Mutex<Vec<(String, HeaderMap)>>>>;

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let received = Arc::default();
        let releases = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&releases);
        let routes = Router::new()
            .route("/ws", get(echo))
            .route("/cookies", get(cookies))
            .route("/kept", get(kept))
            .route("/open/held", get(async move |state: Received, request| hold(&held, state, request).await))
            .fallback(record)
            .with_state(Arc::clone(&received));
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, received, releases }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Releases the answer to one request for `/open/held`.
    pub(crate) fn release(&self) {
        self.releases.add_permits(1);
    }

    /// Returns target and header fields of all requests so far.
    pub(crate) fn received(&self) -> Vec<(String, HeaderMap)> {
        self.received.lock().unwrap().clone()
    }
}

async fn record(State(received): Received, request: Request) -> String {
    let target = request.uri().to_string();
    received.lock().unwrap().push((target.clone(), request.headers().clone()));
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    format!("{target} with {} bytes", body.len())
}

/// Answers after [`Application::release`].
async fn hold(releases: &Semaphore, state: Received, request: Request) -> String {
    let answer = record(state, request).await;
    releases.acquire().await.unwrap().forget();
    answer
}

/// Sets two cookies. One has the name of the gateway's session cookie.
async fn cookies() -> AppendHeaders<[(&'static str, &'static str); 2]> {
    AppendHeaders([("set-cookie", "foregate=stolen; Path=/"), ("set-cookie", "theme=dark")])
}

/// Returns a response that shared caches may store.
async fn kept() -> AppendHeaders<[(&'static str, &'static str); 2]> {
    AppendHeaders([("cache-control", "no-transform"), ("cache-control", "max-age=60, S-MaxAge=600")])
}

async fn echo(
    State(received): Received,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    received.lock().unwrap().push(("/ws".to_owned(), headers));
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(Message::Text(text))) = socket.recv().await {
            if socket.send(Message::Text(text)).await.is_err() {
                return;
            }
        }
    })
}
