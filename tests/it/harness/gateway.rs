//! A gateway in the process of the test, asked as a proxy asks it

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
    pub(crate) ops: SocketAddr,
    clock: TestClock,
    /// The dialect in which it is asked.
    dialect: &'static str,
    stop: Option<oneshot::Sender<Drain>>,
    serving: JoinHandle<()>,
}

/// What the check endpoint answered.
pub(crate) struct Asked {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| std::str::from_utf8(value.as_bytes()).unwrap())
    }
}

pub(crate) const KEY: &str = "mLr1sWZ3m8CTLVJTVvKvdfAwLVqOtPLZWaDdkBHLtcE";

impl Gateway {
    pub(crate) async fn start(provider: &Provider) -> Self {
        Self::with(provider, &[]).await
    }

    /// With further settings, over the usual ones; waits until the provider is loaded if it can be.
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

    /// With a file, and settings over it; only the addresses are always ours. `PORT` is that of the public listener.
    pub(crate) async fn of(clock: TestClock, file: Option<PathBuf>, more: &[(&str, &str)]) -> Self {
        Self::on([free().await, free().await, free().await], clock, file, more).await
    }

    /// Another process at the addresses of this one, which is stopped.
    pub(crate) async fn restarted(self, more: &[(&str, &str)]) -> Self {
        let ([public, check, ops], clock) = ([self.public, self.check, self.ops], self.clock.clone());
        self.stop().await;
        let bind = async |address| TcpListener::bind(address).await.unwrap();
        Self::on([bind(public).await, bind(check).await, bind(ops).await], clock, None, more).await
    }

    async fn on(
        sockets: [TcpListener; 3],
        clock: TestClock,
        file: Option<PathBuf>,
        more: &[(&str, &str)],
    ) -> Self {
        let [public, check, ops] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
        let listeners = [Purpose::Public, Purpose::Check, Purpose::Ops].into_iter().zip(sockets);
        let listeners = listeners.map(|(purpose, socket)| Listener { purpose, socket }).collect();
        let mut set = vec![("public.urls".to_owned(), format!("http://{public}"))];
        for (key, value) in more {
            set.retain(|(kept, _)| kept != key);
            set.push(((*key).to_owned(), value.replace("PORT", &public.port().to_string())));
        }
        set.retain(|(_, value)| value != "(unset)");
        let settings = config::load(&Sources { file, set, environment: Vec::new() });
        let mut settings = settings.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        // A test does not wait for the 30 seconds of an operator.
        settings.session.keys_file.iter_mut().for_each(|file| file.every = Duration::from_millis(20));
        let (stop, stopped) = oneshot::channel();
        let system = System { clock: Arc::new(clock.clone()), ..System::default() };
        let serving = tokio::spawn(async move {
            let stop = async { stopped.await.unwrap_or(Drain::PROMPT) };
            server::serve(settings, listeners, system, stop).await.unwrap();
        });
        let gateway = Self { public, check, ops, clock, dialect: "traefik", stop: Some(stop), serving };
        gateway.wait_for_provider().await;
        gateway
    }

    /// Until the first attempt has ended, well or not.
    async fn wait_for_provider(&self) {
        until("the provider is loaded, or cannot be", async || {
            let provider = self.readyz().await.1["provider"].clone();
            let said = provider["detail"].as_str().unwrap_or_default();
            provider["state"] == "ready" || !said.contains("not answered yet")
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

    pub(crate) async fn ops(&self, path: &str) -> Asked {
        super::browser::get(&format!("http://{}{path}", self.ops)).await
    }

    /// The same, asked in another dialect.
    pub(crate) fn in_dialect(self, dialect: &'static str) -> Self {
        Self { dialect, ..self }
    }

    /// What a proxy with the forwarded fields sends for a browser's navigation to `path` on the public host.
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

    pub(crate) async fn ask(&self, headers: HeaderMap) -> Asked {
        self.ask_at(&format!("/check/{}", self.dialect), headers).await
    }

    pub(crate) async fn ask_at(&self, path: &str, headers: HeaderMap) -> Asked {
        super::browser::get_with(&format!("http://{}{path}", self.check), headers).await
    }

    /// The same with the cookies of a browser.
    pub(crate) async fn ask_as(&self, browser: &Browser, path: &str) -> Asked {
        let mut headers = self.question(path);
        headers.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
        self.ask(headers).await
    }

    pub(crate) async fn stop(mut self) {
        let _gone = self.stop.take().unwrap().send(Drain::PROMPT);
        self.serving.await.unwrap();
    }
}

async fn free() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}
