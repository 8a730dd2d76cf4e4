//! Errors of forwarding, by the party that failed

use std::error::Error as _;

use hyper_util::client::legacy;
use thiserror::Error;

use crate::access::target::TargetError;
use crate::trust::{causes, is_disbelief};

/// The reason why the application returned no response.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// A request that a server may receive, but that must not reach the application.
    #[error("cannot forward the request: {0}")]
    ClientMalformed(#[from] Malformed),
    /// The client disconnected, or its body was incomplete.
    #[error("the client aborted its request")]
    ClientAborted(#[source] legacy::Error),
    /// The limit of concurrent requests or WebSockets is reached.
    #[error("too many requests to the application are in progress")]
    Busy,
    /// No connection was established.
    #[error("the application cannot be reached")]
    UpstreamUnreachable(#[source] legacy::Error),
    /// Its certificate is not trusted.
    #[error(
        "the application has a certificate that is not trusted ({0}); set upstream.ca_file to its authority"
    )]
    UpstreamUntrusted(String),
    /// It accepted the request and sent no response.
    #[error("the application did not answer in time")]
    UpstreamTimedOut,
    /// It closed the connection without a response, or its response is not HTTP.
    #[error("the application did not send an HTTP response")]
    UpstreamBroke(#[source] legacy::Error),
    /// It sent a response that cannot be forwarded.
    #[error("the application's response cannot be forwarded: {0}")]
    UpstreamMisbehaved(&'static str),
}

/// The reason why a request is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The target has absolute, authority or asterisk form, or hidden bytes.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// `CONNECT` is for other kinds of proxies, and `TRACE` would show the client the fields sent to the application.
    #[error("its method is CONNECT or TRACE")]
    Method,
    /// `Host` is missing, named in `Connection`, or duplicate (RFC 9112 §3.2).
    #[error("it does not have exactly one Host")]
    Host,
    /// The body has a transfer coding such as `gzip, chunked`.
    #[error("its body has a transfer coding other than chunked")]
    TransferCoding,
}

impl ForwardError {
    /// Returns the error with the party that ended an exchange.
    pub(super) fn classify(error: legacy::Error) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
        if error.is_connect() {
            let causes = causes(&error);
            if is_disbelief(&causes) {
                Self::UpstreamUntrusted(causes)
            } else {
                Self::UpstreamUnreachable(error)
            }
        } else if cause.is_some_and(hyper::Error::is_user) {
            Self::ClientAborted(error)
        } else {
            Self::UpstreamBroke(error)
        }
    }
}
