//! Hostile clients: abandoned sign-ins, forged cookies, slow connections

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{Browser, Process};

/// Number of connections that start sign-ins at the same time.
const BUSY_CONNECTIONS: usize = 8;

pub(crate) struct HostileClients {
    public: u16,
    check: u16,
    /// The value of a valid session cookie.
    cookie: String,
}

impl HostileClients {
    pub(crate) fn new(process: &Process, user: &Browser) -> Self {
        let cookie = user.cookie("foregate").unwrap().to_owned();
        Self { public: process.public, check: process.check, cookie }
    }

    /// Starts `count` sign-ins without cookies and finishes none of them.
    pub(crate) async fn abandon_sign_ins(&self, count: usize) {
        let request = format!(
            "GET /oauth2/start?rd=/deep/link HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n",
            self.public
        );
        let mut busy = JoinSet::new();
        for _ in 0..BUSY_CONNECTIONS {
            let (request, mut connection) = (request.clone(), Connection::open(self.public).await);
            busy.spawn(async move {
                for _ in 0..count.div_ceil(BUSY_CONNECTIONS) {
                    assert_eq!(connection.send(&request).await, 302);
                }
            });
        }
        busy.join_all().await;
    }

    /// Sends `count` checks with forged cookies. Returns the number of responses per status.
    pub(crate) async fn send_cookies(&self, count: usize) -> BTreeMap<u16, usize> {
        let mut connection = Connection::open(self.check).await;
        let mut answers = BTreeMap::new();
        for number in 0..count {
            let request = format!(
                "GET /check/traefik HTTP/1.1\r\nHost: check\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\n\
                 X-Forwarded-Host: 127.0.0.1:{}\r\nX-Forwarded-Uri: /\r\nX-Forwarded-For: 203.0.113.9\r\n\
                 Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nCookie: {}\r\n\r\n",
                self.public,
                self.forged_cookie_line(number)
            );
            let status = connection.send(&request).await;
            assert!(matches!(status, 302 | 431), "status {status} for a forged cookie");
            if status == 431 {
                connection = Connection::open(self.check).await;
            }
            *answers.entry(status).or_default() += 1;
        }
        answers
    }

    /// Returns a forged `Cookie` line, which differs for each number.
    fn forged_cookie_line(&self, number: usize) -> String {
        let changed = self.changed_cookie(number);
        match number % 6 {
            0 => format!("foregate={changed}"),
            1 => format!("foregate={}; n={number}", &self.cookie[..number % self.cookie.len()]),
            2 => format!(
                "foregate={changed}; foregate-1={changed}; foregate-2={changed}; foregate-3={changed}"
            ),
            3 => format!("foregate={}; foregate={changed}", self.cookie),
            4 => (0..1000).map(|other| format!("foregate-{number}-{other}=x")).collect::<Vec<_>>().join("; "),
            _ => format!("foregate={}; n={number}", "x".repeat(number % 8000)),
        }
    }

    /// Returns the session cookie with one letter changed, so that it looks like a cookie of another key.
    fn changed_cookie(&self, number: usize) -> String {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = self.cookie.clone().into_bytes();
        // The last letter may contain unused bits, so it stays unchanged.
        let position = number % (text.len() - 1);
        let offset = 1 + (number / text.len()) % (letters.len() - 1);
        let current = letters.iter().position(|letter| *letter == text[position]).unwrap_or_default();
        text[position] = letters[(current + offset) % letters.len()];
        String::from_utf8(text).unwrap()
    }

    /// Holds `count` connections, half of them at each listener. Each sends one byte of its head every 100 ms, and is
    /// reopened after the gateway closes it. Returns the number of sent bytes and of closed connections.
    pub(crate) async fn hold_slow_connections(&self, count: usize, duration: Duration) -> (usize, usize) {
        let end = Instant::now() + duration;
        let mut all = JoinSet::new();
        for number in 0..count {
            all.spawn(send_head_slowly(if number % 2 == 0 { self.check } else { self.public }, end));
        }
        let ended = all.join_all().await;
        (ended.iter().map(|(sent, _)| sent).sum(), ended.iter().map(|(_, closed)| closed).sum())
    }
}

async fn send_head_slowly(port: u16, end: Instant) -> (usize, usize) {
    let head = b"GET /oauth2/sign_in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ";
    let (mut sent, mut closed) = (0, 0);
    loop {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        for byte in head.iter().chain(std::iter::repeat(&b'x')) {
            if Instant::now() > end {
                return (sent, closed);
            }
            if stream.write_all(&[*byte]).await.is_err() {
                closed += 1;
                break;
            }
            sent += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A persistent connection with one request at a time.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends a request and returns the status of the response. The body is read and discarded.
    async fn send(&mut self, request: &str) -> u16 {
        self.0.get_mut().write_all(request.as_bytes()).await.unwrap();
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            assert!(
                self.0.read_line(&mut line).await.unwrap() > 0,
                "the connection closed before a response"
            );
            let lower = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = lower.strip_prefix("http/1.1 ") {
                status = rest.split(' ').next().unwrap().parse().unwrap();
            } else if let Some(rest) = lower.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if lower.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        status
    }
}
