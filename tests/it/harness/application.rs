//! What does the application behind the gateway receive?

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::response::AppendHeaders;
use axum::routing::get;
use http::HeaderMap;
use tokio::net::TcpListener;

/// An application that answers with its path and remembers what it was sent.
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

type Received = State<Arc<Mutex<Vec<(String, HeaderMap)>>>>;

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let received = Arc::default();
        let routes = Router::new()
            .route("/ws", get(echo))
            .route("/cookies", get(cookies))
            .route("/kept", get(kept))
            .fallback(remember)
            .with_state(Arc::clone(&received));
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, received }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything so far: target and header fields.
    pub(crate) fn received(&self) -> Vec<(String, HeaderMap)> {
        self.received.lock().unwrap().clone()
    }
}

async fn remember(State(received): Received, request: Request) -> String {
    let target = request.uri().to_string();
    received.lock().unwrap().push((target.clone(), request.headers().clone()));
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    format!("{target} with {} bytes", body.len())
}

/// Two cookies, one under the name of the gateway's own.
async fn cookies() -> AppendHeaders<[(&'static str, &'static str); 2]> {
    AppendHeaders([("set-cookie", "foregate=stolen; Path=/"), ("set-cookie", "theme=dark")])
}

/// What caches may keep for everybody.
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
