//! Does the process live through what is done to it, and end in order when it is told to?

use crate::harness::{KEY, Process, get, real_time_provider, until};

#[tokio::test]
async fn on_sigterm_it_is_not_ready_first_serves_on_and_then_ends_well() {
    let provider = real_time_provider().await;
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    let mut process = Process::start(provider.issuer(), &[], &secrets).await;
    process.signal("TERM");
    let readyz = format!("http://127.0.0.1:{}/readyz", process.ops);
    until("it is not ready", async || get(&readyz).await.status == 503).await;
    assert_eq!(get(&format!("http://127.0.0.1:{}/livez", process.ops)).await.status, 200);
    // No question that can be answered, but an answer.
    assert_eq!(get(&format!("http://127.0.0.1:{}/check/traefik", process.check)).await.status, 400);
    until("the process ends", async || process.child.try_wait().unwrap().is_some()).await;
    let status = process.child.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_listener_that_ran_out_of_descriptors_accepts_again() {
    let provider = real_time_provider().await;
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    let process = Process::limited(64, provider.issuer(), &[], &secrets).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(tokio::net::TcpStream::connect(("127.0.0.1", process.public)).await.unwrap());
    }
    let open = format!("/proc/{}/fd", process.child.id());
    until("no descriptor is left", async || std::fs::read_dir(&open).unwrap().count() >= 64).await;
    drop(idle);
    let asked = get(&format!("http://127.0.0.1:{}/oauth2/sign_in", process.public)).await;
    assert_eq!(asked.status, 200);
}
