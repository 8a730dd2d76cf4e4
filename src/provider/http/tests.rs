//! Tests of the HTTP client against invalid, slow and endless responses

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::super::testing::{Server, http, read_request, reply};
use super::*;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

fn request(url: &str) -> HttpRequest {
    http::Request::get(url).body(Vec::new()).unwrap()
}

/// Starts a server that sends a body of blocks with a pause after each. Returns its origin and the count of blocks
/// sent.
async fn endless(block: Vec<u8>, pause: Duration, blocks: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(HEAD).await.unwrap();
        for _ in 0..blocks {
            if stream.write_all(&block).await.is_err() {
                break;
            }
            count.fetch_add(1, Ordering::SeqCst);
            sleep(pause).await;
        }
    });
    (origin, sent)
}

#[tokio::test]
async fn body_of_100_mb_is_rejected_while_it_streams() {
    let (origin, sent) = endless(vec![b'x'; 1 << 20], Duration::ZERO, 100).await;
    let error = http(Duration::from_secs(20)).send(request(&origin), 64 * 1024).await.unwrap_err();
    assert!(matches!(error.failure, Failure::BodyTooLong(65536)), "{error}");
    assert!(error.is_misbehaviour());
    sleep(Duration::from_millis(50)).await;
    assert!(sent.load(Ordering::SeqCst) < 50, "the rest was read although the limit was exceeded");
}

#[tokio::test]
async fn body_of_exactly_the_limit_is_accepted() {
    let server = Server::start(|_| reply(200, "12345678")).await;
    let http = http(Duration::from_secs(5));
    assert_eq!(http.send(request(&server.origin), 8).await.unwrap().into_body(), b"12345678");
    assert!(http.send(request(&server.origin), 7).await.is_err());
}

#[tokio::test]
async fn endless_body_times_out() {
    let (origin, _) = endless(vec![b' '], Duration::from_millis(5), usize::MAX).await;
    let call = http(Duration::from_millis(300));
    let call = call.send(request(&origin), 64 * 1024);
    let error = timeout(Duration::from_secs(5), call).await.expect("the call did not time out").unwrap_err();
    assert!(matches!(error.failure, Failure::TimedOut), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::start(|_| reply(200, "{}")).await;
    let location = format!("HTTP/1.1 307 Go\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.origin);
    let server = Server::start(move |_| location.clone()).await;
    let http = http(Duration::from_secs(5));
    assert_eq!(http.send(request(&server.origin), 99).await.unwrap().status(), 307);
    assert_eq!(target.requests("").len(), 0);
}

#[tokio::test]
async fn document_with_another_status_than_200_is_an_error() {
    let server = Server::start(|_| reply(500, "{}")).await;
    let url = Url::parse(&server.origin).unwrap();
    let error = http(Duration::from_secs(5)).get(&url, 99).await.unwrap_err();
    let port = url.port().unwrap();
    assert_eq!(error.to_string(), format!("127.0.0.1:{port} answered 500 Internal Server Error at /"));
}

#[tokio::test]
async fn at_most_64_calls_run_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak) = (Arc::clone(&now), Arc::clone(&most));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (running, peak) = (Arc::clone(&running), Arc::clone(&peak));
            tokio::spawn(async move {
                read_request(&mut stream).await;
                peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(100)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                stream.write_all(reply(200, "{}").as_bytes()).await.unwrap();
            });
        }
    });
    let http = http(Duration::from_secs(20));
    let answers = join_all((0..150).map(|_| http.send(request(&origin), 99))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), MAX_CONCURRENT_CALLS);
}

#[tokio::test]
async fn http_error_names_only_host_and_port_of_the_request() {
    // Nothing listens on port 1.
    let request = request("http://127.0.0.1:1/callback?code=s3cret");
    let error = http(Duration::from_secs(5)).send(request, 99).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.starts_with("127.0.0.1:1 cannot be reached: "), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("callback"), "{text}");
}

#[test]
fn untrusted_certificate_error_names_provider_ca_file() {
    assert!(is_disbelief("client error (Connect): invalid peer certificate: UnknownIssuer"));
    let failure = Failure::Untrusted("invalid peer certificate: UnknownIssuer".to_owned());
    let text = HttpError { host: "kc.example".to_owned(), failure }.to_string();
    assert!(text.starts_with("kc.example has a certificate ") && text.contains("provider.ca_file"), "{text}");
}

#[tokio::test]
async fn server_without_tls_is_named_and_so_is_one_that_expects_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let over_tls = format!("https://{}", listener.local_addr().unwrap());
    // A server without TLS takes the first bytes for a malformed request.
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _closed = stream.read(&mut [0; 4096]).await;
    });
    let error = http(Duration::from_secs(5)).send(request(&over_tls), 99).await.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS at this port"), "{error}");
    assert!(error.was_never_sent() && error.is_about_settings());
    let closing = Server::start(|_| String::new()).await;
    let error = http(Duration::from_secs(5)).send(request(&closing.origin), 99).await.unwrap_err();
    assert!(error.to_string().contains("it may expect https"), "{error}");
    assert!(!error.was_never_sent() && !error.is_about_settings());
}

#[tokio::test]
async fn status_of_a_document_is_named_with_its_path() {
    for (status, words) in
        [(404, "answered 404 Not Found at /a/b"), (302, "at /a/b, and a redirect is not followed")]
    {
        let server = Server::start(move |_| reply(status, "")).await;
        let url = Url::parse(&format!("{}/a/b?code=s3cret", server.origin)).unwrap();
        let error = http(Duration::from_secs(5)).get(&url, 99).await.unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
    }
}
