//! What the servers say about themselves (INFO)

use super::{RedisSettings, Topology};

/// The oldest version with the flags of scripts.
const OLDEST: u32 = 7;

/// The texts of the servers. Without one, the user may not read them.
#[derive(Debug, Default)]
pub(super) struct Information {
    pub(super) servers: Vec<String>,
}

impl Information {
    /// Returns why the servers cannot keep sessions, and what to change.
    pub(super) fn obstacle(&self, settings: &RedisSettings) -> Option<String> {
        self.servers.iter().find_map(|text| {
            let major: Option<u32> =
                version(text).and_then(|(_, number)| number.split('.').next()?.parse().ok());
            if major.is_some_and(|major| major < OLDEST) {
                let (name, number) = version(text)?;
                return Some(format!("{name} {number} is too old; install Redis 7, Valkey 7.2, or newer"));
            }
            let topology = &settings.servers.topology;
            let other = match (field(text, "redis_mode")?, topology) {
                ("sentinel", Topology::Single | Topology::Cluster) => "sentinel",
                ("cluster", Topology::Single | Topology::Sentinel { .. }) => "cluster",
                _ => return None,
            };
            let belongs = if other == "sentinel" { "is a sentinel" } else { "belongs to a cluster" };
            Some(format!("{} {belongs}; set session.redis.topology to \"{other}\"", settings.servers))
        })
    }

    /// Returns the name and the version of the first server.
    pub(super) fn version(&self) -> Option<String> {
        let (name, number) = version(self.servers.first()?)?;
        Some(format!("{name} {number}"))
    }

    /// Returns the number of replicas that can confirm writes. Of a cluster, it is that of the server with the fewest.
    pub(super) fn replicas(&self) -> Option<usize> {
        self.servers.iter().map(|text| text.matches("state=online").count()).min()
    }

    /// Returns what to change, although sessions can be stored.
    pub(super) fn warnings(&self) -> Vec<String> {
        if self.servers.is_empty() {
            let unknown = "the user may not run INFO, so the version, the replicas and maxmemory-policy are not known, and no \
                 replica confirms writes; give it +info";
            return vec![unknown.to_owned()];
        }
        let policies = self.servers.iter().filter_map(|text| field(text, "maxmemory_policy"));
        let mut evicting: Vec<_> = policies.filter(|policy| *policy != "noeviction").collect();
        evicting.sort_unstable();
        evicting.dedup();
        let warning = |policy| {
            format!(
                "Redis deletes sessions when its memory is full (maxmemory-policy {policy}), and their users must sign in \
                 again; set maxmemory-policy to noeviction"
            )
        };
        evicting.into_iter().map(warning).collect()
    }
}

/// Returns the name and the version of a server. Valkey names a version of Redis too.
fn version(text: &str) -> Option<(&'static str, &str)> {
    let valkey = field(text, "valkey_version").map(|number| ("Valkey", number));
    valkey.or_else(|| Some(("Redis", field(text, "redis_version")?)))
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::super::{Login, RedisServers};
    use super::*;

    fn obstacle(text: &str, topology: Topology) -> Option<String> {
        let addresses = vec![("redis.test".to_owned(), 6379)];
        let servers =
            RedisServers { topology, addresses, tls: false, ca: None, login: Login::default(), database: 0 };
        let settings = RedisSettings { servers, key_prefix: "foregate:".to_owned() };
        Information { servers: vec![text.to_owned()] }.obstacle(&settings)
    }

    #[test]
    fn old_server_is_an_obstacle() {
        for (text, expected) in [
            (
                "redis_version:6.2.14\r\n",
                Some("Redis 6.2.14 is too old; install Redis 7, Valkey 7.2, or newer"),
            ),
            ("redis_version:7.0.0\r\nredis_mode:standalone\r\n", None),
            ("redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n", None),
            ("redis_version:unknown\r\n", None),
        ] {
            assert_eq!(obstacle(text, Topology::Single).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn server_of_another_topology_is_an_obstacle() {
        let text = "redis_version:7.2.4\r\nredis_mode:sentinel\r\n";
        let expected = "redis.test:6379 is a sentinel; set session.redis.topology to \"sentinel\"";
        assert_eq!(obstacle(text, Topology::Single).as_deref(), Some(expected));
        let text = "redis_version:7.2.4\r\nredis_mode:cluster\r\n";
        assert_eq!(obstacle(text, Topology::Cluster), None);
        assert!(obstacle(text, Topology::Single).is_some_and(|found| found.ends_with("\"cluster\"")));
    }

    #[test]
    fn replicas_are_those_of_the_server_with_the_fewest() {
        let online = "slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\r\n";
        let loading = "slave0:ip=127.0.0.1,port=1,state=wait_bgsave,offset=0,lag=0\r\n";
        let two = [online, online].concat();
        for (servers, expected) in
            [(vec![], None), (vec![loading], Some(0)), (vec![online, &two], Some(1)), (vec![&two], Some(2))]
        {
            let servers = servers.into_iter().map(str::to_owned).collect();
            assert_eq!(Information { servers }.replicas(), expected);
        }
    }

    #[test]
    fn version_is_that_of_the_product() {
        let servers = vec!["redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n".to_owned()];
        assert_eq!(Information { servers }.version().as_deref(), Some("Valkey 8.0.1"));
    }
}
