//! What do strangers do who mean no good?

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{Browser, Process};

/// Connections that ask one question after the other.
const BUSY: usize = 8;

pub(crate) struct Strangers {
    public: u16,
    check: u16,
    /// What a session's cookie looks like.
    cookie: String,
}

impl Strangers {
    pub(crate) fn new(process: &Process, person: &Browser) -> Self {
        let cookie = person.cookie("foregate").unwrap().to_owned();
        Self { public: process.public, check: process.check, cookie }
    }

    /// Begins so many sign-ins, each of a browser that has no cookies, and finishes none.
    pub(crate) async fn starts(&self, count: usize) {
        let request = format!(
            "GET /oauth2/start?rd=/deep/link HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n",
            self.public
        );
        let mut busy = JoinSet::new();
        for _ in 0..BUSY {
            let (request, mut connection) = (request.clone(), Connection::open(self.public).await);
            busy.spawn(async move {
                for _ in 0..count.div_ceil(BUSY) {
                    assert_eq!(connection.ask(&request).await, 302);
                }
            });
        }
        busy.join_all().await;
    }

    /// Asks the check with so many cookies that nobody made; gives how many got which status.
    pub(crate) async fn cookies(&self, count: usize) -> BTreeMap<u16, usize> {
        let mut connection = Connection::open(self.check).await;
        let mut answers = BTreeMap::new();
        for number in 0..count {
            let request = format!(
                "GET /check/traefik HTTP/1.1\r\nHost: check\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\n\
                 X-Forwarded-Host: 127.0.0.1:{}\r\nX-Forwarded-Uri: /\r\nX-Forwarded-For: 203.0.113.9\r\n\
                 Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nCookie: {}\r\n\r\n",
                self.public,
                self.hostile(number)
            );
            let status = connection.ask(&request).await;
            assert!(matches!(status, 302 | 431), "{status} for a cookie that nobody made");
            if status == 431 {
                connection = Connection::open(self.check).await;
            }
            *answers.entry(status).or_default() += 1;
        }
        answers
    }

    /// A `Cookie` line, another one for each number.
    fn hostile(&self, number: usize) -> String {
        let changed = self.changed(number);
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

    /// The cookie of a session with one letter changed to another, as another key would have made it.
    fn changed(&self, number: usize) -> String {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = self.cookie.clone().into_bytes();
        // The last letter may hold bits that mean nothing.
        let place = number % (text.len() - 1);
        let turn = 1 + (number / text.len()) % (letters.len() - 1);
        let now = letters.iter().position(|letter| *letter == text[place]).unwrap_or_default();
        text[place] = letters[(now + turn) % letters.len()];
        String::from_utf8(text).unwrap()
    }

    /// Holds so many connections whose heads come a byte each tenth of a second, half of them at each listener; gives
    /// how many bytes were sent, and how often one was closed and another took its place.
    pub(crate) async fn slow(&self, count: usize, how_long: Duration) -> (usize, usize) {
        let end = Instant::now() + how_long;
        let mut all = JoinSet::new();
        for number in 0..count {
            all.spawn(trickle(if number % 2 == 0 { self.check } else { self.public }, end));
        }
        let ended = all.join_all().await;
        (ended.iter().map(|(sent, _)| sent).sum(), ended.iter().map(|(_, closed)| closed).sum())
    }
}

async fn trickle(port: u16, end: Instant) -> (usize, usize) {
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

/// A connection that is kept, and asked one question at a time.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// The status of the answer, whose body is read and dropped.
    async fn ask(&mut self, request: &str) -> u16 {
        self.0.get_mut().write_all(request.as_bytes()).await.unwrap();
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            assert!(self.0.read_line(&mut line).await.unwrap() > 0, "closed instead of an answer");
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
