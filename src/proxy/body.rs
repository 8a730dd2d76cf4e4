//! What happens to a body while it streams?

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::forwarded;
use crate::access::headers::OwnedHeaders;

/// A client's body on its way to the application: it says when it moves, and its trailers cannot say what headers may
/// not.
#[derive(Debug)]
pub(super) struct RequestBody {
    pub(super) body: Body,
    pub(super) owned: Arc<OwnedHeaders>,
    pub(super) moved: Arc<Notify>,
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.moved.notify_one();
        Poll::Ready(next.map(|frame| frame.map(|frame| clean(&self.owned, frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Some back ends merge trailers into headers (against RFC 9110 §6.5.1), after the headers were checked.
fn clean(owned: &OwnedHeaders, frame: Frame<Bytes>) -> Frame<Bytes> {
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

/// The application's body on its way to the client: it takes up room until it has ended or the client has gone.
#[derive(Debug)]
pub(super) struct ResponseBody {
    pub(super) body: Incoming,
    pub(super) _room: OwnedSemaphorePermit,
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
