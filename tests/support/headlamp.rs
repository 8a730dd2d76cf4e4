//! A double of Headlamp 0.45 with `-proxy-auth`, and of the API server behind it
//!
//! Headlamp cannot be installed from a package registry. Each rule imitates what was measured on the real program; the
//! name in brackets is that of the measurement.
//!
//! 1. `/clusters/{c}/…` takes the token from `X-Forwarded-Id-Token`, else from its cookie, else from `Authorization`
//!    \[M3a, table\]. That field never goes on.
//! 2. Its reverse proxy drops the fields that `Connection` names \[M3a, `Connection: close, Authorization`\].
//! 3. `/clusters/{c}/me` answers with `X-Forwarded-User`, else with the user of `Authorization`, else 401 \[M3a, `/me`\].
//! 4. Helm and `/drain-node` read `Authorization`, else the cookie. The service proxy reads the cookie, else
//!    `Authorization` \[A2, M3b\]. `/drain-node` says that it began even if it has no token \[M3b\].
//! 5. `portforward` and `/wsMultiplexer` read only the cookie \[M3b\].
//! 6. The cookie is `headlamp-auth-<cluster>.N`, in pieces \[A4\]. POST `set-token` with `null` or the empty text removes
//!    it, and with a token sets it, in pieces of 3800 bytes \[M3b, set-token\].
//! 7. On a loopback address, it accepts only a loopback `Host`, without a port or with its own \[M3a, loopback trap\].
//! 8. The API server answers 401 to an expired token \[B4, "401 vs 403 seen by Headlamp"\].
//! 9. The page checks `X-Reload` of each response before the status, and then reloads itself. A poll that fails shows
//!    "Lost connection to the cluster" \[M4\].

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Request, WebSocketUpgrade};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const CHUNK_BYTES: usize = 3800;

/// A running double.
pub(crate) struct Headlamp {
    pub(crate) address: SocketAddr,
    requests: Requests,
}

/// What reached the double: target and header fields.
type Requests = Arc<Mutex<Vec<(String, HeaderMap)>>>;

impl Headlamp {
    /// Starts a Headlamp on a loopback address.
    pub(crate) async fn start() -> Self {
        Self::serve(true).await
    }

    /// Starts a Headlamp as it behaves on the address of a pod, without rule 7.
    pub(crate) async fn in_a_pod() -> Self {
        Self::serve(false).await
    }

