//! Streaming request and response bodies

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use hyper::body::{Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::forwarded;
use crate::access::headers::OwnedHeaders;

/// A request body on its way to the application. It notifies `progress` for each frame, and strips from trailers what
/// it strips from headers.
#[derive(Debug)]
pub(super) struct RequestBody {
    pub(super) body: Body,
    pub(super) owned: Arc<OwnedHeaders>,
    pub(super) progress: Arc<Notify>,
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.progress.notify_one();
        Poll::Ready(next.map(|frame| frame.map(|frame| strip_trailers(&self.owned, frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Strips trailers, because some applications merge them into the checked headers (contrary to RFC 9110 §6.5.1).
fn strip_trailers(owned: &OwnedHeaders, frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(trailers) if owned.guard(&trailers).is_err() => Frame::trailers(HeaderMap::new()),
        Ok(mut trailers) => {
            owned.strip(&mut trailers);
            forwarded::strip(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(data) => data,
    }
}

/// A response body on its way to the client. It holds its permit until it ends or the client disconnects.
pub(super) struct ResponseBody {
    pub(super) body: Incoming,
    /// Cuts a body of unknown length when the session has ended.
    pub(super) session_end: Option<BoxFuture<'static, ()>>,
    pub(super) _permit: OwnedSemaphorePermit,
}

/// Why a response body is cut.
#[derive(Debug, Error)]
pub(super) enum Cut {
    /// The application's connection failed.
    #[error(transparent)]
    Upstream(#[from] hyper::Error),
    /// The session has ended.
    #[error("the session has ended")]
    SessionEnded,
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(session_end) = &mut self.session_end
            && session_end.as_mut().poll(context).is_ready()
        {
            self.session_end = None;
            return Poll::Ready(Some(Err(Cut::SessionEnded)));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Cut::Upstream)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
