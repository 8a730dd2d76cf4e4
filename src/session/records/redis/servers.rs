//! The servers of Redis, as the settings name them

use std::fmt::{self, Debug, Display, Formatter};

use redis::cluster::ClusterClientBuilder;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    TlsCertificates, TlsMode,
};
use tokio::sync::Mutex;

use super::connection::{RESPONSE_TIMEOUT, SERVER_TIMEOUT, Servers};
use crate::secret::Secret;

/// The servers and how to connect to them.
#[derive(Clone, Debug)]
pub struct RedisServers {
    /// How the servers work together.
    pub topology: Topology,
    /// Host and port of each server, or of each sentinel.
    pub addresses: Vec<(String, u16)>,
    /// Whether connections use TLS. They then need a certificate that names the host.
    pub tls: bool,
    /// The certificates to trust, as PEM, instead of the system's.
    pub ca: Option<Vec<u8>>,
    /// The user of the servers.
    pub login: Login,
    /// The number of the database. A cluster has only 0.
    pub database: i64,
}

/// How the servers work together.
#[derive(Clone, Debug)]
pub enum Topology {
    /// One server.
    Single,
    /// Sentinels, which name the primary of a service.
    Sentinel {
        /// The name of the service.
        service: String,
        /// The user of the sentinels.
        login: Login,
    },
    /// A cluster. One of the addresses suffices to find the others.
    Cluster,
}

/// A user and a password (AUTH).
#[derive(Clone, Default)]
pub struct Login {
    /// The name of an ACL user. Without it, the default user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

impl Debug for Login {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Login {
    fn apply<B>(&self, mut builder: B, user: fn(B, &str) -> B, password: fn(B, &str) -> B) -> B {
        if let Some(name) = &self.username {
            builder = user(builder, name);
        }
        if let Some(secret) = &self.password {
            builder = password(builder, secret.expose());
        }
        builder
    }
}

/// Prints the addresses.
impl Display for RedisServers {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (index, (host, port)) in self.addresses.iter().enumerate() {
            let between = if index == 0 { "" } else { ", " };
            if host.contains(':') {
                write!(formatter, "{between}[{host}]:{port}")?;
            } else {
                write!(formatter, "{between}{host}:{port}")?;
            }
        }
        Ok(())
    }
}

impl RedisServers {
    /// Returns the clients. Nothing connects yet.
    pub(super) fn open(&self) -> Result<Servers, RedisError> {
        match &self.topology {
            Topology::Single => {
                let client = self.clients()?.into_iter().next();
                let client = client.ok_or((redis::ErrorKind::InvalidClientConfig, "no server"))?;
                Ok(Servers::Single(Box::new(client)))
            }
            Topology::Sentinel { service, login } => self.sentinel(service, login),
            Topology::Cluster => self.cluster(),
        }
    }

    /// Returns a client of each address.
    fn clients(&self) -> Result<Vec<Client>, RedisError> {
        let client = |info: ConnectionInfo| {
            if self.tls { Client::build_with_tls(info, self.certificates()) } else { Client::open(info) }
        };
        self.infos()?.into_iter().map(client).collect()
    }

    fn sentinel(&self, service: &str, sentinel_login: &Login) -> Result<Servers, RedisError> {
        let mut builder = SentinelClientBuilder::new(self.named(), service, SentinelServerType::Master)?
            .set_client_to_redis_db(self.database);
        builder = self.login.apply(
            builder,
            |builder, name| builder.set_client_to_redis_username(name),
            |builder, password| builder.set_client_to_redis_password(password),
        );
        builder = sentinel_login.apply(
            builder,
            |builder, name| builder.set_client_to_sentinel_username(name),
            |builder, password| builder.set_client_to_sentinel_password(password),
        );
        if self.tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(self.certificates())
                .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_certificates(self.certificates());
        }
        Ok(Servers::Sentinel(Box::new(Mutex::new(builder.build()?))))
    }

    fn cluster(&self) -> Result<Servers, RedisError> {
        let mut builder = ClusterClientBuilder::new(self.infos()?)
            .retries(2)
            .connection_timeout(SERVER_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT);
        builder = self.login.apply(
            builder,
            |builder, name| builder.username(name),
            |builder, password| builder.password(password),
        );
        if self.tls {
            builder = builder.tls(TlsMode::Secure).certs(self.certificates());
        }
        Ok(Servers::Cluster(Box::new(builder.build()?), self.clients()?))
    }

    fn infos(&self) -> Result<Vec<ConnectionInfo>, RedisError> {
        let settings = self.login.apply(
            RedisConnectionInfo::default().set_db(self.database).set_skip_set_lib_name(),
            |settings, name| settings.set_username(name),
            |settings, password| settings.set_password(password),
        );
        let infos = self.named().map(ConnectionAddr::into_connection_info);
        infos.map(|info| info.map(|info| info.set_redis_settings(settings.clone()))).collect()
    }

    fn named(&self) -> impl Iterator<Item = ConnectionAddr> {
        self.addresses.iter().map(|(host, port)| {
            let (host, port) = (host.clone(), *port);
            if self.tls {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            } else {
                ConnectionAddr::Tcp(host, port)
            }
        })
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates { client_tls: None, root_cert: self.ca.clone() }
    }
}
