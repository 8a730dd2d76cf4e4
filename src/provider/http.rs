//! HTTP client for the provider with limits on concurrency, time and memory
//!
//! 1. At most 64 calls of one kind run at once. Further calls wait, and the waiting time counts towards the timeout.
//! 2. A call ends within its timeout, regardless of what the provider does.
//! 3. The size limit of a body is enforced while the body streams in, not afterwards.
//! 4. A redirect is a response and is not followed; `trust` configures that.
//! 5. An error names the host and port of the request and no other part of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{Response, StatusCode, header};
use oauth2::{HttpRequest, HttpResponse};
use reqwest::Client;
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::clock_watch::ClockWatch;
use super::silence::Silence;
use crate::access::quoted::quoted;
use crate::time_limit;
use crate::trust::{causes, is_authority_as_server, is_disbelief, is_for_other_name, is_no_tls};

const MAX_CONCURRENT_CALLS: usize = 64;

/// A call without a usable response. It cannot contain the request or the response.
#[derive(Debug, Error)]
#[error("{host} {failure}")]
pub(super) struct HttpError {
    host: String,
    failure: Failure,
}

impl HttpError {
    fn new(url: &Url, failure: Failure) -> Self {
        let host = url.host_str().unwrap_or_default();
        Self { host: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")), failure }
    }

    /// Returns whether the provider sent a response that violates the limits, as opposed to none.
    pub(super) fn is_misbehaviour(&self) -> bool {
        matches!(self.failure, Failure::BodyTooLong(_))
    }

    /// Returns whether the request certainly did not reach the provider.
    pub(super) fn was_never_sent(&self) -> bool {
        self.is_about_settings() || matches!(self.failure, Failure::Unreachable(_) | Failure::NoPermit)
    }

    /// Returns whether only a change of settings or certificates can help.
    pub(super) fn is_about_settings(&self) -> bool {
        matches!(
            self.failure,
            Failure::Untrusted(_) | Failure::OtherName(_) | Failure::AuthorityAsServer | Failure::NotTls
        )
    }
}

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error(
        "has a certificate that is not trusted ({0}); if your own certificate authority signed it, set provider.ca_file to \
         the certificate of that authority"
    )]
    Untrusted(String),
    #[error(
        "has a certificate that is not valid for this name ({0}); use a name of the certificate in provider.issuer or \
         provider.backchannel_url, or make one whose subjectAltName has this name"
    )]
    OtherName(String),
    #[error("does not speak TLS at this port; it may be plain http, or another port")]
    NotTls,
    #[error(
        "uses the certificate of a certificate authority as its own, which is not trusted for a server; a right one is made \
         by: {MAKE_CERTIFICATE}; then set provider.ca_file to cert.pem"
    )]
    AuthorityAsServer,
    #[error("was not called: {MAX_CONCURRENT_CALLS} calls were in progress until the timeout")]
    NoPermit,
    #[error("did not answer in time")]
    TimedOut,
    #[error("sent more than {0} bytes")]
    BodyTooLong(usize),
    #[error("closed the connection: {0}")]
    ConnectionFailed(String),
    #[error("closed the connection to plain http ({0}); it may expect https")]
    PlainConnectionFailed(String),
    #[error("answered {status} at {path}")]
    Status { status: StatusCode, path: String },
    #[error("answered {status} at {path}, and a redirect is not followed")]
    Redirect { status: StatusCode, path: String },
}

/// A command that makes a certificate for a server, and not for an authority.
const MAKE_CERTIFICATE: &str = "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=HOST -addext \
                                subjectAltName=DNS:HOST -addext basicConstraints=critical,CA:FALSE -keyout key.pem \
                                -out cert.pem";

/// An HTTP client for calls of one kind to the provider.
pub(super) struct Http {
    client: Client,
    timeout: Duration,
    /// Limits the sockets and the memory that slow responses can use. A permit is released when its call ends.
    permits: Semaphore,
    watch: Arc<ClockWatch>,
    silence: Arc<Silence>,
}

