//! What reached the application behind the gateway?

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One request, each header line as it came: names in lower case, doubles kept, in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Seen {
    /// Every value of the lines of that name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of the one line of that name.
    pub(crate) fn one(&self, name: &str) -> &str {
        match self.all(name).as_slice() {
            [value] => value,
            other => panic!("{name} should be one line and is {other:?} in {self:#?}"),
        }
    }

    /// Who signed the token that the application got: its `kid`.
    pub(crate) fn signer(&self) -> String {
        let header = self.one("x-forwarded-id-token").split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(header).unwrap()).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    }

    fn of(request: &Request) -> Self {
        let value = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            method: request.method().to_string(),
            target: request.uri().to_string(),
            headers: request.headers().iter().map(|(name, line)| (name.to_string(), value(line))).collect(),
        }
    }
}

/// Answered and not remembered: minutes of it would fill the memory.
pub(crate) const POLLED: &str = "/api/poll";

type Record = Arc<Mutex<Vec<Seen>>>;

/// The application: answers every path with what it received, echoes on `/ws`, and remembers all but [`POLLED`].
pub(crate) struct Echo {
    address: SocketAddr,
    record: Record,
    server: JoinHandle<()>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let record = Record::default();
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&record));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, record, server }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.record.lock().unwrap().clone()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(record): State<Record>, request: Request) -> Response {
    let seen = Seen::of(&request);
    // What asks all the time looks at its own answers.
    if !seen.target.starts_with(POLLED) {
        record.lock().unwrap().push(seen.clone());
    }
    let (mut parts, _) = request.into_parts();
    if parts.uri.path() == "/ws" {
        return match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => upgrade.on_upgrade(repeat),
            Err(refusal) => refusal.into_response(),
        };
    }
    let json = serde_json::to_string_pretty(&seen).unwrap();
    let wanted = parts.headers.get(ACCEPT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if wanted.is_some_and(|accept| accept.contains("text/html")) {
        return ([(CONTENT_TYPE, "text/html; charset=utf-8")], page(&json)).into_response();
    }
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

async fn repeat(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        // The answer to a close frame goes out by itself when the next message is awaited.
        if matches!(message, Message::Close(_)) {
            continue;
        }
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

fn page(json: &str) -> String {
    let text = json.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<!doctype html><title>The application</title><pre id=\"echo\">{text}</pre>")
}
