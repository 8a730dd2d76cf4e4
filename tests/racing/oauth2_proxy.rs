//! oauth2-proxy as another gateway, with the documented options for nginx and for Traefik

use std::net::SocketAddr;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::addresses::{Addresses, RedisPlace};
use crate::harness::repository;
use crate::options::TOKEN_LIFE;

/// Its refreshes begin at the same part of the life of the tokens as those of Foregate.
const REFRESH_PERCENT: u64 = 60;

/// The configuration that all processes share.
pub(crate) struct Oauth2Proxy {
    pub(crate) origin: String,
    pub(crate) issuer: String,
    pub(crate) secret: String,
}

impl Oauth2Proxy {
    pub(crate) fn command(&self, at: &Addresses) -> Command {
        let path = repository().join("target/test-tools/providers/oauth2-proxy");
        assert!(
            path.is_file(),
            "oauth2-proxy is missing; tests/tools/providers/install oauth2-proxy installs it"
        );
        let mut command = Command::new(path);
        let Self { origin, issuer, secret } = self;
        let refresh = TOKEN_LIFE.as_secs() * REFRESH_PERCENT / 100;
        command.args([
            "--provider=oidc",
            &format!("--oidc-issuer-url={issuer}"),
            "--client-id=foregate",
            "--client-secret=foregate-secret",
            "--code-challenge-method=S256",
            "--scope=openid profile email",
            &format!("--redirect-url={origin}/oauth2/callback"),
            &format!("--http-address={}", at.public),
            "--email-domain=*",
            &format!("--cookie-secret={secret}"),
            &format!("--cookie-refresh={refresh}s"),
            "--cookie-expire=1h",
            "--reverse-proxy=true",
            "--upstream=static://202",
            "--set-xauthrequest=true",
            "--set-authorization-header=true",
            "--pass-access-token=true",
            "--skip-provider-button=true",
        ]);
        match at.redis {
            None => {}
            Some(RedisPlace::Server(address)) => {
                command.args([
                    "--session-store-type=redis",
                    &format!("--redis-connection-url=redis://{address}/0"),
                ]);
            }
            Some(RedisPlace::Sentinel(address, service)) => {
                command.args(["--session-store-type=redis", "--redis-use-sentinel=true"]);
                command.arg(format!("--redis-sentinel-connection-urls=redis://{address}"));
                command.arg(format!("--redis-sentinel-master-name={service}"));
            }
        }
        command
    }

    pub(crate) async fn is_ready(at: &Addresses) -> bool {
        probe(at.public).await.is_some_and(|reply| reply.starts_with("HTTP/1.1 200"))
    }
}

async fn probe(address: SocketAddr) -> Option<String> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    connection.write_all(b"GET /ready HTTP/1.1\r\nHost: ready\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut reply = String::new();
    connection.read_to_string(&mut reply).await.ok()?;
    Some(reply)
}
