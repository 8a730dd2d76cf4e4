//! Requests of a connection over HTTP/2, in the task of the connection
//!
//! 1. Most checks never wait. So all requests that arrived together are answered together, and written together.
//! 2. A request that waits does not delay the others. One that computes does, so a connection uses one core.
//! 3. When the connection ends, its requests end. Nobody could read their responses.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::rt::Executor;

/// The limit of requests that are answered before the connection writes their responses.
const MAX_BATCH: usize = 32;

type Request = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The requests that hyper has accepted on a connection, and that its task does not know yet.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<Vec<Request>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, request: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(request));
    }
}

impl Streams {
    /// Runs a connection, and its requests. Returns when the connection has ended.
    pub(super) async fn run<T>(&self, connection: impl Future<Output = T>) -> T {
        let mut connection = pin!(connection);
        let mut running = FuturesUnordered::new();
        poll_fn(|context| {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            running.extend(self.take());
            for _ in 0..MAX_BATCH {
                if running.poll_next_unpin(context) != Poll::Ready(Some(())) {
                    return Poll::Pending;
                }
            }
            // The connection writes these responses, and other tasks run, before the next batch.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn request_that_waits_delays_no_other() {
        let streams = Streams::default();
        let (done, mut was_done) = oneshot::channel();
        streams.execute(pending());
        streams.execute(async { done.send(()).unwrap() });
        assert!(streams.run(pending::<()>()).now_or_never().is_none());
        was_done.try_recv().unwrap();
    }

    #[test]
    fn request_that_the_connection_accepts_is_run_at_once() {
        let streams = Streams::default();
        let (done, mut was_done) = oneshot::channel();
        let mut done = Some(done);
        let accepting = streams.clone();
        let connection = poll_fn(move |_| {
            if let Some(done) = done.take() {
                accepting.execute(async { done.send(()).unwrap() });
            }
            Poll::<()>::Pending
        });
        assert!(streams.run(connection).now_or_never().is_none());
        was_done.try_recv().unwrap();
    }

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn connection_writes_after_a_batch_of_requests() {
        let streams = Streams::default();
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..=MAX_BATCH {
            let done = Arc::clone(&done);
            streams.execute(async move {
                let _ = done.fetch_add(1, Ordering::Relaxed);
            });
        }
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Arc::clone(&woken).into();
        let mut running = pin!(streams.run(pending::<()>()));
        for expected in [MAX_BATCH, MAX_BATCH + 1] {
            assert!(running.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(done.load(Ordering::Relaxed), expected);
            assert!(woken.0.load(Ordering::Relaxed), "the connection is polled again");
        }
    }

    #[test]
    fn requests_end_with_their_connection() {
        let streams = Streams::default();
        let (held, was_dropped) = oneshot::channel::<()>();
        streams.execute(async {
            pending::<()>().await;
            drop(held);
        });
        let mut polls = 0;
        let connection = poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            streams.run(connection).await;
            assert!(was_dropped.await.is_err());
        });
    }
}
