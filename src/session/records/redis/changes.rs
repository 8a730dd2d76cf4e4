//! What other gateways change
//!
//! 1. The scripts publish the id of a record that they change or delete, with its revision.
//! 2. A message may be lost, for example when the connection breaks. Then a record is read again when it is no longer
//!    young, as without messages.
//! 3. A connection that does not answer is replaced, because a broken one is otherwise silent.

use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Msg, RedisError};
use tokio::time::{sleep, timeout};

use super::connection::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, Servers, late};
use crate::session::records::{Changed, RecordId};

/// The pause before a connection is replaced.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often a connection is asked whether it lives, if there is no message.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Passes on every change, for ever.
pub(super) async fn follow(servers: &Servers, channel: &str, changed: &(dyn Fn(Changed) + Send + Sync)) {
    loop {
        if let Ok((mut sink, mut stream)) = subscribe(servers, channel).await {
            // Only a failure ends it, and the next connection shows whether the server is back.
            let _failed = pass_on(&mut sink, &mut stream, changed).await;
        }
        sleep(RETRY_AFTER).await;
    }
}

async fn subscribe(servers: &Servers, channel: &str) -> Result<(PubSubSink, PubSubStream), RedisError> {
    let subscribed = async {
        let mut subscriber = servers.subscriber().await?;
        subscriber.subscribe(channel).await?;
        Ok(subscriber.split())
    };
    timeout(CONNECT_TIMEOUT, subscribed).await.unwrap_or_else(|_| Err(late("subscribing")))
}

async fn pass_on(
    sink: &mut PubSubSink,
    stream: &mut PubSubStream,
    changed: &(dyn Fn(Changed) + Send + Sync),
) -> Result<(), RedisError> {
    loop {
        match timeout(PING_INTERVAL, stream.next()).await {
            Ok(Some(message)) => {
                if let Some(change) = read(&message) {
                    changed(change);
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => {
                timeout(RESPONSE_TIMEOUT, sink.ping::<redis::Value>())
                    .await
                    .map_err(|_| late("a ping"))??;
            }
        }
    }
}

/// Reads the id of a record and its revision, or the id alone if the record was deleted.
fn read(message: &Msg) -> Option<Changed> {
    let (id, revision) = message.get_payload_bytes().split_first_chunk()?;
    let revision = match revision {
        [] => None,
        bytes => Some(u64::from_be_bytes(bytes.try_into().ok()?)),
    };
    Some(Changed { id: RecordId(*id), revision })
}
