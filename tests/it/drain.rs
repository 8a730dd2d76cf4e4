//! Does the process live through what is done to it, and end in order when it is told to?

use std::time::Duration;

use crate::harness::{KEY, Process, get, provider};

#[tokio::test]
async fn on_sigterm_it_is_not_ready_first_serves_on_and_then_ends_well() {
    let provider = provider().await;
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    let mut process = Process::start(provider.issuer(), &[], &secrets).await;
    process.signal("TERM");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(get(&format!("http://127.0.0.1:{}/readyz", process.ops)).await.status, 503);
    assert_eq!(get(&format!("http://127.0.0.1:{}/livez", process.ops)).await.status, 200);
    // No question that can be answered, but an answer.
    assert_eq!(get(&format!("http://127.0.0.1:{}/check/traefik", process.check)).await.status, 400);
    for _ in 0..200 {
        if let Some(status) = process.child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not end");
}

#[tokio::test]
async fn a_listener_that_ran_out_of_descriptors_accepts_again() {
    let provider = provider().await;
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    let process = Process::limited(64, provider.issuer(), &[], &secrets).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(tokio::net::TcpStream::connect(("127.0.0.1", process.public)).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(idle);
    let asked = get(&format!("http://127.0.0.1:{}/oauth2/sign_in", process.public)).await;
    assert_eq!(asked.status, 200);
}
