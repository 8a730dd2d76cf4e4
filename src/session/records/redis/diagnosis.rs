//! The cause of a failure of Redis, and its remedy
//!
//! The client of a cluster keeps only the texts of its errors. So the texts are compared, and not their kinds.

use redis::RedisError;

use super::{RedisSettings, Topology};
use crate::trust;

/// Returns the cause and the remedy as one line.
pub(super) fn explain(error: &RedisError, settings: &RedisSettings) -> String {
    let problem = Problem {
        text: format!("{} {error}", error.code().unwrap_or_default()).trim().to_owned(),
        is_timeout: error.is_timeout(),
        settings,
    };
    let (cause, remedy) = problem
        .of_login()
        .or_else(|| problem.of_rights())
        .or_else(|| problem.of_topology())
        .or_else(|| problem.of_tls())
        .or_else(|| problem.of_network())
        .unwrap_or_else(|| explained(format!("Redis failed: {}", problem.text), "see the log of Redis"));
    format!("{cause}; {remedy}")
}

/// A cause and its remedy.
type Explained = (String, String);

struct Problem<'a> {
    text: String,
    is_timeout: bool,
    settings: &'a RedisSettings,
}

impl Problem<'_> {
    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.text.contains(word))
    }

    fn of_login(&self) -> Option<Explained> {
        let remedy = "set session.redis.username and session.redis.password_file to a user of Redis";
        let at_sentinels = match self.settings.servers.topology {
            Topology::Sentinel { .. } => ", and the settings with sentinel_ to a user of the sentinels",
            Topology::Single | Topology::Cluster => "",
        };
        let cause = if self.says(&["NOAUTH"]) {
            "Redis requires a password"
        } else if self.says(&["WRONGPASS", "AuthenticationFailed"]) {
            "Redis refuses the user or the password"
        } else {
            return None;
        };
        Some(explained(cause, format!("{remedy}{at_sentinels}")))
    }

    fn of_rights(&self) -> Option<Explained> {
        let prefix = &self.settings.key_prefix;
        if self.says(&["access a key", "access the key", "one of the keys"]) {
            return Some(explained(
                format!("the user may not use keys that begin with {prefix}"),
                format!("add ~{prefix}* to its rules, or change session.redis.key_prefix"),
            ));
        }
        if self.says(&["a channel", "the channel", "of the channels"]) {
            let cause = format!("the user may not use channels that begin with {prefix}");
            return Some(explained(cause, format!("add &{prefix}* to its rules")));
        }
        if !self.says(&["NOPERM", "no permissions", "can't run this command"]) {
            return None;
        }
        let command = self.text.split_once("run the '").and_then(|(_, rest)| rest.split_once('\''));
        let command = command.map(|(name, _)| name.to_uppercase());
        // Redis 7.0 does not name a command that a script runs.
        let command = command.unwrap_or_else(|| "a command that the scripts need".to_owned());
        let remedy = if command.starts_with("SENTINEL") || command == "ROLE" {
            "give the user of the sentinels +role and +sentinel|masters"
        } else {
            "give it the rights in deploy/redis/redis.conf"
        };
        Some(explained(format!("the user may not run {command}"), remedy))
    }

    fn of_topology(&self) -> Option<Explained> {
        let topology = "set session.redis.topology to";
        if let Topology::Sentinel { service, .. } = &self.settings.servers.topology
            && self.says(&["MasterNameNotFoundBySentinel"])
        {
            return Some(explained(
                format!("the sentinels know no service {service} with a primary that answers"),
                "set session.redis.service to the name in `sentinel monitor`",
            ));
        }
        if self.says(&["READONLY", "read only replica"]) {
            let remedy = "name the primary in session.redis.urls, or use Sentinel";
            return Some(explained(format!("{} is a replica", self.place()), remedy));
        }
        if self.says(&["NOREPLICAS"]) {
            let remedy = "start the replicas, or lower min-replicas-to-write in its configuration";
            let primary = match &self.settings.servers.topology {
                Topology::Sentinel { service, .. } => format!("the primary of {service}"),
                Topology::Single | Topology::Cluster => self.place(),
            };
            let cause = format!("{primary} takes no writes, because too few replicas follow it");
            return Some(explained(cause, remedy));
        }
        if self.says(&["MOVED", "CROSSSLOT", "CLUSTERDOWN"]) {
            return match self.settings.servers.topology {
                Topology::Cluster => {
                    Some(explained("the cluster does not serve all slots", "see CLUSTER INFO"))
                }
                Topology::Single | Topology::Sentinel { .. } => Some(explained(
                    format!("{} belongs to a cluster", self.place()),
                    format!("{topology} \"cluster\""),
                )),
            };
        }
        if self.says(&["cluster support disabled"]) {
            let cause = format!("{} belongs to no cluster", self.place());
            return Some(explained(cause, format!("{topology} \"single\"")));
        }
        if self.says(&["not point to a sentinel"]) {
            let cause = format!("{} is not a sentinel", self.place());
            return Some(explained(
                cause,
                format!("name the sentinels in session.redis.urls, or {topology} \"single\""),
            ));
        }
        self.says(&["LOADING", "MASTERDOWN"]).then(|| {
            ("Redis still loads its data, or waits for its primary".to_owned(), "try again later".to_owned())
        })
    }

    fn of_tls(&self) -> Option<Explained> {
        let servers = &self.settings.servers;
        if servers.tls && (trust::is_no_tls(&self.text) || self.says(&["corrupt message"])) {
            let cause = format!("{} does not use TLS at this port", self.place());
            return Some(explained(
                cause,
                "correct the port in session.redis.urls, or begin the URL with redis://",
            ));
        }
        if servers.tls && trust::is_for_other_name(&self.text) {
            let cause = format!("the certificate of {} is for another host", self.place());
            return Some(explained(cause, "in session.redis.urls, use a host that the certificate names"));
        }
        if servers.tls && trust::is_disbelief(&self.text) {
            let remedy = match servers.ca {
                _ if trust::is_authority_as_server(&self.text) => {
                    "give the server a certificate of its own, and not that of the authority"
                }
                Some(_) => "let session.redis.ca_file have the authority that signed it",
                None => "set session.redis.ca_file to the authority that signed it",
            };
            return Some(explained(format!("the certificate is not trusted: {}", self.text), remedy));
        }
        None
    }

    fn of_network(&self) -> Option<Explained> {
        let place = self.place();
        let urls = "correct session.redis.urls";
        if self.says(&["refused"]) {
            return Some(explained(
                format!("{place} refuses the connection"),
                format!("start Redis, or {urls}"),
            ));
        }
        if self.says(&["lookup address", "not known", "No address", "resolve"]) {
            return Some(explained(format!("the name of {place} has no address"), urls));
        }
        if self.is_timeout || self.says(&["took too long", "timed out"]) {
            // Redis keeps silent if it gets the first message of TLS at another port.
            let or_tls = if self.settings.servers.tls {
                "; if it does not use TLS there, the URL begins with redis://"
            } else {
                ""
            };
            let remedy = format!("{urls}, or let a firewall pass the connection{or_tls}");
            return Some(explained(format!("{place} does not answer in time"), remedy));
        }
        if !self.settings.servers.tls
            && self.says(&["reset", "closed", "dropped", "EOF", "end of file", "broken pipe", "Parse"])
        {
            let remedy = "if it uses TLS there, begin the URL in session.redis.urls with rediss://";
            return Some(explained(format!("{place} closes the connection"), remedy));
        }
        None
    }

    /// Returns the servers in the settings.
    fn place(&self) -> String {
        self.settings.servers.to_string()
    }
}

fn explained(cause: impl Into<String>, remedy: impl Into<String>) -> Explained {
    (cause.into(), remedy.into())
}
