//! Work that finishes even if the browser disconnects
//!
//! A code can be exchanged only once. If the exchange ended with the browser's connection, the provider would record
//! a sign-in that is missing in the gateway's log.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// The maximum number of concurrent tasks. Further work waits in its own connection, and ends with it.
const MAX_TASKS: usize = 256;

/// Runs work in separate tasks, at most 256 at once.
pub struct Detached(Arc<Semaphore>);

impl Default for Detached {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_TASKS)))
    }
}

impl Detached {
    /// Runs the work to its end, even if the caller no longer waits. Returns `None` if the work panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(permit);
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
    async fn at_most_256_tasks_run_at_once() {
        let detached = Detached::default();
        let mut many: Vec<_> = (0..MAX_TASKS).map(|_| Box::pin(detached.run(pending::<()>()))).collect();
        assert!(join_all(many.iter_mut()).now_or_never().is_none());
        assert_eq!(detached.0.available_permits(), 0);
        assert!(detached.run(async {}).now_or_never().is_none());
        assert_eq!(detached.0.available_permits(), 0);
    }

    #[tokio::test]
    async fn panicked_task_releases_its_permit() {
        let detached = Detached::default();
        assert_eq!(detached.run(async { panic!("as a test") }).await, None::<()>);
        assert_eq!(detached.0.available_permits(), MAX_TASKS);
    }
}
