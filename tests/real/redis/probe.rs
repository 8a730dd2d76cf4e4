//! What `foregate check --online` says about real servers

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use foregate::secret::Secret;
use foregate::server::SystemClock;
use foregate::session::records::redis::{
    Login, RedisProbe, RedisServers, RedisSettings, Tested, Topology, Unusable,
};
use redis::cmd;

use super::servers::{Cluster, Protected, Redis, SERVICE, Watched, plain, settings};
use crate::harness::{Authority, Scratch, foregate, free_addresses};

static TESTS: AtomicU8 = AtomicU8::new(0);

async fn test(servers: RedisServers) -> Result<Tested, Unusable> {
    test_with(&settings(servers)).await
}

async fn test_with(settings: &RedisSettings) -> Result<Tested, Unusable> {
    let random = [TESTS.fetch_add(1, Ordering::Relaxed); 16];
    RedisProbe::new(settings, Arc::new(SystemClock)).unwrap().test(random).await
}

#[track_caller]
fn assert_says(tested: &Result<Tested, Unusable>, words: &[&str]) {
    let Err(Unusable(text)) = tested else { panic!("{words:?}: {tested:?}") };
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

fn at(host: &str, port: u16) -> RedisServers {
    RedisServers { addresses: vec![(host.to_owned(), port)], ..plain(Topology::Single, []) }
}

fn sentinel(service: &str) -> Topology {
    Topology::Sentinel { service: service.to_owned(), login: Login::default() }
}

fn login(password: &str) -> Login {
    Login { username: Some("foregate".to_owned()), password: Some(Secret::new(password)) }
}

#[tokio::test]
async fn sound_servers_pass_and_keep_nothing() {
    let scratch = Scratch::new();
    let (protected, watched, cluster) =
        (Protected::start(&scratch).await, Watched::start(&scratch).await, Cluster::start(&scratch).await);
    for (servers, expected) in [(&protected.servers, 0), (&watched.servers, 1), (&cluster.servers, 0)] {
        let Tested { version, replicas, warnings } = test(servers.clone()).await.unwrap();
        assert_eq!(replicas, Some(expected), "{:?}", servers.topology);
        assert!(
            version.is_some_and(|version| version.starts_with("Redis ") || version.starts_with("Valkey "))
        );
        assert_eq!(warnings, [""; 0], "{:?}", servers.topology);
    }
    let left: u32 = cmd("DBSIZE").query(&mut watched.primary.connection()).unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn refused_login_is_named() {
    let scratch = Scratch::new();
    let Protected { servers, .. } = &Protected::start(&scratch).await;
    let wrong = RedisServers { login: login("wrong"), ..servers.clone() };
    assert_says(&test(wrong).await, &["refuses the user or the password; set session.redis.username"]);
    let none = RedisServers { login: Login::default(), ..servers.clone() };
    assert_says(&test(none).await, &["requires a password; set session.redis.username"]);
}

#[tokio::test]
async fn missing_right_is_named() {
    let scratch = Scratch::new();
    let redis = Redis::start("redis-own", &[], &scratch).await;
    let settings = settings(RedisServers { login: login("secret"), ..at("127.0.0.1", redis.port()) });
    for (rules, words) in [
        ("~foregate:* +@all -get", "may not run GET; give it the rights in deploy/redis/redis.conf"),
        ("~foregate:* +@all -evalsha", "may not run EVALSHA; give"),
        ("~foregate:* +@all -zadd", "; give it the rights in deploy/redis/redis.conf"),
        ("~foregate:* +@all -hset", "; give it the rights in deploy/redis/redis.conf"),
        ("~other:* +@all", "may not use keys that begin with foregate:"),
    ] {
        let user = ["foregate", "reset", "on", ">secret"].into_iter().chain(rules.split(' '));
        cmd("ACL").arg("SETUSER").arg(user.collect::<Vec<_>>()).exec(&mut redis.connection()).unwrap();
        assert_says(&test_with(&settings).await, &[words]);
    }
    let rules = ["foregate", "reset", "on", ">secret", "~foregate:*", "resetchannels", "+@all", "-info"];
    cmd("ACL").arg("SETUSER").arg(&rules).exec(&mut redis.connection()).unwrap();
    let tested = test_with(&settings).await.unwrap();
    let [of_info, of_channel] = &*tested.warnings else { panic!("{tested:?}") };
    assert!(tested.version.is_none() && of_info.contains("give it +info"), "{of_info}");
    assert!(of_channel.contains("add &foregate:"), "{of_channel}");
}

#[tokio::test]
async fn mistake_about_tls_is_named() {
    let scratch = Scratch::new();
    let Protected { servers, .. } = &Protected::start(&scratch).await;
    let unprotected = Redis::start("redis-own", &[], &scratch).await;
    let port = servers.addresses[0].1;
    let other = Authority::new("localhost").root_pem().as_bytes().to_vec();
    for (servers, words) in [
        (
            RedisServers { tls: false, ..servers.clone() },
            "begin the URL in session.redis.urls with rediss://",
        ),
        (RedisServers { ca: None, ..servers.clone() }, "is not trusted: "),
        (RedisServers { ca: None, ..servers.clone() }, "; set session.redis.ca_file to the authority"),
        (
            RedisServers { ca: Some(other), ..servers.clone() },
            "; let session.redis.ca_file have the authority",
        ),
        (
            RedisServers { addresses: vec![("127.0.0.1".to_owned(), port)], ..servers.clone() },
            "the certificate of 127.0.0.1:",
        ),
        (
            RedisServers { tls: true, ..at("127.0.0.1", unprotected.port()) },
            "if it does not use TLS there, the URL begins with redis://",
        ),
    ] {
        assert_says(&test(servers).await, &[words]);
    }
}

#[tokio::test]
async fn server_that_is_not_there_is_named() {
    let [address] = free_addresses();
    let port = address.port();
    let place =
        format!("127.0.0.1:{port} refuses the connection; start Redis, or correct session.redis.urls");
    for topology in [Topology::Single, sentinel(SERVICE), Topology::Cluster] {
        assert_says(&test(plain(topology, [port])).await, &[&place]);
    }
    assert_says(&test(at("redis.invalid", 6379)).await, &["redis.invalid:6379 has no address"]);
}

#[tokio::test]
async fn wrong_topology_is_named() {
    let scratch = Scratch::new();
    let (watched, cluster) = (Watched::start(&scratch).await, Cluster::start(&scratch).await);
    let (sentinel_port, node) = (watched.servers.addresses[0].1, cluster.servers.addresses[0].1);
    let (primary, replica) = (watched.primary.port(), watched.replica.port());
    for (topology, port, words) in [
        (sentinel("other"), sentinel_port, "the sentinels know no service other"),
        (sentinel(SERVICE), primary, "is not a sentinel; name the sentinels"),
        (Topology::Single, sentinel_port, "is a sentinel; set session.redis.topology to \"sentinel\""),
        (Topology::Single, node, "belongs to a cluster; set session.redis.topology to \"cluster\""),
        (Topology::Cluster, primary, "belongs to no cluster; set session.redis.topology to \"single\""),
        (Topology::Single, replica, "is a replica; name the primary in session.redis.urls"),
    ] {
        assert_says(&test(plain(topology, [port])).await, &[words]);
    }
}

#[tokio::test]
async fn replicas_that_are_missing_or_hang_are_named() {
    let scratch = Scratch::new();
    let alone = Redis::start("redis-alone", &["--min-replicas-to-write", "1"], &scratch).await;
    let missing = test(at("127.0.0.1", alone.port())).await;
    assert_says(&missing, &["too few replicas follow it; start the replicas", "min-replicas-to-write"]);
    let watched = Watched::start(&scratch).await;
    watched.replica.freeze();
    assert_says(&test(watched.servers.clone()).await, &["no replica confirmed a write"]);
    watched.replica.thaw();
}

#[tokio::test]
async fn memory_that_evicts_or_is_full_is_named() {
    let scratch = Scratch::new();
    let redis = Redis::start("redis-own", &["--maxmemory-policy", "allkeys-lru"], &scratch).await;
    let servers = at("127.0.0.1", redis.port());
    let Tested { warnings, .. } = test(servers.clone()).await.unwrap();
    assert!(warnings[0].contains("allkeys-lru") && warnings[0].contains("to noeviction"), "{warnings:?}");
    for (name, value) in [("maxmemory-policy", "noeviction"), ("maxmemory", "1")] {
        cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut redis.connection()).unwrap();
    }
    assert_says(&test(servers).await, &["is full, so no session can begin; raise maxmemory"]);
}

/// Returns whether the command succeeded, its output and its errors.
async fn check_online(issuer: &str, port: u16) -> (bool, String, String) {
    let mut command = foregate();
    command.args(["check", "--online"]);
    let (issuer, urls) =
        (format!("provider.issuer={issuer}"), format!("session.redis.urls=redis://127.0.0.1:{port}"));
    for setting in [
        &*issuer,
        &*urls,
        "session.keys=5mQ2wJ8Jg3m0h9vRkqX1c7nTtYbLsZaE4dUfPiOoKxM",
        "public.urls=https://app.test",
        "provider.client_id=foregate",
        "provider.client_authentication=none",
        "session.store=redis",
    ] {
        command.args(["--set", setting]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_succeeds_only_if_redis_keeps_sessions() {
    let scratch = Scratch::new();
    let provider = dev_provider::start(dev_provider::Settings::default()).await.unwrap();
    let mut redis = Redis::start("redis-own", &[], &scratch).await;
    let (succeeded, text, errors) = check_online(provider.issuer(), redis.port()).await;
    let stored = format!(" at 127.0.0.1:{} stored, changed and ended a test session.\n", redis.port());
    assert!(succeeded && text.contains(&stored), "{text}{errors}");
    assert!(text.contains("session.store = \"redis\": sessions are in Redis, at 127.0.0.1"), "{text}");
    assert!(text.contains("Replicas that have the sessions: 0: if"), "{text}");
    redis.kill();
    let (succeeded, text, errors) = check_online(provider.issuer(), redis.port()).await;
    assert!(!succeeded && text.contains("error: session.redis: 127.0.0.1:"), "{text}{errors}");
    assert!(errors.ends_with("but sessions cannot be stored (1 error)\n"), "{errors}");
}
