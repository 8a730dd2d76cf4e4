//! End of the process, and of its connections

use std::fs::OpenOptions;
use std::io::Read;
use std::process::Command;

use dev_provider::DevProvider;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::harness::{Application, KEY, Process, get, real_time_provider, until, within};
use crate::pki::file;

const SECRETS: [(&str, &str); 2] = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
/// Longer than a test waits: the test passes only if the process ends earlier.
const NEVER: &str = "10m";

/// Starts a process that serves for `unready_time` after SIGTERM, and then waits `finish_timeout` for its connections.
async fn process(
    provider: &DevProvider,
    [unready_time, finish_timeout]: [&str; 2],
    more: &[(&str, &str)],
) -> Process {
    let drain = [("drain.unready_time", unready_time), ("drain.finish_timeout", finish_timeout)];
    Process::start(provider.issuer(), &[], &[&SECRETS[..], &drain, more].concat()).await
}

impl Process {
    /// Waits until the process has ended, and expects success.
    async fn expect_success_exit(&mut self) {
        until("the process ends", async || self.child.try_wait().unwrap().is_some()).await;
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Waits until no new connection is accepted.
    async fn wait_for_closed_listener(&self) {
        until("the listener is closed", async || {
            TcpStream::connect(("127.0.0.1", self.public)).await.is_err()
        })
        .await;
    }
}

#[tokio::test]
async fn sigterm_fails_readiness_first_and_requests_are_still_served() {
    let provider = real_time_provider().await;
    let mut process = process(&provider, [NEVER, NEVER], &[]).await;
    process.signal("TERM");
    let readyz = format!("http://127.0.0.1:{}/readyz", process.ops);
    until("it is not ready", async || get(&readyz).await.status == 503).await;
    assert_eq!(get(&format!("http://127.0.0.1:{}/livez", process.ops)).await.status, 200);
    // The check is malformed, but it gets an answer.
    assert_eq!(get(&format!("http://127.0.0.1:{}/check/traefik", process.check)).await.status, 400);
    assert!(process.child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn sigterm_without_unready_time_and_connections_ends_the_process() {
    let provider = real_time_provider().await;
    let mut process = process(&provider, ["0s", NEVER], &[]).await;
    process.signal("TERM");
    process.expect_success_exit().await;
}

#[tokio::test]
async fn sigterm_after_the_unready_time_ends_the_process() {
    let provider = real_time_provider().await;
    let mut process = process(&provider, ["1s", NEVER], &[]).await;
    process.signal("TERM");
    process.expect_success_exit().await;
}

/// The check listener keeps idle connections open for 100 seconds.
#[tokio::test]
async fn idle_and_unused_connections_do_not_delay_the_exit() {
    let provider = real_time_provider().await;
    let mut process = process(&provider, ["0s", NEVER], &[]).await;
    let mut unused = TcpStream::connect(("127.0.0.1", process.check)).await.unwrap();
    let mut idle = TcpStream::connect(("127.0.0.1", process.check)).await.unwrap();
    idle.write_all(b"GET /check/traefik HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    process.signal("TERM");
    process.expect_success_exit().await;
    for connection in [&mut unused, &mut idle] {
        let _rest = within("the connection is closed", connection.read_to_end(&mut answer)).await;
    }
}

#[tokio::test]
async fn open_request_finishes_before_the_process_ends() {
    let (provider, application) = (real_time_provider().await, Application::start().await);
    let more = [("upstream.url", &*application.url()), ("public_paths.open.paths", "/open/")];
    let mut process = process(&provider, ["0s", NEVER], &more).await;
    let request = tokio::spawn(held_request(process.public));
    until("the application has the request", async || !application.received().is_empty()).await;
    process.signal("TERM");
    process.wait_for_closed_listener().await;
    assert!(process.child.try_wait().unwrap().is_none(), "the request is still open");
    application.release();
    let answer = request.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("/open/held with 0 bytes"), "{answer}");
    process.expect_success_exit().await;
}

#[tokio::test]
async fn request_that_never_ends_is_cut_at_the_finish_timeout() {
    let (provider, application) = (real_time_provider().await, Application::start().await);
    let more = [("upstream.url", &*application.url()), ("public_paths.open.paths", "/open/")];
    let mut process = process(&provider, ["0s", "1s"], &more).await;
    let request = tokio::spawn(held_request(process.public));
    until("the application has the request", async || !application.received().is_empty()).await;
    process.signal("TERM");
    process.expect_success_exit().await;
    assert_eq!(request.await.unwrap(), "", "cut without an answer");
    let mut log = String::new();
    process.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("drain.finish_timeout has passed"), "{log}");
}

/// Returns the answer to a request that the application holds. It is empty if the connection is cut.
async fn held_request(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!("GET /open/held HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _end = within("the answer or the end", stream.read_to_string(&mut answer)).await;
    answer
}

/// A host name lookup that does not end, or a file on a lost volume, blocks a thread as this pipe does.
#[tokio::test]
async fn blocked_thread_does_not_delay_the_exit() {
    let (provider, keys) = (real_time_provider().await, file("blocking.keys", KEY));
    let more = [
        ("session.keys_file", keys.to_str().unwrap()),
        ("drain.unready_time", "0s"),
        ("drain.finish_timeout", NEVER),
        ("provider.client_secret", "foregate-secret"),
    ];
    let mut process = Process::start(provider.issuer(), &[], &more).await;
    std::fs::remove_file(&keys).unwrap();
    assert!(Command::new("mkfifo").arg(&keys).status().unwrap().success());
    process.signal("HUP");
    let (opened, pipe) = (oneshot::channel(), keys.clone());
    // This blocks until the process has opened the other end. The process then reads the pipe to its end.
    std::thread::spawn(move || opened.0.send(OpenOptions::new().write(true).open(pipe)));
    let _never_written = within("the process reads the pipe", opened.1).await.unwrap().unwrap();
    process.signal("TERM");
    process.expect_success_exit().await;
    std::fs::remove_file(keys).unwrap();
}

#[tokio::test]
async fn listener_that_ran_out_of_descriptors_accepts_again() {
    let provider = real_time_provider().await;
    let process = Process::limited(64, provider.issuer(), &[], &SECRETS).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(("127.0.0.1", process.public)).await.unwrap());
    }
    let open = format!("/proc/{}/fd", process.child.id());
    until("no descriptor is left", async || std::fs::read_dir(&open).unwrap().count() >= 64).await;
    drop(idle);
    let reply = get(&format!("http://127.0.0.1:{}/oauth2/sign_in", process.public)).await;
    assert_eq!(reply.status, 200);
}
