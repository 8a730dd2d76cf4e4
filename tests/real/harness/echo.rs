//! Application that records the requests it receives

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64_simd::URL_SAFE_NO_PAD;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One received request. It has each header line in order, with the name in lower case; duplicates are kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl ReceivedRequest {
    /// Returns the value of every line with this name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the value of the only line with this name. Panics if there is not exactly one.
    pub(crate) fn value(&self, name: &str) -> &str {
        match self.values(name).as_slice() {
            [value] => value,
            other => panic!("expected one line {name}, found {other:?} in {self:#?}"),
        }
    }

    /// Returns the `kid` of the ID token in the request.
    pub(crate) fn signing_key_id(&self) -> String {
        let header = self.value("x-forwarded-id-token").split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(header).unwrap()).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    }

    fn new(head: &Parts, body: &[u8]) -> Self {
        let value = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: head.headers.iter().map(|(name, line)| (name.to_string(), value(line))).collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }
}

/// A path whose requests are answered but not recorded, because minutes of polling would fill the memory.
pub(crate) const POLL_PATH: &str = "/api/poll";

/// The maximum size of a body that is recorded.
const MAX_BODY_BYTES: usize = 64 * 1024;

type Record = Arc<Mutex<Vec<ReceivedRequest>>>;

/// The application. It answers each request with its content, echoes messages on `/ws`, and records each request
/// except those to [`POLL_PATH`].
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

    /// Returns all recorded requests.
    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.record.lock().unwrap().clone()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(record): State<Record>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let received = ReceivedRequest::new(&parts, &body);
    // Polling scripts check their own responses.
    if !received.target.starts_with(POLL_PATH) {
        record.lock().unwrap().push(received.clone());
    }
    if parts.uri.path() == "/ws" {
        return match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => upgrade.on_upgrade(echo_messages),
            Err(rejection) => rejection.into_response(),
        };
    }
    let json = serde_json::to_string_pretty(&received).unwrap();
    let wanted = parts.headers.get(ACCEPT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if wanted.is_some_and(|accept| accept.contains("text/html")) {
        return ([(CONTENT_TYPE, "text/html; charset=utf-8")], page(&json)).into_response();
    }
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

async fn echo_messages(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        // `recv` sends the response to a close frame.
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
