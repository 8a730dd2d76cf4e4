//! Time limit that does not count while the process is stopped
//!
//! A process may be stopped for seconds: by SIGSTOP, or with its virtual machine. What it waits for may have arrived
//! meanwhile, and reading it takes a moment after the process continues. Otherwise, an answer that exists would be lost.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

/// The time that one stop counts at most.
const SLICE: Duration = Duration::from_millis(250);

/// The time limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded;

/// Waits for a future within a limit.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Exceeded> {
    let mut future = pin!(future);
    let mut left = limit;
    loop {
        let slice = left.min(SLICE);
        if let Ok(output) = timeout(slice, &mut future).await {
            return Ok(output);
        }
        left = left.saturating_sub(slice);
        if left.is_zero() {
            return Err(Exceeded);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream as Writer;
    use std::thread;

    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;
    use tokio::sync::oneshot;

    use super::*;

    /// The runtime has one thread, so a thread that sleeps stops it.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "it must block every task of the thread")]
    async fn answer_that_arrives_while_the_process_is_stopped_is_in_time() {
        let limit = SLICE * 4;
        let (reader, mut writer) = Writer::pair().unwrap();
        reader.set_nonblocking(true).unwrap();
        let mut reader = UnixStream::from_std(reader).unwrap();
        let (forward, answer) = oneshot::channel();
        // As with a client of HTTP, one task reads and another one waits.
        tokio::spawn(async move { forward.send(reader.read_u8().await.unwrap()) });
        let stopped = async {
            tokio::task::yield_now().await;
            writer.write_all(&[7]).unwrap();
            thread::sleep(limit * 2);
        };
        let (received, ()) = tokio::join!(within(limit, answer), stopped);
        assert_eq!(received, Ok(Ok(7)));
    }

    #[tokio::test]
    async fn limit_without_an_answer_is_exceeded() {
        for limit in [Duration::ZERO, SLICE / 10, SLICE + SLICE / 10] {
            assert_eq!(within(limit, std::future::pending::<()>()).await, Err(Exceeded));
        }
        assert_eq!(within(Duration::ZERO, async { 7 }).await, Ok(7));
    }
}
