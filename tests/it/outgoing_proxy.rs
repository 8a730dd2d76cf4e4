//! Calls to the provider through the proxy of the environment

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{KEY, Process, real_time_provider};
use crate::private_ca::provider_with_tls;

/// A forward proxy for CONNECT and for the absolute form. It records the first line of each connection.
struct Proxy {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log)));
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let text = String::from_utf8(head.clone()).unwrap();
    let line = text.lines().next().unwrap().to_owned();
    let target = line.split(' ').nth(1).unwrap();
    let authority = target.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let tunnel = line.starts_with("CONNECT ");
    log.lock().unwrap().push(line);
    let mut inside = TcpStream::connect(authority).await.unwrap();
    if tunnel {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    } else {
        inside.write_all(&head).await.unwrap();
    }
    let _ended = copy_bidirectional(&mut stream, &mut inside).await;
}

/// Runs a gateway until it is ready. It has then loaded metadata and keys.
async fn run(issuer: &str, environment: &[(&str, &str)], more: &[(&str, &str)]) {
    let secrets = [("FOREGATE_PROVIDER__CLIENT_SECRET", "s3cret"), ("FOREGATE_SESSION__KEYS", KEY)];
    let environment: Vec<_> = secrets.into_iter().chain(environment.iter().copied()).collect();
    drop(Process::start(issuer, &environment, more).await);
}

#[tokio::test]
async fn http_calls_use_the_proxy_unless_no_proxy_excludes_the_host() {
    let (provider, proxy) = (real_time_provider().await, Proxy::start().await);
    let document = format!("GET {}/.well-known/openid-configuration HTTP/1.1", provider.issuer());
    for name in ["HTTP_PROXY", "http_proxy"] {
        run(provider.issuer(), &[(name, &proxy.url), ("NO_PROXY", "else.example")], &[]).await;
        assert!(proxy.seen().contains(&document), "{name}: {:?}", proxy.seen());
        proxy.seen.lock().unwrap().clear();
    }
    for name in ["NO_PROXY", "no_proxy"] {
        run(provider.issuer(), &[("HTTP_PROXY", &proxy.url), (name, "127.0.0.1")], &[]).await;
        assert_eq!(proxy.seen(), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn https_calls_use_a_connect_tunnel_unless_excluded() {
    let (provider, ca, proxy) =
        (provider_with_tls("tunnel.pem").await, "provider.ca_file", Proxy::start().await);
    let (issuer, file) = (provider.issuer.as_str(), provider.ca_file.as_str());
    run(issuer, &[("HTTPS_PROXY", &proxy.url), ("NO_PROXY", "else.example")], &[(ca, file)]).await;
    let connect = format!("CONNECT {} HTTP/1.1", issuer.trim_start_matches("https://"));
    assert!(proxy.seen().contains(&connect), "{:?}", proxy.seen());
    proxy.seen.lock().unwrap().clear();
    run(issuer, &[("HTTPS_PROXY", &proxy.url), ("NO_PROXY", "localhost")], &[(ca, file)]).await;
    assert_eq!(proxy.seen(), Vec::<String>::new());
}
