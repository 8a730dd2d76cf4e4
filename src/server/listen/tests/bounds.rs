//! Tests of the limits of connections, heads and log lines

use tokio::net::TcpSocket;

use super::*;

async fn connect_from(client: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{client}:0").parse().unwrap()).unwrap();
    socket.connect(address).await.unwrap()
}

fn trust(proxy: &str) -> TrustedProxies {
    let mut trusted_proxies = TrustedProxies::default();
    trusted_proxies.add(proxy).unwrap();
    trusted_proxies
}

/// Reads until the other side closes the connection.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _closed_or_reset = timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn unknown_address_cannot_take_all_connections() {
    let limits = Limits { per_ip: 2, ..LIMITS };
    let listener = start_with_proxies(limits, trust("127.0.0.3"), None).await;
    let idle = [
        connect_from("127.0.0.1", listener.address).await,
        connect_from("127.0.0.1", listener.address).await,
    ];
    let mut third = connect_from("127.0.0.1", listener.address).await;
    assert!(read_to_end(&mut third).await.is_empty(), "closed without an answer");
    assert!(
        send_request(connect_from("127.0.0.2", listener.address).await).await.is_ok(),
        "other addresses are served"
    );
    let mut proxy = Vec::new();
    for _ in 0..5 {
        proxy.push(connect_from("127.0.0.3", listener.address).await);
    }
    for connection in proxy {
        assert!(send_request(connection).await.is_ok(), "the proxy has no limit");
    }
    drop(idle);
    let again =
        async { while send_request(connect_from("127.0.0.1", listener.address).await).await.is_err() {} };
    timeout(TEST_TIMEOUT, again).await.unwrap();
}

#[tokio::test]
async fn head_of_an_unknown_client_has_a_shorter_timeout_than_the_proxys() {
    let limits = Limits {
        proxy_head_timeout: TEST_TIMEOUT * 10,
        client_head_timeout: Duration::from_millis(200),
        ..LIMITS
    };
    let listener = start_with_proxies(limits, trust("127.0.0.3"), None).await;
    let mut proxy = connect_from("127.0.0.3", listener.address).await;
    let mut unknown = connect_from("127.0.0.1", listener.address).await;
    for slow in [&mut proxy, &mut unknown] {
        slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    }
    let cut = read_to_end(&mut unknown).await;
    assert!(!cut.starts_with(b"HTTP/1.1 200"), "{cut:?}");
    proxy.write_all(b"Connection: close\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut proxy).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn certified_peer_has_the_head_timeout_of_a_proxy() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let limits = Limits {
        proxy_head_timeout: TEST_TIMEOUT * 10,
        client_head_timeout: Duration::from_millis(200),
        ..LIMITS
    };
    let listener = start(limits, Some(tls(files("time", &own.server(), Some(&proxies))))).await;
    let mut peer = connect(listener.address, &client(&own, Some(&proxies.client()))).await.unwrap();
    sleep(Duration::from_millis(400)).await;
    assert!(send_request(&mut peer).await.unwrap().starts_with("HTTP/1.1 200"));
}

async fn send_fields(address: SocketAddr, fields: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    String::from_utf8(read_to_end(&mut stream).await).unwrap()
}

#[tokio::test]
async fn too_large_head_gets_a_431_with_an_explanation() {
    let listener = start(LIMITS, None).await;
    let many = |count| "X-A: b\r\n".repeat(count);
    let long = |bytes| format!("Cookie: {}\r\n", "a".repeat(bytes));
    // Host and Connection are fields too. Connection closes the connections that are served.
    for accepted in [many(98), long(32_000)] {
        let accepted = format!("Connection: close\r\n{accepted}");
        assert!(send_fields(listener.address, &accepted).await.starts_with("HTTP/1.1 200"));
    }
    for too_large in [many(100), long(32 * 1024)] {
        let answer = send_fields(listener.address, &too_large).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        assert!(answer.contains("too many cookies") && answer.contains("connection: close"), "{answer}");
    }
    for beyond_hyper in [many(199), long(65 * 1024)] {
        let answer = send_fields(listener.address, &beyond_hyper).await;
        assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn http_2_preface_is_rejected_at_once() {
    let listener = start(LIMITS, None).await;
    let mut stream = TcpStream::connect(listener.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
}

/// The preface of HTTP/2, with an empty SETTINGS frame (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A PING frame, and its acknowledgement (RFC 9113 §6.7).
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingpong";
const PONG: &[u8] = b"\0\0\x08\x06\x01\0\0\0\0pingpong";

#[tokio::test]
async fn http_2_connection_of_an_unknown_client_ends_and_that_of_a_proxy_stays() {
    let limits = Limits { client_head_timeout: Duration::from_millis(200), ..LIMITS };
    let listener = start_protocol(Protocol::Http2, limits, trust("127.0.0.3"), None).await;
    let mut proxy = connect_from("127.0.0.3", listener.address).await;
    let mut unknown = connect_from("127.0.0.1", listener.address).await;
    let mut silent = connect_from("127.0.0.1", listener.address).await;
    proxy.write_all(PREFACE).await.unwrap();
    unknown.write_all(PREFACE).await.unwrap();
    let settings = read_to_end(&mut unknown).await;
    assert!(has_stream_limit(&settings, MAX_CLIENT_STREAMS));
    read_to_end(&mut silent).await;
    proxy.write_all(PING).await.unwrap();
    let mut answer = Vec::new();
    let answered = async {
        while !answer.windows(PONG.len()).any(|bytes| bytes == PONG) {
            answer.push(proxy.read_u8().await.unwrap());
        }
    };
    timeout(TEST_TIMEOUT, answered).await.unwrap();
    assert!(has_stream_limit(&answer, MAX_CONCURRENT_STREAMS));
}

/// Returns whether a listener announced this limit: `SETTINGS_MAX_CONCURRENT_STREAMS` is 3 (RFC 9113 §6.5.2).
fn has_stream_limit(sent: &[u8], limit: u32) -> bool {
    let setting = [&[0, 3][..], &limit.to_be_bytes()].concat();
    sent.windows(setting.len()).any(|bytes| bytes == setting)
}

#[tokio::test]
async fn http_1_request_to_a_listener_for_grpc_is_refused() {
    let listener = start_protocol(Protocol::Http2, LIMITS, trust("127.0.0.1"), None).await;
    let mut stream = connect_from("127.0.0.1", listener.address).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(!read_to_end(&mut stream).await.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn refused_connections_are_logged_at_a_limited_rate() {
    let written = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = tracing_subscriber::fmt().with_writer(Arc::new(SharedBuffer(Arc::clone(&written)))).finish();
    tracing::subscriber::with_default(log, || {
        let refusals = LogRateLimit::new(MAX_REFUSAL_LINES);
        for port in 0..1000 {
            log_refusal(SocketAddr::from(([192, 0, 2, 1], port)), &refusals, UnixTime(0));
        }
    });
    let lines = String::from_utf8(written.lock().unwrap().clone()).unwrap().lines().count();
    assert_eq!(lines, 5, "the clock has not moved");
}

struct SharedBuffer(Arc<std::sync::Mutex<Vec<u8>>>);

impl io::Write for &SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
