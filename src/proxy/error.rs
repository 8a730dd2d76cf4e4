//! Why is there no answer of the application, and which part failed

use std::error::Error as _;

use hyper_util::client::legacy;
use thiserror::Error;

use crate::access::target::TargetError;

/// Why there is no answer of the application.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// A request that a server may get, but no application behind us.
    #[error("the request cannot be passed on: {0}")]
    ClientMalformed(#[from] Malformed),
    /// The client went away, or its body broke off.
    #[error("the client broke off its request")]
    ClientAborted(#[source] legacy::Error),
    /// As many requests or WebSockets are under way as may be.
    #[error("too many requests to the application are under way")]
    Busy,
    /// No connection could be made.
    #[error("the application cannot be reached")]
    UpstreamUnreachable(#[source] legacy::Error),
    /// It took the request and said nothing.
    #[error("the application did not answer in time")]
    UpstreamTimedOut,
    /// It closed the connection without an answer, or answered what is not HTTP.
    #[error("the application did not answer in HTTP")]
    UpstreamBroke(#[source] legacy::Error),
    /// It answered what we cannot pass on.
    #[error("the application answered what was not asked: {0}")]
    UpstreamMisbehaved(&'static str),
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Absolute, authority or asterisk form, or hidden bytes.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// `CONNECT` is for other proxies, and `TRACE` would show the client what we tell the application.
    #[error("its method is CONNECT or TRACE")]
    Method,
    /// Missing, named in `Connection`, or there twice (RFC 9112 §3.2).
    #[error("it has not exactly one Host")]
    Host,
    /// Such as `gzip, chunked`.
    #[error("its body has a transfer coding other than chunked")]
    TransferCoding,
}

impl ForwardError {
    /// Says who broke an exchange off.
    pub(super) fn classify(error: legacy::Error) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
        if error.is_connect() {
            Self::UpstreamUnreachable(error)
        } else if cause.is_some_and(hyper::Error::is_user) {
            Self::ClientAborted(error)
        } else {
            Self::UpstreamBroke(error)
        }
    }
}
