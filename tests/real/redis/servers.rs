//! Redis as one server, with Sentinel and as a cluster
//!
//! 1. All tests of the process share one server of each form. Each test has keys of its own.
//! 2. The one server has TLS, and the documented `deploy/redis/redis.conf`.
//! 3. A test that stops a server starts its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use foregate::secret::Secret;
use foregate::session::records::redis::{Login, RedisServers, RedisSettings, Topology};
use redis::{Client, Cmd, Connection, cmd};

use crate::harness::{
    Authority, Program, Scratch, free_addresses, panic_missing, repository, send_signal, until,
};

const PASSWORD: &str = "a-password-of-the-tests";
/// The name of the service that the sentinels watch.
pub(super) const SERVICE: &str = "sessions";

/// Every write is in the file before it is acknowledged, so that a restart loses nothing.
pub(super) const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

static PREFIXES: AtomicUsize = AtomicUsize::new(0);

/// A running Redis.
pub(super) struct Redis {
    program: Program,
    port: u16,
    name: &'static str,
    arguments: Vec<String>,
}

impl Redis {
    /// Starts a server without TLS and without users.
    pub(super) async fn start(name: &'static str, more: &[&str], scratch: &Scratch) -> Self {
        let [address] = free_addresses();
        Self::start_at(address.port(), name, more, scratch).await
    }

    pub(super) async fn start_at(port: u16, name: &'static str, more: &[&str], scratch: &Scratch) -> Self {
        let folder = scratch.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let (port_text, folder) = (port.to_string(), folder.display().to_string());
        // By default, a primary waits five seconds for other replicas before it sends its data to one.
        let sync = ["--repl-diskless-sync-delay", "0"];
        let own = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--dir", &folder];
        // A later option replaces an earlier one.
        let arguments: Vec<_> =
            sync.iter().chain(&own).chain(more).map(|&argument| argument.to_owned()).collect();
        let program = Self::run(name, &arguments, scratch).await;
        Self { program, port, name, arguments }
    }

    async fn run(name: &'static str, arguments: &[String], scratch: &Scratch) -> Program {
        let mut program = Program::start_supervised(name, &server(), arguments, scratch);
        program.wait_for_line("it was ready", |line| line.contains("Ready to accept").then_some(())).await;
        program
    }

    /// Starts the killed server again, with its files.
    pub(super) async fn start_again(&mut self, scratch: &Scratch) {
        // The supervisor of the killed server may end before it.
        let is_free = async || TcpListener::bind(("127.0.0.1", self.port)).is_ok();
        until("the port is free", is_free).await;
        self.program = Self::run(self.name, &self.arguments, scratch).await;
    }

