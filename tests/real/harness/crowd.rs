//! Who asks all the time, as the scripts of open pages do, and what are they told?

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::RETRY_AFTER;
use tokio::task::JoinSet;
use url::Url;

use super::caller::{Caller, Reply};
use super::echo::{POLLED, Seen};
use super::stage::Stage;

/// So many scripts of one page ask at once.
pub(crate) const POLLERS: usize = 20;
/// More than this many failures of one page tell nothing new.
const KEPT: usize = 20;

/// So often a page that can be had later is loaded again.
const PATIENCE: usize = 20;

/// The person of the page with that number, and the password.
pub(crate) fn person(number: usize) -> String {
    format!("person-{number}")
}

/// An open page with a session of its own: its scripts share the cookies.
pub(crate) struct Tab {
    user: String,
    caller: Mutex<Caller>,
    loading: tokio::sync::Mutex<()>,
    polls: AtomicUsize,
    /// How often it loaded itself anew because a script was told so.
    reloads: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
    /// Where a reload ended that did not show the page.
    lost: Mutex<Vec<String>>,
}

/// What a script was told instead of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) at: Instant,
    pub(crate) status: StatusCode,
    retry_after: bool,
    /// Whether the page was told to load itself anew.
    pub(crate) reload: bool,
    /// For whoever reads a failed test.
    _said: String,
}

impl Failure {
    /// Whether it was told to ask again later, and nothing else.
    pub(crate) fn later(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after && !self.reload
    }
}

impl Tab {
    /// What a program with the cookies of this moment may ask beside the page's own scripts.
    pub(crate) fn caller(&self) -> Caller {
        self.caller.lock().unwrap().clone()
    }

    /// One question of a script; the answer's cookies are taken, as a browser does.
    pub(crate) async fn poll(&self) -> Reply {
        let scripted = [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Accept", "*/*")];
        let reply = self.caller().get(POLLED, &scripted).await;
        self.caller.lock().unwrap().keep_cookies(&reply);
        reply
    }

    /// Loads a page: where it ended, and what is there.
    pub(crate) async fn load(&self, path: &str) -> (Url, Reply) {
        let mut caller = self.caller();
        let end = caller.visit(path).await;
        *self.caller.lock().unwrap() = caller;
        end
    }

    /// Loads the page anew, and again for as long as it says that it can be had later.
    async fn reload(&self) -> (Url, Reply) {
        let mut end = self.load("/page").await;
        for _ in 0..PATIENCE {
            if end.1.status != StatusCode::SERVICE_UNAVAILABLE || end.1.header(RETRY_AFTER.as_str()).is_none()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            end = self.load("/page").await;
        }
        end
    }

    /// Polls once; a page whose script is told to reload does so, and its other scripts leave that to it.
    async fn poll_as_a_page(&self) {
        let shown = self.caller().cookie_line();
        let reply = self.poll().await;
        self.polls.fetch_add(1, Ordering::Relaxed);
        if reply.status == StatusCode::OK {
            let seen: Seen = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(seen.one("x-forwarded-user"), self.user, "the session of somebody else");
            return;
        }
        let failure = Failure {
            at: Instant::now(),
            status: reply.status,
            retry_after: reply.header(RETRY_AFTER.as_str()).is_some(),
            reload: reply.header("x-reload").is_some(),
            _said: reply.body.chars().take(200).collect(),
        };
        let reload = failure.reload;
        self.note(failure);
        if reload && let Ok(_alone) = self.loading.try_lock() {
            // Another script may have been told the same, and the page has been loaded since.
            if self.caller().cookie_line() == shown {
                self.reloads.fetch_add(1, Ordering::Relaxed);
                let (end, page) = self.reload().await;
                if (end.path(), page.status) != ("/page", StatusCode::OK) {
                    self.lost.lock().unwrap().push(format!("{} at {end}", page.status));
                }
            }
        }
    }

    fn note(&self, failure: Failure) {
        let mut failures = self.failures.lock().unwrap();
        if failures.len() < KEPT {
            failures.push(failure);
        }
    }
}

/// Open pages, all asking.
pub(crate) struct Crowd {
    pub(crate) tabs: Vec<Arc<Tab>>,
    since: Instant,
    over: Arc<AtomicBool>,
    running: JoinSet<()>,
}

/// What all of them were told.
#[derive(Debug)]
pub(crate) struct Polls {
    pub(crate) asked: usize,
    pub(crate) failures: Vec<Failure>,
    /// How often each page loaded itself anew.
    pub(crate) reloads: Vec<usize>,
    /// Where reloads ended that did not show the page: at the provider's form, or on a page that says what is wrong.
    pub(crate) lost: Vec<String>,
    /// From the first sign-in to the last answer.
    pub(crate) took: Duration,
}

impl Crowd {
    /// Opens so many pages, each of another person.
    pub(crate) async fn open<P>(stage: &Stage<P>, pages: usize) -> Self {
        let since = Instant::now();
        let mut tabs = Vec::new();
        for number in 0..pages {
            tabs.push(Arc::new(Tab {
                user: person(number),
                caller: Mutex::new(stage.caller(&person(number)).await),
                loading: tokio::sync::Mutex::default(),
                polls: AtomicUsize::new(0),
                reloads: AtomicUsize::new(0),
                failures: Mutex::default(),
                lost: Mutex::default(),
            }));
        }
        Self { tabs, since, over: Arc::default(), running: JoinSet::new() }
    }

    /// Every page's scripts begin to ask, each again `pause` after its last answer.
    pub(crate) fn poll(&mut self, pause: Duration) {
        for tab in &self.tabs {
            for _ in 0..POLLERS {
                let (tab, over) = (Arc::clone(tab), Arc::clone(&self.over));
                self.running.spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        tab.poll_as_a_page().await;
                        tokio::time::sleep(pause).await;
                    }
                });
            }
        }
    }

    /// Ends it; a script that panicked is the test's own panic.
    pub(crate) async fn end(self) -> Polls {
        self.over.store(true, Ordering::Relaxed);
        self.running.join_all().await;
        Polls {
            asked: self.tabs.iter().map(|tab| tab.polls.load(Ordering::Relaxed)).sum(),
            failures: self.tabs.iter().flat_map(|tab| tab.failures.lock().unwrap().clone()).collect(),
            lost: self.tabs.iter().flat_map(|tab| tab.lost.lock().unwrap().clone()).collect(),
            reloads: self.tabs.iter().map(|tab| tab.reloads.load(Ordering::Relaxed)).collect(),
            took: self.since.elapsed(),
        }
    }
}