    async fn serve(checks_host: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Requests::default();
        let recorded = Arc::clone(&requests);
        let routes = Router::new()
            .route("/config", get(config))
            .route("/clusters/{cluster}/me", get(me))
            .route("/clusters/{cluster}/set-token", post(set_token))
            .route("/clusters/{cluster}/portforward", post(by_cookie))
            .route("/clusters/{cluster}/helm/{*rest}", any(by_authorization))
            .route("/clusters/{cluster}/serviceproxy/{namespace}/{name}", any(by_cookie_or_authorization))
            .route("/clusters/{cluster}/{*api}", any(cluster_request))
            .route("/wsMultiplexer", any(multiplexer))
            .route("/drain-node", post(drain))
            .route("/externalproxy", any(async || "sent"))
            .fallback(async || Html(PAGE))
            .layer(middleware::from_fn(move |request: Request, next: middleware::Next| {
                let recorded = Arc::clone(&recorded);
                async move {
                    let target = request.uri().to_string();
                    recorded.lock().unwrap().push((target, request.headers().clone()));
                    if !checks_host || accepts_host(request.headers(), address) {
                        next.run(request).await
                    } else {
                        (StatusCode::FORBIDDEN, "invalid Host header").into_response()
                    }
                }
            }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns target and header fields of all requests so far.
    pub(crate) fn received(&self) -> Vec<(String, HeaderMap)> {
        self.requests.lock().unwrap().clone()
    }
}

/// Rule 7.
fn accepts_host(headers: &HeaderMap, address: SocketAddr) -> bool {
    let host = text(headers, &header::HOST);
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    ["localhost", "127.0.0.1"].contains(&name) && (port.is_empty() || port == address.port().to_string())
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    text(headers, &header::AUTHORIZATION).strip_prefix("Bearer ").map(str::to_owned)
}

/// Rule 6.
fn cookie(headers: &HeaderMap, cluster: &str) -> Option<String> {
    let mut token = String::new();
    for number in 0.. {
        let name = format!("headlamp-auth-{cluster}.{number}");
        let pairs = text(headers, &header::COOKIE).split(';').filter_map(|pair| pair.trim().split_once('='));
        let Some((_, piece)) = pairs.into_iter().find(|(found, _)| *found == name) else { break };
        token += piece;
    }
    (!token.is_empty()).then_some(token)
}

/// The API server: returns the user of the token, or 401. Rule 8.
#[expect(clippy::disallowed_methods, reason = "a double is no part of the gateway")]
fn whoami(token: Option<&str>) -> Response {
    let unauthorized = || {
        let status = json!({ "kind": "Status", "message": "Unauthorized", "code": 401 });
        (StatusCode::UNAUTHORIZED, Json(status)).into_response()
    };
    let claims = token
        .and_then(|token| token.split('.').nth(1))
        .and_then(|part| URL_SAFE_NO_PAD.decode_to_vec(part).ok());
    let Some(claims) = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok()) else {
        return unauthorized();
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    if claims["exp"].as_u64().is_none_or(|expires_at| expires_at <= now) {
        return unauthorized();
    }
    Json(json!({ "user": claims["preferred_username"] })).into_response()
}

/// Rules 1 and 2.
async fn cluster_request(
    Path((cluster, _)): Path<(String, String)>,
    mut headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let injected = text(&headers, &HeaderName::from_static("x-forwarded-id-token")).trim().to_owned();
    let token = Some(injected).filter(|token| !token.is_empty()).or_else(|| cookie(&headers, &cluster));
    if let Some(token) = token {
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    let named = text(&headers, &header::CONNECTION).to_owned();
    for name in named.split(',').map(str::trim).filter(|name| !name.eq_ignore_ascii_case("upgrade")) {
        headers.remove(name);
    }
    let answer = whoami(bearer(&headers).as_deref());
    match upgrade {
        Ok(upgrade) if answer.status() == StatusCode::OK => {
            // The terminal answers each line with itself.
            upgrade.on_upgrade(async |mut socket| {
                while let Some(Ok(message)) = socket.recv().await {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            })
        }
        _ => answer,
    }
}

/// Rule 3.
async fn me(Path(cluster): Path<String>, headers: HeaderMap) -> Response {
    let user = text(&headers, &HeaderName::from_static("x-forwarded-user"));
    if user.is_empty() {
        return whoami(bearer(&headers).or_else(|| cookie(&headers, &cluster)).as_deref());
    }
    let groups: Vec<&str> = text(&headers, &HeaderName::from_static("x-forwarded-group"))
        .split(',')
        .map(str::trim)
        .filter(|group| !group.is_empty())
        .collect();
    Json(json!({ "user": user, "groups": groups })).into_response()
}

async fn by_authorization(Path((cluster, _)): Path<(String, String)>, headers: HeaderMap) -> Response {
    whoami(bearer(&headers).or_else(|| cookie(&headers, &cluster)).as_deref())
}

async fn by_cookie_or_authorization(
    Path((cluster, ..)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    whoami(cookie(&headers, &cluster).or_else(|| bearer(&headers)).as_deref())
}

/// Rule 5.
async fn by_cookie(Path(cluster): Path<String>, headers: HeaderMap) -> Response {
    whoami(cookie(&headers, &cluster).as_deref())
}

/// Rule 5. The client names the cluster in a message; the double, in the query.
async fn multiplexer(request: Request) -> Response {
    let cluster = request.uri().query().unwrap_or_default().to_owned();
    whoami(cookie(request.headers(), &cluster).as_deref())
}

/// Rule 4.
async fn drain(headers: HeaderMap) -> Response {
    let user = whoami(bearer(&headers).as_deref());
    if user.status() == StatusCode::OK { user } else { Json(json!({ "user": null })).into_response() }
}

/// Rule 6.
async fn set_token(Path(cluster): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut answer = StatusCode::OK.into_response();
    let mut set = |number: usize, piece: &str, seconds: u32| {
        let value = format!(
            "headlamp-auth-{cluster}.{number}={piece}; Path=/clusters/{cluster}; Max-Age={seconds}; HttpOnly; \
             SameSite=Strict"
        );
        answer.headers_mut().append(header::SET_COOKIE, value.parse().unwrap());
    };
    match body["token"].as_str().unwrap_or_default() {
        "" => {
            let pieces = cookie(&headers, &cluster).map_or(0, |token| token.len().div_ceil(CHUNK_BYTES));
            (0..pieces).for_each(|number| set(number, "", 0));
        }
        token => {
            let pieces = token.as_bytes().chunks(CHUNK_BYTES).enumerate();
            pieces.for_each(|(number, piece)| set(number, str::from_utf8(piece).unwrap(), 86400));
        }
    }
    answer
}

async fn config() -> Json<Value> {
    Json(json!({ "clusters": [{ "name": "main" }, { "name": "north" }] }))
}

/// Rule 9. Polls every 300 ms instead of 5 s, and with `still` in the query never.
const PAGE: &str = r"<!doctype html><title>Headlamp</title><p id=banner></p><p id=user></p>
<button id=logout>Log out</button>
<script>
const cluster = location.pathname.match(/\/c\/([^/]+)/)?.[1] ?? 'main';
async function ask(path, options) {
  const response = await fetch(path, options);
  if ((response.headers.get('X-Reload') || '').includes('reload')) { location.reload(); }
  return response;
}
async function poll() {
  let healthy = false;
  try { healthy = (await ask(`/clusters/${cluster}/healthz`)).ok; } catch {}
  document.getElementById('banner').textContent = healthy ? '' : 'Lost connection to the cluster.';
  setTimeout(poll, 300);
}
async function showUser() {
  const response = await ask(`/clusters/${cluster}/me`);
  if (response.ok) { document.getElementById('user').textContent = (await response.json()).user; }
}
document.getElementById('logout').onclick = () => ask(`/clusters/${cluster}/set-token`, {
  method: 'POST',
  headers: { 'Accept': 'application/json', 'Content-Type': 'application/json' },
  body: JSON.stringify({ token: null }),
});
if (!location.search.includes('still')) poll();
showUser();
</script>";