    /// Starts the killed server again, as a replica of another one.
    pub(super) async fn start_again_as_replica_of(&mut self, primary: &Self, scratch: &Scratch) {
        self.arguments.extend(["--replicaof".to_owned(), format!("127.0.0.1 {}", primary.port)]);
        self.start_again(scratch).await;
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn kill(&mut self) {
        self.program.kill();
    }

    pub(super) fn is_primary(&self) -> bool {
        // It closes its connections when its role changes.
        let role: Result<Vec<redis::Value>, _> = cmd("ROLE").query(&mut self.connection());
        role.is_ok_and(|role| role.first() == Some(&redis::Value::BulkString(b"master".to_vec())))
    }

    /// Waits until a replica has all writes until now. One that has just received its first copy takes a moment.
    pub(super) async fn wait_for_replica(&self) {
        let confirms = async || {
            let mut connection = self.connection();
            // WAIT knows only the writes of its connection.
            cmd("SET").arg("last").arg("write").exec(&mut connection).unwrap();
            cmd("DEL").arg("last").exec(&mut connection).unwrap();
            cmd("WAIT").arg(1).arg(100).query::<u8>(&mut connection).unwrap() > 0
        };
        until("a replica follows", confirms).await;
    }

    /// Stops the server without ending it.
    pub(super) fn freeze(&self) {
        send_signal("-STOP", &[self.process()]);
    }

    /// Continues the stopped server.
    pub(super) fn thaw(&self) {
        send_signal("-CONT", &[self.process()]);
    }

    /// Returns the id of the process. Its parent is a supervisor.
    fn process(&self) -> String {
        let log = self.program.log();
        let id =
            log.rsplit_once("pid=").and_then(|(_, rest)| rest.split_once(',')).expect("Redis logs its id");
        id.0.to_owned()
    }

    /// Returns a connection of the test itself.
    pub(super) fn connection(&self) -> Connection {
        let client = Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        client.get_connection().unwrap()
    }
}

fn server() -> PathBuf {
    let path = repository().join("target/test-tools/bin/redis-server");
    if path.is_file() { path } else { panic_missing("redis-server") }
}

/// Returns the settings of a store with keys of its own.
pub(super) fn settings(servers: RedisServers) -> RedisSettings {
    let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
    RedisSettings { servers, key_prefix: format!("foregate:{number}:") }
}

/// Returns servers at these ports, without TLS and users.
pub(super) fn plain(topology: Topology, ports: impl IntoIterator<Item = u16>) -> RedisServers {
    RedisServers {
        topology,
        addresses: ports.into_iter().map(|port| ("127.0.0.1".to_owned(), port)).collect(),
        tls: false,
        ca: None,
        login: Login::default(),
        database: 0,
    }
}

/// A server with TLS and the documented configuration.
pub(super) struct Protected {
    redis: Redis,
    pub(super) servers: RedisServers,
}

impl Protected {
    pub(super) async fn start(scratch: &Scratch) -> Self {
        let authority = Authority::new("localhost");
        let [address] = free_addresses();
        let file = std::fs::read_to_string(repository().join("deploy/redis/redis.conf")).unwrap();
        assert!(file.contains(">change-me "));
        let file = file.replace(">change-me ", &format!(">{PASSWORD} "));
        let file = scratch.write("redis.conf", &file).display().to_string();
        let options =
            [&tls_options(&authority, address.port(), scratch)[..], &["--include".to_owned(), file]].concat();
        let redis = Self::server(address.port(), &options, scratch).await;
        let login = Login { username: Some("foregate".to_owned()), password: Some(Secret::new(PASSWORD)) };
        let servers = RedisServers { login, ..with_tls(Topology::Single, address.port(), &authority) };
        Self { redis, servers }
    }

    /// Kills the server, and starts it again with its files.
    pub(super) async fn restart(&mut self, scratch: &Scratch) {
        self.redis.kill();
        self.redis.start_again(scratch).await;
    }

