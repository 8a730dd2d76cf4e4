//! Negative controls of the other tests
//!
//! The leaks that the other tests exclude must be visible if no gateway prevents them.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use tokio::net::TcpListener;

use crate::harness::{
    Aliases, Authority, Backends, Chromium, Echo, Program, RunningProxy, Scratch, TestClient, free_addresses,
};

/// The documented Traefik. In place of the gateway, it has a check that allows every request and removes nothing.
struct WithoutGateway {
    echo: Echo,
    _traefik: RunningProxy,
    authority: Authority,
    address: SocketAddr,
    scratch: Scratch,
}

impl WithoutGateway {
    async fn open(aliases: Aliases) -> Self {
        let scratch = Scratch::new();
        let [address] = free_addresses();
        let authority = Authority::new("app.localhost");
        let echo = Echo::start().await;
        let check = start_careless_check().await;
        let backends = Backends { app: echo.address(), public: check, check, check_grpc: check };
        let traefik = RunningProxy::start(address, aliases, &backends, &authority, &scratch).await;
        Self { echo, _traefik: traefik, authority, address, scratch }
    }

    fn origin(&self) -> String {
        format!("https://app.localhost:{}", self.address.port())
    }
}

/// Starts a check that returns the client's cookies and no identity.
async fn start_careless_check() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().fallback(return_cookies);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

async fn return_cookies(headers: HeaderMap) -> HeaderMap {
    headers
        .into_iter()
        .filter(|(name, _)| *name == Some(COOKIE))
        .filter_map(|(name, value)| Some((name?, value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_and_alias_reach_the_application_without_the_gateway() {
    let setup = WithoutGateway::open(Aliases::PassedToGateway).await;
    let client = TestClient::new(&setup.origin(), setup.address, &setup.authority);

    client.get("/", &[("X_Forwarded_User", "evil"), ("Cookie", "__Host-foregate=secret")]).await;

    let received = setup.echo.requests();
    assert_eq!(received[0].value("x_forwarded_user"), "evil");
    assert_eq!(received[0].value("cookie"), "__Host-foregate=secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_traefik_strips_spoofed_names_and_refuses_aliases() {
    let setup = WithoutGateway::open(Aliases::Documented).await;
    let client = TestClient::new(&setup.origin(), setup.address, &setup.authority);

    let alias = client.get("/", &[("X_Forwarded_User", "evil")]).await;
    client.get("/", &[("X-Forwarded-User", "evil"), ("Impersonate-Extra-Any", "evil")]).await;

    let received = setup.echo.requests();
    assert_eq!(alias.status, 400);
    assert_eq!(received.len(), 1);
    assert!(!received[0].headers.iter().any(|(_, value)| value == "evil"), "{received:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_accepts_only_the_pinned_certificate() {
    let setup = WithoutGateway::open(Aliases::Documented).await;
    let other = Authority::new("app.localhost");

    let trusting = Chromium::start(Some(setup.authority.pin()), &setup.scratch).await;
    trusting.open(&setup.origin()).await;
    assert!(trusting.has("#echo").await);
    drop(trusting);

    let distrusting = Chromium::start(Some(other.pin()), &setup.scratch).await;
    distrusting.open(&setup.origin()).await;
    let warning = distrusting.driver().source().await.unwrap();
    assert!(warning.contains("ERR_CERT_AUTHORITY_INVALID"), "{warning}");
    assert_eq!(setup.echo.requests().iter().filter(|received| received.target == "/").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn supervised_program_and_its_children_end_when_the_pipe_closes() {
    let scratch = Scratch::new();
    let arguments = ["-c", "sleep 600 & echo child $!; wait"].map(str::to_owned);
    let mut program = Program::start_supervised("parent", Path::new("sh"), &arguments, &scratch);
    let parse_child = |line: &str| line.strip_prefix("child ").map(str::to_owned);
    let child = program.wait_for_line("it printed its child", parse_child).await;
    // The file is empty after the process has ended, even before its parent collects it.
    let command_line = || std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
    assert!(!command_line().is_empty());

    drop(program);

    // Each process has received the signal, but may take a moment to end.
    for _ in 0..100 {
        if command_line().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the child is still running");
}