impl Http {
    pub(super) fn new(
        client: Client,
        timeout: Duration,
        watch: Arc<ClockWatch>,
        silence: Arc<Silence>,
    ) -> Self {
        Self { client, timeout, permits: Semaphore::new(MAX_CONCURRENT_CALLS), watch, silence }
    }

    /// Waits for a permit. Dropping the permit releases it.
    pub(super) async fn acquire_permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so there is no error.
        self.permits.acquire().await.ok()
    }

    /// Sends a request. A response body of more than `limit` bytes is an error. Of the response headers, only the
    /// content type and `Retry-After` are kept.
    pub(super) async fn send(&self, request: HttpRequest, limit: usize) -> Result<HttpResponse, HttpError> {
        let host = request.uri().authority().map_or_else(String::new, |authority| {
            let host = authority.host();
            authority.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
        });
        let started = AtomicBool::new(false);
        let answer = time_limit::within(self.timeout, self.transfer(request, limit, &started)).await;
        let cause = || if started.load(Ordering::Relaxed) { Failure::TimedOut } else { Failure::NoPermit };
        let answer = answer.unwrap_or_else(|_| Err(cause()));
        match &answer {
            Ok(response) => self.silence.record(response.status().is_server_error()),
            Err(Failure::BodyTooLong(_)) => self.silence.record(false),
            Err(Failure::NoPermit | Failure::Status { .. } | Failure::Redirect { .. }) => {}
            Err(_) => self.silence.record(true),
        }
        answer.map_err(|failure| HttpError { host, failure })
    }

    /// Returns the body of a document. Any status except 200 is an error.
    pub(super) async fn get(&self, url: &Url, limit: usize) -> Result<Vec<u8>, HttpError> {
        let response = self.send(get_request(url)?, limit).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => {
                let path = quoted(url.path());
                Err(HttpError::new(
                    url,
                    if status.is_redirection() {
                        Failure::Redirect { status, path }
                    } else {
                        Failure::Status { status, path }
                    },
                ))
            }
        }
    }

    /// Sets `started` when it has a permit.
    async fn transfer(
        &self,
        request: HttpRequest,
        limit: usize,
        started: &AtomicBool,
    ) -> Result<HttpResponse, Failure> {
        let _permit = self.acquire_permit().await;
        started.store(true, Ordering::Relaxed);
        let requested_at = self.watch.now();
        let is_plain = request.uri().scheme_str() == Some("http");
        let classify = |error| classify(error, is_plain);
        let request = reqwest::Request::try_from(request).map_err(classify)?;
        let mut answer = self.client.execute(request).await.map_err(classify)?;
        self.watch.check_response(answer.headers(), requested_at);
        let mut response = Response::new(Vec::new());
        *response.status_mut() = answer.status();
        for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
            if let Some(field) = answer.headers().get(&name) {
                response.headers_mut().insert(name, field.clone());
            }
        }
        while let Some(chunk) = answer.chunk().await.map_err(classify)? {
            if response.body().len() + chunk.len() > limit {
                return Err(Failure::BodyTooLong(limit));
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

/// Returns a GET request for JSON.
pub(super) fn get_request(url: &Url) -> Result<HttpRequest, HttpError> {
    let invalid_url = || HttpError::new(url, Failure::Unreachable("its URL is not valid".to_owned()));
    let mut request = HttpRequest::default();
    *request.uri_mut() = url.as_str().parse().map_err(|_| invalid_url())?;
    request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
    Ok(request)
}

fn classify(error: reqwest::Error, is_plain: bool) -> Failure {
    let no_connection = error.is_connect();
    // The URL can contain secrets.
    let causes = causes(&error.without_url());
    if is_authority_as_server(&causes) {
        Failure::AuthorityAsServer
    } else if is_for_other_name(&causes) {
        Failure::OtherName(causes)
    } else if is_disbelief(&causes) {
        Failure::Untrusted(causes)
    } else if is_no_tls(&causes) {
        Failure::NotTls
    } else if no_connection {
        Failure::Unreachable(causes)
    } else if is_plain {
        Failure::PlainConnectionFailed(causes)
    } else {
        Failure::ConnectionFailed(causes)
    }
}

/// Measures the duration of a call.
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