    async fn server(port: u16, options: &[String], scratch: &Scratch) -> Redis {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        Redis::start_at(port, "redis-protected", &options, scratch).await
    }
}

/// Returns the options of a program that listens only with TLS.
fn tls_options(authority: &Authority, port: u16, scratch: &Scratch) -> Vec<String> {
    let write = |name, text: &str| scratch.write(name, text).display().to_string();
    let (certificate, key) =
        (write("redis.crt", authority.certificate_pem()), write("redis.key", authority.key_pem()));
    let root = write("redis-ca.crt", authority.root_pem());
    let port = port.to_string();
    let options = [
        ["--port", "0"],
        ["--tls-port", &port],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-ca-cert-file", &root],
        ["--tls-auth-clients", "no"],
        ["--tls-replication", "yes"],
    ];
    options.concat().into_iter().map(str::to_owned).collect()
}

fn with_tls(topology: Topology, port: u16, authority: &Authority) -> RedisServers {
    RedisServers {
        addresses: vec![("localhost".to_owned(), port)],
        tls: true,
        ca: Some(authority.root_pem().as_bytes().to_vec()),
        ..plain(topology, [])
    }
}

/// A primary and a sentinel, both with TLS only.
pub(super) struct WatchedWithTls {
    _primary: Redis,
    _sentinel: Program,
    pub(super) servers: RedisServers,
}

impl WatchedWithTls {
    pub(super) async fn start(scratch: &Scratch) -> Self {
        let authority = Authority::new("localhost");
        let [primary, sentinel] = free_addresses();
        let primary =
            Protected::server(primary.port(), &tls_options(&authority, primary.port(), scratch), scratch)
                .await;
        let file = scratch.write(
            "sentinel.conf",
            &format!(
                "sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n\
                 sentinel monitor {SERVICE} localhost {} 1\n",
                primary.port()
            ),
        );
        let mut arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        arguments.extend(["--bind".to_owned(), "127.0.0.1".to_owned()]);
        arguments.extend(tls_options(&authority, sentinel.port(), scratch));
        let mut program = Program::start_supervised("sentinel", &server(), &arguments, scratch);
        program.wait_for_line("it watched", |line| line.contains("+monitor").then_some(())).await;
        let topology = Topology::Sentinel { service: SERVICE.to_owned(), login: Login::default() };
        let servers = with_tls(topology, sentinel.port(), &authority);
        Self { _primary: primary, _sentinel: program, servers }
    }
}

/// A primary, a replica, and a sentinel. It fails over after three seconds, because a busy machine may stop a server for
/// less.
pub(super) struct Watched {
    pub(super) primary: Redis,
    pub(super) replica: Redis,
    _sentinel: Program,
    pub(super) servers: RedisServers,
}

impl Watched {
    pub(super) async fn start(scratch: &Scratch) -> Self {
        let primary = Redis::start("redis-primary", &[], scratch).await;
        let of = format!("127.0.0.1 {}", primary.port());
        let replica = Redis::start("redis-replica", &["--replicaof", &of], scratch).await;
        let [address] = free_addresses();
        let folder = scratch.path().display().to_string();
        let port = address.port();
        let file = scratch.write(
            "sentinel.conf",
            &format!(
                "port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {SERVICE} {of} 1\n\
                 sentinel down-after-milliseconds {SERVICE} 3000\nsentinel failover-timeout {SERVICE} 5000\n"
            ),
        );
        let arguments = [file.display().to_string(), "--sentinel".to_owned()];
        let mut sentinel = Program::start_supervised("sentinel", &server(), &arguments, scratch);
        let found = |line: &str| line.contains("+slave").then_some(());
        sentinel.wait_for_line("it knew the replica", found).await;
        primary.wait_for_replica().await;
        let topology = Topology::Sentinel { service: SERVICE.to_owned(), login: Login::default() };
        Self { primary, replica, _sentinel: sentinel, servers: plain(topology, [port]) }
    }
}

/// A cluster of three servers.
pub(super) struct Cluster {
    nodes: Vec<Redis>,
    pub(super) servers: RedisServers,
}

impl Cluster {
    pub(super) async fn start(scratch: &Scratch) -> Self {
        let mut nodes = Vec::new();
        for (name, slots) in [("node-1", (0, 5460)), ("node-2", (5461, 10922)), ("node-3", (10923, 16383))] {
            let [bus] = free_addresses();
            let port = bus.port().to_string();
            let cluster =
                ["--cluster-enabled", "yes", "--cluster-port", &port, "--cluster-node-timeout", "60000"];
            let more = [&cluster[..], &DURABLE].concat();
            let node = Redis::start(name, &more, scratch).await;
            run(&node, cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(slots.0).arg(slots.1));
            nodes.push((node, bus.port()));
        }
        let (first, others) = nodes.split_first().unwrap();
        for (other, bus) in others {
            run(&first.0, cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(other.port()).arg(*bus));
        }
        let nodes: Vec<_> = nodes.into_iter().map(|(node, _)| node).collect();
        let servers = plain(Topology::Cluster, nodes.iter().map(Redis::port));
        let mut cluster = Self { nodes, servers };
        cluster.wait_until_complete().await;
        cluster
    }

    /// Kills all servers, and starts them again with their files.
    pub(super) async fn restart(&mut self, scratch: &Scratch) {
        self.kill();
        for node in &mut self.nodes {
            node.start_again(scratch).await;
        }
        self.wait_until_complete().await;
    }

    pub(super) fn kill(&mut self) {
        self.nodes.iter_mut().for_each(Redis::kill);
    }

    async fn wait_until_complete(&mut self) {
        for node in &mut self.nodes {
            let port = node.port();
            let joined = async || {
                let mut connection =
                    Client::open(format!("redis://127.0.0.1:{port}")).ok()?.get_connection().ok()?;
                let info: String = cmd("CLUSTER").arg("INFO").query(&mut connection).ok()?;
                (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).then_some(())
            };
            node.program.wait_until("the cluster was complete", joined).await;
        }
    }

    /// Returns the slot of a key.
    pub(super) fn slot_of(&self, key: &str) -> u16 {
        cmd("CLUSTER").arg("KEYSLOT").arg(key).query(&mut self.nodes[1].connection()).unwrap()
    }

    /// Stops the first server without ending it.
    pub(super) fn freeze_first(&self) {
        self.nodes[0].freeze();
    }
}

fn run(redis: &Redis, command: &mut Cmd) {
    command.exec(&mut redis.connection()).unwrap();
}
