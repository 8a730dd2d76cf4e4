//! Whether the provider answers
//!
//! 1. It is silent if the last call got no response, or one with a status of 500 and above. Any other response is an
//!    answer, also a refusal: a client can cause refusals.
//! 2. A call that was never sent, because too many were in progress, says nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The result of the last call.
#[derive(Default)]
pub(super) struct Silence {
    is_silent: AtomicBool,
    began: Notify,
}

impl Silence {
    /// Records the result of a call.
    pub(super) fn record(&self, is_silent: bool) {
        let was_silent = self.is_silent.swap(is_silent, Ordering::Relaxed);
        if is_silent && !was_silent {
            self.began.notify_one();
        }
    }

    /// Returns whether the last call was not answered.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }

    /// Waits until a call is not answered, after one that was.
    pub(super) async fn begins(&self) {
        self.began.notified().await;
    }
}
