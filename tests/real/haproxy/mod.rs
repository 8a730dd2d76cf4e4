//! The Lua action of HAProxy
//!
//! A check of the test replaces the gateway if the gateway never sends the reply.

mod checks;
mod sessions;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{
    Authority, Backends, Echo, HeaderRoom, Proxy, ProxyOptions, RunningProxy, Scratch, TestClient,
    free_addresses,
};

/// The documented HAProxy with an application, and a check that the test defines in place of the gateway.
struct WithoutGateway {
    echo: Echo,
    client: TestClient,
    host: String,
    _haproxy: RunningProxy,
    _scratch: Scratch,
}

impl WithoutGateway {
    async fn start(check: SocketAddr, header_room: HeaderRoom) -> Self {
        let (scratch, authority, echo) =
            (Scratch::new(), Authority::new("app.localhost"), Echo::start().await);
        let [address] = free_addresses();
        let backends = Backends { app: echo.address(), public: check, check, check_grpc: check };
        let options = ProxyOptions { header_room, ..ProxyOptions::from(Proxy::HAProxy) };
        let haproxy = RunningProxy::start(address, options, &backends, &authority, &scratch).await;
        let host = format!("app.localhost:{}", address.port());
        let client = TestClient::new(&format!("https://{host}"), address, &authority);
        Self { echo, client, host, _haproxy: haproxy, _scratch: scratch }
    }

    /// Starts HAProxy with a check that always has the same reply.
    async fn with_reply(reply: impl IntoResponse + Clone + Send + Sync + 'static) -> Self {
        Self::start(start_check(reply).await, HeaderRoom::Documented).await
    }
}

async fn start_check(reply: impl IntoResponse + Clone + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().fallback(async move || -> Response { reply.into_response() });
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

/// Starts a check that sends these bytes, and closes the connection.
async fn start_raw_check(reply: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Unread bytes would reset the connection.
            let _read = stream.read(&mut [0; 16 * 1024]).await;
            let _written = stream.write_all(reply.as_bytes()).await;
        }
    });
    address
}

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn cookies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect()
}
