//! Connections to Redis
//!
//! 1. All calls share one connection, which sends them without waiting for earlier replies. To a cluster, it is one
//!    connection for each node. Writes that wait for a replica have other ones.
//! 2. After a connection error, or an error of a server that is no longer the primary, the next call connects again.
//!    With Sentinel, that call asks the sentinels for the primary.
//! 3. At most one call connects. For a short time after a failure, no call tries, so that a server that is down costs no
//!    call a timeout.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::SentinelClient;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, Script,
    ScriptInvocation, ServerErrorKind, Value,
};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

/// The time limit of a connect, with its handshakes.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The time limit of the connect to one of several servers, so that one that hangs does not hide the others.
pub(super) const SERVER_TIMEOUT: Duration = Duration::from_millis(600);
/// The time limit of a reply.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long no call connects after a failure.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// The servers to connect to.
pub(super) enum Servers {
    Single(Box<Client>),
    Sentinel(Box<Mutex<SentinelClient>>),
    /// The cluster, and its named servers one by one: each of them knows every message.
    Cluster(Box<ClusterClient>, Vec<Client>),
}

/// The connection that all calls share.
pub(super) struct Connection {
    pub(super) servers: Arc<Servers>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    link: Option<Link>,
    /// The number of the connection. A call that failed closes only the connection that it used.
    number: u64,
    failed: Option<(Instant, RedisError)>,
}

/// A connection to one server, or to all of a cluster.
#[derive(Clone)]
enum Link {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// What a call sends.
#[derive(Clone, Copy)]
pub(super) enum Call<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
    Pipeline(&'a Pipeline),
}

impl Connection {
    /// A connection that the first call opens.
    pub(super) fn new(servers: Arc<Servers>) -> Self {
        Self { servers, state: Mutex::default() }
    }

    /// Runs one call.
    pub(super) async fn run<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, RedisError> {
        let (mut link, number) = self.link().await?;
        let result = match call {
            Call::Command(command) => command.query_async(&mut link).await,
            Call::Script(script) => script.invoke_async(&mut link).await,
            Call::Pipeline(pipeline) => pipeline.query_async(&mut link).await,
        };
        // A connection to a cluster replaces that of a single server itself.
        let is_cluster = matches!(link, Link::Cluster(_));
        if !is_cluster && result.as_ref().is_err_and(needs_new_connection) {
            self.close(number).await;
        }
        result
    }

    /// Makes a script known to the servers.
    pub(super) async fn load(&self, script: &Script) -> Result<(), RedisError> {
        let (mut link, _) = self.link().await?;
        script.load_async(&mut link).await.map(drop)
    }

    /// Runs one call, and again over a new connection if the first one was closed. Only for a call that may run twice.
    pub(super) async fn repeat<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, RedisError> {
        match self.run(call).await {
            Err(error) if is_lost(&error) => self.run(call).await,
            result => result,
        }
    }

    async fn link(&self) -> Result<(Link, u64), RedisError> {
        let mut state = self.state.lock().await;
        if let Some(link) = &state.link {
            return Ok((link.clone(), state.number));
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < RETRY_AFTER
        {
            return Err(error.clone());
        }
        self.connect(&mut state).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the pause is too short for the clock, which has whole seconds"
    )]
    async fn connect(&self, state: &mut MutexGuard<'_, State>) -> Result<(Link, u64), RedisError> {
        let connected = timeout(CONNECT_TIMEOUT, self.servers.connect()).await;
        match connected.unwrap_or_else(|_| Err(late("connecting"))) {
            Ok(link) => {
                state.number += 1;
                state.failed = None;
                state.link = Some(link.clone());
                Ok((link, state.number))
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn close(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.number == number {
            state.link = None;
        }
    }
}

impl Servers {
    async fn connect(&self) -> Result<Link, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        match self {
            Self::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Link::Server)
            }
            Self::Sentinel(client) => {
                let mut client = client.lock().await;
                client.get_async_connection_with_config(&config).await.map(Link::Server)
            }
            Self::Cluster(client, _) => client.get_async_connection().await.map(Link::Cluster),
        }
    }

    /// Returns a connection that can subscribe.
    pub(super) async fn subscriber(&self) -> Result<PubSub, RedisError> {
        match self {
            Self::Single(client) => client.get_async_pubsub().await,
            Self::Sentinel(client) => {
                let client = client.lock().await.async_get_client().await?;
                client.get_async_pubsub().await
            }
            Self::Cluster(_, clients) => {
                let mut last = late("finding a server");
                for client in clients {
                    match timeout(SERVER_TIMEOUT, client.get_async_pubsub()).await {
                        Ok(Ok(subscriber)) => return Ok(subscriber),
                        Ok(Err(error)) => last = error,
                        Err(_) => {}
                    }
                }
                Err(last)
            }
        }
    }
}

/// Returns whether a call may succeed over a new connection.
fn is_lost(error: &RedisError) -> bool {
    needs_new_connection(error) && !error.is_timeout()
}

/// Returns whether the connection must not serve another call.
fn needs_new_connection(error: &RedisError) -> bool {
    let is_not_primary = matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading
        )
    );
    is_not_primary || error.is_io_error() || error.is_unrecoverable_error()
}

pub(super) fn late(what: &str) -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, format!("{what} took too long")).into()
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
