//! Checks of a signed-in user during the attacks

use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::harness::Browser;

const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Time limit of a check. A check that waited for the end of the slow connections would take ten seconds.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A task that sends checks until it is stopped.
pub(crate) struct HealthyUser {
    stop: oneshot::Sender<()>,
    checking: JoinHandle<(u64, Duration)>,
}

impl HealthyUser {
    /// Starts to send checks with the cookies of `user`.
    pub(crate) fn start(check: u16, public: u16, user: &Browser) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let headers = check_headers(public, user);
        let client = reqwest::Client::builder().no_proxy().timeout(CHECK_TIMEOUT).build().unwrap();
        let url = format!("http://127.0.0.1:{check}/check/traefik");
        let checking = tokio::spawn(async move {
            let (mut checks, mut slowest) = (0, Duration::ZERO);
            while stopped.try_recv().is_err() {
                let started = Instant::now();
                let reply = client.get(&url).headers(headers.clone()).send().await.unwrap();
                slowest = slowest.max(started.elapsed());
                assert_eq!(reply.status(), 200, "healthy check {checks}");
                assert_eq!(reply.headers()["x-forwarded-user"], "testuser", "healthy check {checks}");
                checks += 1;
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
            (checks, slowest)
        });
        Self { stop, checking }
    }

    /// Stops the task. Returns the number of checks and the longest response time. Panics if a check failed.
    pub(crate) async fn stop(self) -> (u64, Duration) {
        // If the task has already failed, the message is lost, and the next line panics with the cause.
        let _sent = self.stop.send(());
        self.checking.await.unwrap()
    }
}

fn check_headers(public: u16, user: &Browser) -> HeaderMap {
    let host = format!("127.0.0.1:{public}");
    let fields =
        [("method", "GET"), ("proto", "http"), ("host", &host), ("uri", "/"), ("for", "203.0.113.9")];
    let fields = fields.map(|(name, value)| {
        (format!("x-forwarded-{name}").parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    });
    let cookies = user.cookie_header().map(|cookies| (COOKIE, cookies));
    fields.into_iter().chain(cookies).collect()
}
