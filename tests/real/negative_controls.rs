//! Could the other tests fail at all? What they assert must be visible where no gateway prevents it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use tokio::net::TcpListener;

use crate::harness::{
    Aliases, Authority, Backends, Caller, Chromium, Echo, FrontProxy, Program, Scratch, free_addresses,
};

/// Traefik as documented, with a check in place of the gateway that lets everybody pass and takes no care.
struct Ground {
    echo: Echo,
    _traefik: FrontProxy,
    authority: Authority,
    address: SocketAddr,
    scratch: Scratch,
}

impl Ground {
    async fn open(aliases: Aliases) -> Self {
        let scratch = Scratch::new();
        let [address] = free_addresses();
        let authority = Authority::new("app.localhost");
        let echo = Echo::start().await;
        let check = careless_check().await;
        let backends = Backends { app: echo.address(), public: check, check };
        let traefik = FrontProxy::start(address, aliases, &backends, &authority, &scratch).await;
        Self { echo, _traefik: traefik, authority, address, scratch }
    }

    fn origin(&self) -> String {
        format!("https://app.localhost:{}", self.address.port())
    }
}

/// Gives the client's cookies back and names nobody.
async fn careless_check() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().fallback(give_back);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

async fn give_back(headers: HeaderMap) -> HeaderMap {
    headers
        .into_iter()
        .filter(|(name, _)| *name == Some(COOKIE))
        .filter_map(|(name, value)| Some((name?, value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_careful_gateway_a_cookie_and_an_alias_arrive() {
    let ground = Ground::open(Aliases::LeftToTheGateway).await;
    let caller = Caller::new(&ground.origin(), ground.address, &ground.authority);

    caller.get("/", &[("X_Forwarded_User", "evil"), ("Cookie", "__Host-foregate=secret")]).await;

    let seen = ground.echo.seen();
    assert_eq!(seen[0].one("x_forwarded_user"), "evil");
    assert_eq!(seen[0].one("cookie"), "__Host-foregate=secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_traefik_removes_spoofed_names_and_refuses_aliases_by_itself() {
    let ground = Ground::open(Aliases::Documented).await;
    let caller = Caller::new(&ground.origin(), ground.address, &ground.authority);

    let alias = caller.get("/", &[("X_Forwarded_User", "evil")]).await;
    caller.get("/", &[("X-Forwarded-User", "evil"), ("Impersonate-Extra-Any", "evil")]).await;

    let seen = ground.echo.seen();
    assert_eq!(alias.status, 400);
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].headers.iter().any(|(_, value)| value == "evil"), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_believes_the_pinned_certificate_and_no_other() {
    let ground = Ground::open(Aliases::Documented).await;
    let other = Authority::new("app.localhost");

    let trusting = Chromium::start(Some(ground.authority.pin()), &ground.scratch).await;
    trusting.open(&ground.origin()).await;
    assert!(trusting.has("#echo").await);
    drop(trusting);

    let wary = Chromium::start(Some(other.pin()), &ground.scratch).await;
    wary.open(&ground.origin()).await;
    let warning = wary.driver().source().await.unwrap();
    assert!(warning.contains("ERR_CERT_AUTHORITY_INVALID"), "{warning}");
    assert_eq!(ground.echo.seen().iter().filter(|seen| seen.target == "/").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_program_goes_with_its_children_when_its_leash_is_let_go() {
    let scratch = Scratch::new();
    let arguments = ["-c", "sleep 600 & echo child $!; wait"].map(str::to_owned);
    let mut program = Program::start_leashed("parent", Path::new("sh"), &arguments, &scratch);
    let named = |line: &str| line.strip_prefix("child ").map(str::to_owned);
    let child = program.says("it names its child", named).await;
    // Empty once it has ended, also while nobody has collected it.
    let line = || std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
    assert!(!line().is_empty());

    drop(program);

    // The signal has been sent to all of them; each may take a moment to go.
    for _ in 0..100 {
        if line().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the child lives on");
}
