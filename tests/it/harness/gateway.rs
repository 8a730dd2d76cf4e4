//! A gateway in the process of the test, and the checks of a proxy

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foregate::config::{self, Sources};
use foregate::server::{self, Drain, Listener, Purpose, System};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Browser, Issuer, Provider, TestClock, until};

pub(crate) struct Gateway {
    pub(crate) public: SocketAddr,
    pub(crate) check: SocketAddr,
    pub(crate) check_grpc: SocketAddr,
    pub(crate) ops: SocketAddr,
    clock: TestClock,
    /// The dialect of its checks.
    dialect: &'static str,
    stop: Option<oneshot::Sender<Drain>>,
    serving: JoinHandle<()>,
}

/// An answer of the check endpoint, or of another endpoint.
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl HttpReply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| std::str::from_utf8(value.as_bytes()).unwrap())
    }
}

pub(crate) const KEY: &str = "mLr1sWZ3m8CTLVJTVvKvdfAwLVqOtPLZWaDdkBHLtcE";

impl Gateway {
    pub(crate) async fn start(provider: &Provider) -> Self {
        Self::with(provider, &[]).await
    }

    /// Starts a gateway with these settings over the usual ones.
    ///
    /// Waits until the first attempt to load the provider has ended.
    pub(crate) async fn with(issuer: impl Into<Issuer<'_>>, more: &[(&str, &str)]) -> Self {
        let Issuer { text, clock } = issuer.into();
        let usual = [
            ("provider.issuer", text),
            ("provider.client_id", "foregate"),
            ("provider.client_secret", "foregate-secret"),
            ("session.keys", KEY),
        ];
        Self::of(clock, None, &[&usual, more].concat()).await
    }

    /// Starts a gateway with a file, and with settings over it. The test always chooses the listen addresses.
    ///
    /// `PORT` in a value is replaced by the port of the public listener, and `(unset)` removes a setting.
    pub(crate) async fn of(clock: TestClock, file: Option<PathBuf>, more: &[(&str, &str)]) -> Self {
        let mut sockets = Vec::new();
        for _ in 0..4 {
            sockets.push(bind_free_port().await);
        }
        let gateway = Self::on(sockets.try_into().unwrap(), clock, file, more);
        gateway.wait_for_provider().await;
        gateway
    }

    /// Stops this gateway, and starts another one at the same addresses.
    pub(crate) async fn restart(self, more: &[(&str, &str)]) -> Self {
        self.restart_after(more, async {}).await
    }

    /// Stops this gateway, waits for `work`, and starts another one at the same addresses.
    pub(crate) async fn restart_after(self, more: &[(&str, &str)], work: impl Future<Output = ()>) -> Self {
        let gateway = self.restart_at_once(more, work).await;
        gateway.wait_for_provider().await;
        gateway
    }

    /// The same, without waiting until the provider is loaded.
    pub(crate) async fn restart_at_once(self, more: &[(&str, &str)], work: impl Future<Output = ()>) -> Self {
        let addresses = [self.public, self.check, self.check_grpc, self.ops];
        let clock = self.clock.clone();
        self.stop().await;
        work.await;
        let mut sockets = Vec::new();
        for address in addresses {
            sockets.push(TcpListener::bind(address).await.unwrap());
        }
        Self::on(sockets.try_into().unwrap(), clock, None, more)
    }

    fn on(sockets: [TcpListener; 4], clock: TestClock, file: Option<PathBuf>, more: &[(&str, &str)]) -> Self {
        let [public, check, check_grpc, ops] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
        let listeners =
            [Purpose::Public, Purpose::Check, Purpose::CheckGrpc, Purpose::Ops].into_iter().zip(sockets);
        let listeners = listeners.map(|(purpose, socket)| Listener { purpose, socket }).collect();
        let mut set = vec![
            ("public.urls".to_owned(), format!("http://{public}")),
            ("check.grpc_listen".to_owned(), check_grpc.to_string()),
        ];
        for (key, value) in more {
            set.retain(|(kept, _)| kept != key);
            set.push(((*key).to_owned(), value.replace("PORT", &public.port().to_string())));
        }
        set.retain(|(_, value)| value != "(unset)");
        let settings = config::load(&Sources { file, set, environment: Vec::new() });
        let mut settings = settings.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        // A test does not wait for the default of 30 seconds.
        settings.session.keys_file.iter_mut().for_each(|file| file.every = Duration::from_millis(20));
        let (stop, stopped) = oneshot::channel();
        let system = System { clock: Arc::new(clock.clone()), ..System::default() };
        let serving = tokio::spawn(async move {
            let stop = async { stopped.await.unwrap_or(Drain::PROMPT) };
            server::serve(settings, listeners, system, stop).await.unwrap();
        });
        Self { public, check, check_grpc, ops, clock, dialect: "traefik", stop: Some(stop), serving }
    }

    /// Waits until the first attempt to load the provider has ended, with or without success.
    async fn wait_for_provider(&self) {
        until("the provider is loaded, or cannot be", async || {
            let provider = self.readyz().await.1["provider"].clone();
            let detail = provider["detail"].as_str().unwrap_or_default();
            provider["state"] == "ready" || !detail.contains("not answered yet")
        })
        .await;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.public)
    }

    pub(crate) async fn readyz(&self) -> (u16, serde_json::Value) {
        let reply = super::browser::get(&format!("http://{}/readyz", self.ops)).await;
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    pub(crate) async fn ops(&self, path: &str) -> HttpReply {
        super::browser::get(&format!("http://{}{path}", self.ops)).await
    }

    /// Returns the gateway with checks in another dialect.
    pub(crate) fn in_dialect(self, dialect: &'static str) -> Self {
        Self { dialect, ..self }
    }

    /// Returns what a proxy with forwarded fields sends for a browser's navigation to `path` on the public host.
    pub(crate) fn question(&self, path: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        set("x-forwarded-method", "GET");
        set("x-forwarded-proto", "http");
        set("x-forwarded-host", &self.public.to_string());
        set("x-forwarded-uri", path);
        set("x-forwarded-for", "203.0.113.9");
        set("sec-fetch-mode", "navigate");
        set("sec-fetch-dest", "document");
        headers
    }

    pub(crate) async fn ask(&self, headers: HeaderMap) -> HttpReply {
        self.ask_at(&format!("/check/{}", self.dialect), headers).await
    }

    pub(crate) async fn ask_at(&self, path: &str, headers: HeaderMap) -> HttpReply {
        super::browser::get_with(&format!("http://{}{path}", self.check), headers).await
    }

    /// Returns a browser that has signed in. The password of each test user is its name.
    pub(crate) async fn signed_in_browser(&self, user: &str) -> Browser {
        let mut browser = Browser::new();
        let form = browser.open(&self.url("/oauth2/start")).await;
        browser.sign_in(&form, user, user).await;
        assert!(browser.cookie("foregate").is_some(), "{user} is not signed in");
        browser
    }

    /// Asks the check about a navigation with the cookies of a browser.
    pub(crate) async fn ask_as(&self, browser: &Browser, path: &str) -> HttpReply {
        let mut headers = self.question(path);
        headers.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
        self.ask(headers).await
    }

    pub(crate) async fn stop(mut self) {
        let _gone = self.stop.take().unwrap().send(Drain::PROMPT);
        self.serving.await.unwrap();
    }
}

async fn bind_free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}
