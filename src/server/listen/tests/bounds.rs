//! How much may a connection take, and one address of all connections?

use tokio::net::TcpSocket;

use super::*;

async fn from(client: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{client}:0").parse().unwrap()).unwrap();
    socket.connect(address).await.unwrap()
}

fn knowing(proxy: &str) -> TrustedProxies {
    let mut known = TrustedProxies::default();
    known.add(proxy).unwrap();
    known
}

/// Everything until the other side closes.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _closed_or_reset = timeout(BOUND, stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn a_stranger_cannot_take_all_places() {
    let limits = Limits { share: 2, ..LIMITS };
    let listener = begin(limits, knowing("127.0.0.3"), None).await;
    let idle = [from("127.0.0.1", listener.address).await, from("127.0.0.1", listener.address).await];
    let mut third = from("127.0.0.1", listener.address).await;
    assert!(rest(&mut third).await.is_empty(), "closed without a word");
    assert!(ask(from("127.0.0.2", listener.address).await).await.is_ok(), "others are served");
    let mut proxy = Vec::new();
    for _ in 0..5 {
        proxy.push(from("127.0.0.3", listener.address).await);
    }
    for connection in proxy {
        assert!(ask(connection).await.is_ok(), "the proxy has no share");
    }
    drop(idle);
    let again = async { while ask(from("127.0.0.1", listener.address).await).await.is_err() {} };
    timeout(BOUND, again).await.unwrap();
}

#[tokio::test]
async fn a_strangers_head_has_less_time_than_the_proxys() {
    let limits = Limits { head_within: [BOUND * 10, Duration::from_millis(200)], ..LIMITS };
    let listener = begin(limits, knowing("127.0.0.3"), None).await;
    let mut proxy = from("127.0.0.3", listener.address).await;
    let mut stranger = from("127.0.0.1", listener.address).await;
    for slow in [&mut proxy, &mut stranger] {
        slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    }
    let cut = rest(&mut stranger).await;
    assert!(!cut.starts_with(b"HTTP/1.1 200"), "{cut:?}");
    proxy.write_all(b"Connection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut proxy).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_certified_peer_has_the_proxys_time() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let limits = Limits { head_within: [BOUND * 10, Duration::from_millis(200)], ..LIMITS };
    let listener = start(limits, Some(tls(files("time", &own.server(), Some(&proxies))))).await;
    let mut peer = connect(listener.address, &client(&own, Some(&proxies.client()))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(ask(&mut peer).await.unwrap().starts_with("HTTP/1.1 200"));
}

async fn answer_to(address: SocketAddr, fields: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    String::from_utf8(rest(&mut stream).await).unwrap()
}

#[tokio::test]
async fn a_head_that_is_too_large_is_told_so() {
    let listener = start(LIMITS, None).await;
    let many = |count| "X-A: b\r\n".repeat(count);
    let long = |bytes| format!("Cookie: {}\r\n", "a".repeat(bytes));
    // Host is a field as well, and so is Connection, by which the good ones end.
    for good in [many(98), long(32_000)] {
        let good = format!("Connection: close\r\n{good}");
        assert!(answer_to(listener.address, &good).await.starts_with("HTTP/1.1 200"));
    }
    for bad in [many(100), long(32 * 1024)] {
        let answer = answer_to(listener.address, &bad).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        assert!(answer.contains("too many cookies") && answer.contains("connection: close"), "{answer}");
    }
    for far_beyond in [many(199), long(65 * 1024)] {
        let answer = answer_to(listener.address, &far_beyond).await;
        assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_begins_with_http_2_is_refused_at_once() {
    let listener = start(LIMITS, None).await;
    let mut stream = TcpStream::connect(listener.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
}

#[test]
fn connections_that_are_closed_at_once_make_a_few_lines() {
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = tracing_subscriber::fmt().with_writer(Arc::new(Lines(Arc::clone(&kept)))).finish();
    tracing::subscriber::with_default(log, || {
        let refusals = LogRateLimit::new(REFUSALS);
        for port in 0..1000 {
            closed(SocketAddr::from(([192, 0, 2, 1], port)), &refusals, UnixTime(0));
        }
    });
    let lines = String::from_utf8(kept.lock().unwrap().clone()).unwrap().lines().count();
    assert_eq!(lines, 5, "the clock has not moved");
}

struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl io::Write for &Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
