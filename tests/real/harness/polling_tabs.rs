//! Browser tabs whose scripts poll the application
//!
//! 1. Each tab has its own user and session. Its scripts share the cookies.
//! 2. A tab reloads its page if a response to a script asks for it.
//! 3. At the end, [`PollResults`] has the counts and the failures of all tabs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::RETRY_AFTER;
use tokio::task::JoinSet;
use url::Url;

use super::echo::{POLL_PATH, ReceivedRequest};
use super::setup::Setup;
use super::test_client::{Reply, TestClient};

/// Number of scripts that poll at the same time in each tab.
pub(crate) const POLLERS_PER_TAB: usize = 20;
/// Failures of one tab that are recorded. More failures add no information.
const MAX_RECORDED_FAILURES: usize = 20;

/// Number of retries of a reload that gets 503 with `Retry-After`.
const MAX_RELOAD_RETRIES: usize = 20;

/// Returns the user name of the tab with this number. The password is the same.
pub(crate) fn user_name(number: usize) -> String {
    format!("user-{number}")
}

/// An open page with its own session, whose scripts share the cookies.
pub(crate) struct Tab {
    user: String,
    client: Mutex<TestClient>,
    reload_lock: tokio::sync::Mutex<()>,
    polls: AtomicUsize,
    /// Number of reloads that a response to a script asked for.
    reloads: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
    /// Status and final URL of each reload that did not show the page.
    failed_reloads: Mutex<Vec<String>>,
}

/// A response to a script that is not the application's.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) at: Instant,
    pub(crate) status: StatusCode,
    retry_after: bool,
    /// Whether the response asked the page to reload.
    pub(crate) reload_requested: bool,
    /// The start of the body.
    pub(crate) body: String,
}

impl Failure {
    /// Returns whether the response is 503 with `Retry-After` and does not ask for a reload.
    pub(crate) fn is_retry_later(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after && !self.reload_requested
    }
}

impl Tab {
    fn new(user: String, client: TestClient) -> Arc<Self> {
        Arc::new(Self {
            user,
            client: Mutex::new(client),
            reload_lock: tokio::sync::Mutex::default(),
            polls: AtomicUsize::new(0),
            reloads: AtomicUsize::new(0),
            failures: Mutex::default(),
            failed_reloads: Mutex::default(),
        })
    }

    /// Returns a client with the current cookies of the tab.
    pub(crate) fn client(&self) -> TestClient {
        self.client.lock().unwrap().clone()
    }

