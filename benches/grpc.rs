//! Benchmark of a check over gRPC, relative to a check of Envoy over HTTP
//!
//! The gateway is a process of its own. Its CPU time per check is compared, so that the clients do not count. Rounds of
//! both protocols alternate, and the median of their ratios is reported. Both send the same request of a browser with a
//! session, on connections that stay open. As many checks run at a time: over HTTP on a connection each, over gRPC eight
//! on each connection.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints results and panics on unexpected values"
)]

#[path = "../tests/it/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the integration tests use the rest")]
mod harness;
#[path = "../tests/support/ports.rs"]
mod ports;

use std::collections::HashMap;
use std::fmt::Write;

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use futures_util::future::join_all;
use h2::client::SendRequest;
use http::Request;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::harness::{Browser, KEY, Process, real_time_provider};

const ROUNDS: usize = 15;
/// The number of checks at a time.
const CONCURRENT_CHECKS: usize = 32;
const GRPC_CONNECTIONS: usize = 4;
const CHECKS_PER_STREAM: usize = 500;
const FIELDS: [(&str, &str); 9] = [
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("referer", "https://app.example.com/c/main/pods"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    ("x-forwarded-for", "203.0.113.9"),
];
const PATH: &str = "/clusters/main/api/v1/namespaces/default/pods?limit=500";

#[tokio::main]
async fn main() {
    let provider = real_time_provider().await;
    let grpc = ports::free_address();
    let settings = [
        ("provider.client_secret", "foregate-secret"),
        ("session.keys", KEY),
        ("check.grpc_listen", &grpc.to_string()),
    ];
    let process = Process::start(provider.issuer(), &[], &settings).await;
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let cookie = browser.cookie_header().unwrap().to_str().unwrap().to_owned();
    let host = format!("127.0.0.1:{}", process.public);

    let mut http = HttpClients::connect(&process, &host, &cookie).await;
    let mut grpc = GrpcClients::connect(&grpc.to_string(), &host, &cookie).await;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let before = cpu_ticks(&process);
        http.run().await;
        let between = cpu_ticks(&process);
        grpc.run().await;
        let after = cpu_ticks(&process);
        ratios.push(f64::from(between - before) / f64::from(after - between));
    }
    ratios.sort_by(f64::total_cmp);
    let checks = CONCURRENT_CHECKS * CHECKS_PER_STREAM;
    println!(
        "checks for the same CPU time, gRPC relative to HTTP: {:.2} ({:.2} to {:.2}; {ROUNDS} rounds of {checks} checks \
         each; goal 0.75, must 0.60)",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
    );
    let metrics = harness::get(&format!("http://127.0.0.1:{}/metrics", process.ops)).await.body;
    let waited = "foregate_checks_waited_total{dialect=\"envoy-grpc\"} 0";
    assert!(metrics.contains(waited), "a check waited for a refresh");
}

/// Returns the CPU time of a process so far, in ticks of the system (`utime` and `stime` of proc(5)).
fn cpu_ticks(process: &Process) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap()
}

struct HttpClients {
    streams: Vec<TcpStream>,
    request: Vec<u8>,
}

impl HttpClients {
    async fn connect(process: &Process, host: &str, cookie: &str) -> Self {
        let mut request = format!("GET /check/envoy{PATH} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n");
        for (name, value) in FIELDS {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        request += "content-length: 0\r\n\r\n";
        let streams = (0..CONCURRENT_CHECKS).map(|_| TcpStream::connect(("127.0.0.1", process.check)));
        let streams = join_all(streams).await.into_iter().map(Result::unwrap).collect();
        Self { streams, request: request.into_bytes() }
    }

    async fn run(&mut self) {
        let request = &self.request;
        join_all(self.streams.iter_mut().map(|stream| async move {
            let mut reply = vec![0; 64 * 1024];
            for _ in 0..CHECKS_PER_STREAM {
                stream.write_all(request).await.unwrap();
                let mut length = 0;
                while !reply[..length].ends_with(b"\r\n\r\n") {
                    length += stream.read(&mut reply[length..]).await.unwrap();
                }
                assert!(reply.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&reply[..length]));
            }
        }))
        .await;
    }
}

/// One connection for each thread of an Envoy, which carries several checks at a time.
struct GrpcClients {
    connections: Vec<SendRequest<Bytes>>,
    request: Request<()>,
    message: Bytes,
}

impl GrpcClients {
    async fn connect(address: &str, host: &str, cookie: &str) -> Self {
        let mut connections = Vec::new();
        for _ in 0..GRPC_CONNECTIONS {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (client, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            connections.push(client);
        }
        let request = Request::post(format!("http://{address}/envoy.service.auth.v3.Authorization/Check"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "200m")
            .header("user-agent", "envoy")
            .body(())
            .unwrap();
        Self { connections, request, message: message(host, cookie) }
    }

    async fn run(&mut self) {
        let streams = self
            .connections
            .iter()
            .flat_map(|client| std::iter::repeat_n(client, CONCURRENT_CHECKS / GRPC_CONNECTIONS));
        join_all(streams.map(|client| async {
            let mut message = Vec::new();
            for _ in 0..CHECKS_PER_STREAM {
                let mut client = client.clone().ready().await.unwrap();
                let (reply, mut body) = client.send_request(self.request.clone(), false).unwrap();
                body.send_data(self.message.clone(), true).unwrap();
                let mut body = reply.await.unwrap().into_body();
                message.clear();
                while let Some(data) = body.data().await {
                    let data = data.unwrap();
                    body.flow_control().release_capacity(data.len()).unwrap();
                    message.extend_from_slice(&data);
                }
                assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
            }
            let last = CheckResponse::decode(&message[5..]).unwrap();
            assert_eq!(last.status.unwrap().code, 0);
        }))
        .await;
    }
}

/// Returns the frame of the message that Envoy sends.
fn message(host: &str, cookie: &str) -> Bytes {
    let session = [("cookie", cookie)];
    let headers: HashMap<_, _> = FIELDS
        .iter()
        .chain(&session)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: PATH.to_owned(),
        host: host.to_owned(),
        headers,
        ..HttpRequest::default()
    };
    let context = AttributeContext {
        request: Some(attribute_context::Request {
            http: Some(http),
            ..attribute_context::Request::default()
        }),
        ..AttributeContext::default()
    };
    let message = CheckRequest { attributes: Some(context) }.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &message].concat().into()
}
