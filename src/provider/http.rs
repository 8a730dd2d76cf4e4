//! How is the provider called, so that it can neither hold us up nor fill our memory?
//!
//! 1. At most 64 calls of one kind run at once; more wait, and their waiting counts.
//! 2. A call ends in time, whatever the other side does.
//! 3. A body is cut while it streams in, not after.
//! 4. A redirect is an answer and is not followed (`trust` sees to it).
//! 5. An error names the host and nothing else of the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{Response, StatusCode, header};
use oauth2::{HttpRequest, HttpResponse};
use reqwest::Client;
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use url::Url;

use super::clock_watch::ClockWatch;
use crate::trust::{causes, is_disbelief};

const MAX_CONCURRENT_CALLS: usize = 64;

/// A call that gave no answer. It cannot hold the request or the answer.
#[derive(Debug, Error)]
#[error("{host}: {failure}")]
pub(super) struct HttpError {
    host: String,
    failure: Failure,
}

impl HttpError {
    fn of(url: &Url, failure: Failure) -> Self {
        Self { host: url.host_str().unwrap_or_default().to_owned(), failure }
    }

    /// Whether there was an answer that no well-meaning provider would give, rather than none.
    pub(super) fn is_misbehaviour(&self) -> bool {
        matches!(self.failure, Failure::TooLong(_))
    }

    /// Whether the request certainly did not reach the provider.
    pub(super) fn was_never_sent(&self) -> bool {
        matches!(self.failure, Failure::Unreachable(_) | Failure::Untrusted(_) | Failure::NoTurn)
    }
}

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error(
        "its certificate is not trusted ({0}); if an authority of your own signed it, name that authority's certificate \
         in provider.ca_file"
    )]
    Untrusted(String),
    #[error("was not asked: {MAX_CONCURRENT_CALLS} calls were under way all the time")]
    NoTurn,
    #[error("did not answer in time")]
    TooLate,
    #[error("sent more than {0} bytes")]
    TooLong(usize),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("answered {0}")]
    Status(StatusCode),
}

/// Calls the provider.
pub(super) struct Http {
    client: Client,
    timeout: Duration,
    /// Bounds the sockets and the memory that slow answers can take; a permit is given back when its call ends.
    turns: Semaphore,
    watch: Arc<ClockWatch>,
}

impl Http {
    pub(super) fn new(client: Client, timeout: Duration, watch: Arc<ClockWatch>) -> Self {
        Self { client, timeout, turns: Semaphore::new(MAX_CONCURRENT_CALLS), watch }
    }

    /// Waits for a turn and holds it until what this gives is dropped.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // An error would mean that the semaphore was closed, which nobody does.
        self.turns.acquire().await.ok()
    }

    /// Sends a request; the answer's body has at most `limit` bytes. Of its header it keeps
    /// the content type and `Retry-After`.
    pub(super) async fn send(&self, request: HttpRequest, limit: usize) -> Result<HttpResponse, HttpError> {
        let host =
            request.uri().authority().map_or_else(String::new, |authority| authority.host().to_owned());
        let begun = AtomicBool::new(false);
        let answer = timeout(self.timeout, self.transfer(request, limit, &begun)).await;
        let late = || if begun.load(Ordering::Relaxed) { Failure::TooLate } else { Failure::NoTurn };
        answer.unwrap_or_else(|_| Err(late())).map_err(|failure| HttpError { host, failure })
    }

    /// The body of a document that must be there.
    pub(super) async fn get(&self, url: &Url, limit: usize) -> Result<Vec<u8>, HttpError> {
        let response = self.send(get_request(url)?, limit).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(HttpError::of(url, Failure::Status(status))),
        }
    }

    /// `begun` becomes true with the turn.
    async fn transfer(
        &self,
        request: HttpRequest,
        limit: usize,
        begun: &AtomicBool,
    ) -> Result<HttpResponse, Failure> {
        let _turn = self.turn().await;
        begun.store(true, Ordering::Relaxed);
        let asked = self.watch.now();
        let request = reqwest::Request::try_from(request).map_err(failure)?;
        let mut answer = self.client.execute(request).await.map_err(failure)?;
        self.watch.look(answer.headers(), asked);
        let mut response = Response::new(Vec::new());
        *response.status_mut() = answer.status();
        for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
            if let Some(field) = answer.headers().get(&name) {
                response.headers_mut().insert(name, field.clone());
            }
        }
        while let Some(chunk) = answer.chunk().await.map_err(failure)? {
            if response.body().len() + chunk.len() > limit {
                return Err(Failure::TooLong(limit));
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

/// A request for JSON.
pub(super) fn get_request(url: &Url) -> Result<HttpRequest, HttpError> {
    let unfit = || HttpError::of(url, Failure::Unreachable("its address is not valid".to_owned()));
    let mut request = HttpRequest::default();
    *request.uri_mut() = url.as_str().parse().map_err(|_| unfit())?;
    request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
    Ok(request)
}

fn failure(error: reqwest::Error) -> Failure {
    let (late, no_connection) = (error.is_timeout(), error.is_connect());
    // The URL can carry what nobody shall read.
    let causes = causes(&error.without_url());
    if is_disbelief(&causes) {
        Failure::Untrusted(causes)
    } else if no_connection {
        Failure::Unreachable(causes)
    } else if late {
        Failure::TooLate
    } else {
        Failure::Broken(causes)
    }
}

/// Measures how long a call took.
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "measures a duration for the metrics; nothing is decided by it"
    )]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "measures a duration for the metrics; nothing is decided by it"
    )]
    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests;