    /// Sends one request of a script and stores the cookies of the response, as a browser does.
    pub(crate) async fn poll(&self) -> Reply {
        let script_headers = [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Accept", "*/*")];
        let reply = self.client().get(POLL_PATH, &script_headers).await;
        self.client.lock().unwrap().store_cookies(&reply);
        reply
    }

    /// Loads a page. Returns the final URL and its response.
    pub(crate) async fn load(&self, path: &str) -> (Url, Reply) {
        let mut client = self.client();
        let end = client.visit(path).await;
        *self.client.lock().unwrap() = client;
        end
    }

    /// Loads the page again, and retries while the response is 503 with `Retry-After`.
    async fn reload(&self) -> (Url, Reply) {
        let mut end = self.load("/page").await;
        for _ in 0..MAX_RELOAD_RETRIES {
            if end.1.status != StatusCode::SERVICE_UNAVAILABLE || end.1.header(RETRY_AFTER.as_str()).is_none()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            end = self.load("/page").await;
        }
        end
    }

    /// Polls once. If the response asks for a reload, one script reloads the page and the others do not.
    async fn poll_and_reload(&self) {
        let sent_cookies = self.client().cookie_line();
        let reply = self.poll().await;
        self.polls.fetch_add(1, Ordering::Relaxed);
        if reply.status == StatusCode::OK {
            let received: ReceivedRequest = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(received.value("x-forwarded-user"), self.user, "the session belongs to another user");
            return;
        }
        let failure = Failure {
            at: Instant::now(),
            status: reply.status,
            retry_after: reply.header(RETRY_AFTER.as_str()).is_some(),
            reload_requested: reply.header("x-reload").is_some(),
            body: reply.body.chars().take(200).collect(),
        };
        let reload_requested = failure.reload_requested;
        self.record_failure(failure);
        if reload_requested && let Ok(_guard) = self.reload_lock.try_lock() {
            // Another script may already have reloaded the page for the same reason: then the cookies differ.
            if self.client().cookie_line() == sent_cookies {
                self.reloads.fetch_add(1, Ordering::Relaxed);
                let (end, page) = self.reload().await;
                if (end.path(), page.status) != ("/page", StatusCode::OK) {
                    self.failed_reloads.lock().unwrap().push(format!("{} at {end}", page.status));
                }
            }
        }
    }

    fn record_failure(&self, failure: Failure) {
        let mut failures = self.failures.lock().unwrap();
        if failures.len() < MAX_RECORDED_FAILURES {
            failures.push(failure);
        }
    }
}

/// Open tabs that poll.
pub(crate) struct PollingTabs {
    pub(crate) tabs: Vec<Arc<Tab>>,
    started: Instant,
    stopped: Arc<AtomicBool>,
    running: JoinSet<()>,
}

/// The results of all tabs.
#[derive(Debug)]
pub(crate) struct PollResults {
    pub(crate) polls: usize,
    pub(crate) failures: Vec<Failure>,
    /// Number of reloads of each tab.
    pub(crate) reloads: Vec<usize>,
    /// Reloads that ended at the provider's form or on an error page.
    pub(crate) failed_reloads: Vec<String>,
    /// Time from the first sign-in to the last response.
    pub(crate) duration: Duration,
}

impl PollingTabs {
    /// Opens `count` tabs, each with a different user.
    pub(crate) async fn open<P>(setup: &Setup<P>, count: usize) -> Self {
        let started = Instant::now();
        let mut tabs = Vec::new();
        for number in 0..count {
            tabs.push(Tab::new(user_name(number), setup.signed_in_client(&user_name(number)).await));
        }
        Self { tabs, started, stopped: Arc::default(), running: JoinSet::new() }
    }

    /// Opens one tab with the session of `client`, which belongs to `user`.
    pub(crate) fn of(user: &str, client: TestClient) -> Self {
        let tabs = vec![Tab::new(user.to_owned(), client)];
        Self { tabs, started: Instant::now(), stopped: Arc::default(), running: JoinSet::new() }
    }

    /// Starts the scripts of every tab. Each script polls again `interval` after its last response.
    pub(crate) fn start(&mut self, interval: Duration) {
        for tab in &self.tabs {
            for _ in 0..POLLERS_PER_TAB {
                let (tab, stopped) = (Arc::clone(tab), Arc::clone(&self.stopped));
                self.running.spawn(async move {
                    while !stopped.load(Ordering::Relaxed) {
                        tab.poll_and_reload().await;
                        tokio::time::sleep(interval).await;
                    }
                });
            }
        }
    }

    /// Stops the scripts and returns the results. Panics if a script panicked.
    pub(crate) async fn stop(self) -> PollResults {
        self.stopped.store(true, Ordering::Relaxed);
        self.running.join_all().await;
        PollResults {
            polls: self.tabs.iter().map(|tab| tab.polls.load(Ordering::Relaxed)).sum(),
            failures: self.tabs.iter().flat_map(|tab| tab.failures.lock().unwrap().clone()).collect(),
            failed_reloads: self
                .tabs
                .iter()
                .flat_map(|tab| tab.failed_reloads.lock().unwrap().clone())
                .collect(),
            reloads: self.tabs.iter().map(|tab| tab.reloads.load(Ordering::Relaxed)).collect(),
            duration: self.started.elapsed(),
        }
    }
}
