//! How does work come to its end though the browser that began it has gone?
//!
//! A code is good once. If its exchange ended with the browser's connection, the provider would count a sign-in of which
//! no line of ours tells.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// More wait in their own connections, and end with those.
const MAX_TASKS: usize = 256;

/// Runs work in tasks of its own; 256 at once.
pub struct Detached(Arc<Semaphore>);

impl Default for Detached {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_TASKS)))
    }
}

impl Detached {
    /// Runs the work to its end, whether somebody waits for it or not; `None` if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(turn);
            done
        });
        task.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::{join_all, pending};

    use super::*;

    #[tokio::test]
    async fn no_more_than_256_run_at_once() {
        let detached = Detached::default();
        let mut many: Vec<_> = (0..MAX_TASKS).map(|_| Box::pin(detached.run(pending::<()>()))).collect();
        assert!(join_all(many.iter_mut()).now_or_never().is_none());
        assert_eq!(detached.0.available_permits(), 0);
        assert!(detached.run(async {}).now_or_never().is_none());
        assert_eq!(detached.0.available_permits(), 0);
    }

    #[tokio::test]
    async fn a_panic_gives_its_turn_back() {
        let detached = Detached::default();
        assert_eq!(detached.run(async { panic!("as a test") }).await, None::<()>);
        assert_eq!(detached.0.available_permits(), MAX_TASKS);
    }
}
