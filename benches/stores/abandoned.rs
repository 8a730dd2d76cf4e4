//! What sign-ins leave behind that no user finishes

use std::process::Stdio;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{KEY, Process, get, real_time_provider};
use crate::server::Server;
use crate::{Folder, resident_bytes};

const CONNECTIONS: usize = 32;
const WARM_UP: usize = 50_000;

/// Begins that many sign-ins with each store of tickets, and panics if one of them is in the store.
pub(crate) async fn report(folder: &Folder, sign_ins: usize) {
    match Server::start() {
        Some(server) => {
            let url = format!("redis://127.0.0.1:{}", server.port);
            let settings = [("session.store", "redis"), ("session.redis.urls", &url)];
            let process = abandon("Redis", &settings, sign_ins).await;
            assert_eq!(server.keys(), 0, "keys in Redis");
            println!("  keys in Redis: 0");
            drop(process);
        }
        None => {
            println!("Redis: not measured, because redis-server is missing; tests/tools/install installs it");
        }
    }
    let file = folder.file("abandoned");
    let settings = [("session.store", "file"), ("session.file", file.to_str().unwrap())];
    let process = abandon("File", &settings, sign_ins).await;
    let ready: Value =
        serde_json::from_str(&get(&format!("http://127.0.0.1:{}/readyz", process.ops)).await.body).unwrap();
    assert_eq!(ready["sessions"]["known"], 0, "{ready}");
    println!("  sessions in the file: 0; its length: {} bytes", file.metadata().unwrap().len());
}

/// Starts the gateway, and begins sign-ins. Reports the memory.
async fn abandon(name: &str, store: &[(&str, &str)], sign_ins: usize) -> Process {
    let provider = real_time_provider().await;
    let settings =
        [("provider.client_secret", "foregate-secret"), ("session.keys", KEY), ("log.level", "error")];
    let settings = [&settings[..], store].concat();
    let process = Process::logging_to(Stdio::null(), provider.issuer(), &settings).await;
    let mut clients = Clients::connect(process.public).await;
    clients.begin(WARM_UP).await;
    let warm = resident_bytes(process.child.id());
    for tenth in 1..=10 {
        clients.begin(sign_ins / 10).await;
        println!("{name}: {} of {sign_ins} sign-ins begun", sign_ins / 10 * tenth);
    }
    let growth = resident_bytes(process.child.id()) as f64 - warm as f64;
    println!(
        "{name}: {sign_ins} abandoned sign-ins: resident memory {:.1} MB after a warm-up of {WARM_UP}, then {:+.1} MB",
        warm as f64 / 1e6,
        growth / 1e6
    );
    process
}

/// Connections that stay open, with one request at a time on each.
struct Clients {
    streams: Vec<TcpStream>,
    request: String,
}

impl Clients {
    async fn connect(port: u16) -> Self {
        let streams = (0..CONNECTIONS).map(|_| TcpStream::connect(("127.0.0.1", port)));
        let streams = join_all(streams).await.into_iter().map(Result::unwrap).collect();
        let request = format!(
            "GET /oauth2/start?rd=/deep/link HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: document\r\n\r\n"
        );
        Self { streams, request }
    }

    /// Begins that many sign-ins, each without cookies.
    async fn begin(&mut self, sign_ins: usize) {
        let request = self.request.as_bytes();
        join_all(self.streams.iter_mut().enumerate().map(|(index, stream)| async move {
            let mut reply = vec![0; 16 * 1024];
            for _ in (index..sign_ins).step_by(CONNECTIONS) {
                stream.write_all(request).await.unwrap();
                let mut length = 0;
                while !reply[..length].ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut reply[length..]).await.unwrap();
                    assert!(read > 0, "the connection was closed");
                    length += read;
                }
                assert!(reply.starts_with(b"HTTP/1.1 302 "), "{}", String::from_utf8_lossy(&reply[..length]));
            }
        }))
        .await;
    }
}
