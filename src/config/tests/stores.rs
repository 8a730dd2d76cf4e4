//! Session stores

use super::*;
use crate::config::SessionStorage;
use crate::session::records::redis::{RedisSettings, Topology};

type Set<'a> = &'a [(&'a str, &'a str)];

fn storage(set: Set<'_>) -> Result<SessionStorage, Mistakes> {
    load_all(MINIMAL, &[], set).map(|settings| settings.session.storage)
}

fn redis(set: Set<'_>) -> RedisSettings {
    match storage(&[&[("session.store", "redis")], set].concat()) {
        Ok(SessionStorage::Redis(settings)) => *settings,
        Ok(_) => panic!("another store"),
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn store_needs_its_own_settings_and_no_others() {
    assert!(matches!(storage(&[]), Ok(SessionStorage::Cookie)));
    let path = std::env::temp_dir().join("foregate-sessions");
    let file = ("session.file", path.to_str().unwrap());
    let read = storage(&[("session.store", "file"), file]).ok().unwrap();
    assert!(matches!(read, SessionStorage::File(read) if read == path));
    let url = ("session.redis.urls", "redis://127.0.0.1");
    let redis = ("session.store", "redis");
    for (set, key, words) in [
        (&[("session.store", "file")][..], "session.file", "missing"),
        (&[file], "session.store", "or remove session.file"),
        (&[url], "session.store", "or remove session.redis.urls"),
        (&[redis, url, file], "session.store", "or remove session.file"),
        (&[("session.store", "memcached")], "session.store", "\"file\" or \"redis\""),
        (&[("session.store", "file"), ("session.file", "/no/such/x")], "session.file", "does not exist"),
        (&[("session.store", "file"), ("session.file", "/tmp")], "session.file", "it is a directory"),
        (&[("session.stale_if_error", "6m")], "session.stale_if_error", "from 0s to 5m"),
        (&[redis], "session.redis.urls", "missing"),
    ] {
        assert_mistake(set, key, words);
    }
}

fn assert_mistake(set: Set<'_>, key: &str, words: &str) {
    let found = storage(set).err().unwrap();
    assert_eq!((found.count(), found.iter().next().unwrap().key.as_str()), (1, key), "{found}");
    assert!(found.to_string().contains(words), "{words}: {found}");
}

#[test]
fn every_key_of_redis_takes_effect() {
    let (secret, ca) = (TempFile::new("hunter3\n"), TempFile::new(CERTIFICATE));
    let settings = redis(&[
        ("session.redis.urls", "rediss://a.test/3,rediss://[::1]:7/3"),
        ("session.redis.topology", "sentinel"),
        ("session.redis.service", "sessions"),
        ("session.redis.username", "gate"),
        ("session.redis.password", "hunter2"),
        ("session.redis.sentinel_username", "watcher"),
        ("session.redis.sentinel_password_file", secret.path()),
        ("session.redis.ca_file", ca.path()),
        ("session.redis.key_prefix", "apps/gate:"),
    ]);
    assert_eq!(settings.key_prefix, "apps/gate:");
    let servers = settings.servers;
    assert_eq!(servers.addresses, [("a.test".to_owned(), 26379), ("::1".to_owned(), 7)]);
    assert!(servers.tls && servers.ca.is_some());
    assert_eq!(servers.database, 3);
    assert_eq!(servers.login.username.as_deref(), Some("gate"));
    assert_eq!(servers.login.password.unwrap().expose(), "hunter2");
    let Topology::Sentinel { service, login } = servers.topology else { panic!("no sentinels") };
    assert_eq!((service.as_str(), login.username.as_deref()), ("sessions", Some("watcher")));
    assert_eq!(login.password.unwrap().expose(), "hunter3");

    let least = redis(&[("session.redis.urls", "redis://127.0.0.1")]);
    assert_eq!(least.servers.addresses, [("127.0.0.1".to_owned(), 6379)]);
    assert!(matches!(least.servers.topology, Topology::Single));
    assert_eq!(
        (least.servers.tls, least.servers.database, least.key_prefix.as_str()),
        (false, 0, "foregate:")
    );
    let cluster =
        redis(&[("session.redis.urls", "redis://127.0.0.1"), ("session.redis.topology", "cluster")]);
    assert!(matches!(cluster.servers.topology, Topology::Cluster));
}

#[test]
fn wrong_settings_of_redis_are_explained() {
    let urls = "session.redis.urls";
    for (set, key, words) in [
        (&[(urls, "http://a")][..], urls, "begins with rediss://"),
        (&[(urls, "rediss://u:p@a")], urls, "session.redis.password_file"),
        (&[(urls, "rediss://a?x=1")], urls, "has a query"),
        (&[(urls, "rediss://a/x")], urls, "not the number of a database"),
        (&[(urls, "rediss://a,rediss://b")], urls, "several URLs"),
        (&[(urls, "rediss://a,redis://b"), ("session.redis.topology", "cluster")], urls, "different schemes"),
        (&[(urls, "rediss://a/1"), ("session.redis.topology", "cluster")], urls, "only the database 0"),
        (&[(urls, "rediss://a"), ("session.redis.topology", "sentinel")], "session.redis.service", "missing"),
        (&[(urls, "rediss://a"), ("session.redis.username", "x")], "session.redis.username", "no password"),
        (&[(urls, "rediss://a"), ("session.redis.key_prefix", "{a}")], "session.redis.key_prefix", "another"),
        (&[(urls, "rediss://a"), ("session.redis.topology", "ring")], "session.redis.topology", "choices"),
    ] {
        assert_mistake(&[&[("session.store", "redis")], set].concat(), key, words);
    }
    let warns = |url: &str| {
        let set = [("session.store", "redis"), (urls, url)];
        load_all(MINIMAL, &[], &set).unwrap().warnings.iter().any(|warning| warning.contains("without TLS"))
    };
    assert!(warns("redis://redis.svc") && !warns("rediss://redis.svc") && !warns("redis://localhost"));
}
