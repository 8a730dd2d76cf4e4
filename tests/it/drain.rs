//! Does the process end in order when an orchestrator says so?

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::{get, provider};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _killed = self.0.kill();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn listening(port: u16) {
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing listens on {port}");
}

#[tokio::test]
async fn on_sigterm_it_is_not_ready_first_serves_on_and_then_ends_well() {
    let provider = provider().await;
    let [public, check, ops] = [free_port(), free_port(), free_port()];
    let mut command = Command::new(env!("CARGO_BIN_EXE_foregate"));
    command.arg("serve").stderr(Stdio::null());
    for (key, value) in [
        ("public.urls", format!("http://127.0.0.1:{public}")),
        ("public.listen", format!("127.0.0.1:{public}")),
        ("check.listen", format!("127.0.0.1:{check}")),
        ("ops.listen", format!("127.0.0.1:{ops}")),
        ("provider.issuer", provider.issuer().to_owned()),
        ("provider.client_id", "foregate".to_owned()),
        ("provider.client_secret", "foregate-secret".to_owned()),
        ("session.keys", crate::harness::KEY.to_owned()),
    ] {
        command.args(["--set", &format!("{key}={value}")]);
    }
    let mut process = Running(command.spawn().unwrap());
    listening(ops).await;
    let told = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(get(&format!("http://127.0.0.1:{ops}/readyz")).await.status, 503);
    assert_eq!(get(&format!("http://127.0.0.1:{ops}/livez")).await.status, 200);
    // No question that can be answered, but an answer.
    assert_eq!(get(&format!("http://127.0.0.1:{check}/check/traefik")).await.status, 400);
    for _ in 0..200 {
        if let Some(status) = process.0.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not end");
}
