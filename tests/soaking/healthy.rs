//! Is somebody who has a session served all the while?

use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::harness::Browser;

const PAUSE: Duration = Duration::from_millis(100);
/// Whoever waits until the slow ones are cut waits ten seconds.
const LATEST: Duration = Duration::from_secs(5);

/// Asks until it is told to end.
pub(crate) struct Healthy {
    end: oneshot::Sender<()>,
    asking: JoinHandle<(u64, Duration)>,
}

impl Healthy {
    /// Begins to ask the check with a person's cookies.
    pub(crate) fn begin(check: u16, public: u16, person: &Browser) -> Self {
        let (end, mut ended) = oneshot::channel();
        let question = question(public, person);
        let client = reqwest::Client::builder().no_proxy().timeout(LATEST).build().unwrap();
        let url = format!("http://127.0.0.1:{check}/check/traefik");
        let asking = tokio::spawn(async move {
            let (mut asked, mut slowest) = (0, Duration::ZERO);
            while ended.try_recv().is_err() {
                let from = Instant::now();
                let reply = client.get(&url).headers(question.clone()).send().await.unwrap();
                slowest = slowest.max(from.elapsed());
                assert_eq!(reply.status(), 200, "healthy check {asked}");
                assert_eq!(reply.headers()["x-forwarded-user"], "testuser", "healthy check {asked}");
                asked += 1;
                tokio::time::sleep(PAUSE).await;
            }
            (asked, slowest)
        });
        Self { end, asking }
    }

    /// How many were asked, all answered as they should be, and how long the slowest took.
    pub(crate) async fn end(self) -> (u64, Duration) {
        // Where it has failed already, nobody listens: then the next line says why.
        let _told = self.end.send(());
        self.asking.await.unwrap()
    }
}

fn question(public: u16, person: &Browser) -> HeaderMap {
    let host = format!("127.0.0.1:{public}");
    let fields =
        [("method", "GET"), ("proto", "http"), ("host", &host), ("uri", "/"), ("for", "203.0.113.9")];
    let fields = fields.map(|(name, value)| {
        (format!("x-forwarded-{name}").parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    });
    let cookies = person.cookie_header().map(|cookies| (COOKIE, cookies));
    fields.into_iter().chain(cookies).collect()
}
