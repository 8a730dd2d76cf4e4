//! `foregate sessions`, with the socket of the running gateway

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::file_store::SessionFile;
use crate::harness::{Gateway, Provider, provider};
use crate::refresh::scene::{counter, usual_settings};

/// A socket in a directory of its own. The path of the target directory may be too long for one.
struct Socket(PathBuf);

impl Socket {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("foregate-{}-{name}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        Self(directory.join("admin.sock"))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

async fn start(provider: &Provider, file: &SessionFile, socket: &Socket) -> Gateway {
    let admin = [("ops.admin_socket", socket.path())];
    let settings = [&file.settings(provider)[..], &admin].concat();
    Gateway::of(provider.clock.clone(), None, &settings).await
}

/// Runs `foregate sessions`.
async fn run(command: &str, user: &str, socket: &Socket) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_foregate"));
    program.args(["sessions", command, "--user", user, "--socket", socket.path()]);
    tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap()
}

fn assert_no_session(output: &Output) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("not the user name"), "{error}");
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", failure(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn failure(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn subject(gateway: &Gateway, browser: &mut crate::harness::Browser) -> String {
    let page = browser.go(&gateway.url("/oauth2/userinfo")).await;
    let userinfo: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    userinfo["subject"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn operator_lists_and_ends_the_sessions_of_one_user() {
    let (provider, file, socket) = (provider().await, SessionFile::new("admin"), Socket::new("admin"));
    // An earlier process left its socket.
    drop(std::os::unix::net::UnixListener::bind(&socket.0).unwrap());
    let gateway = start(&provider, &file, &socket).await;
    let about = std::fs::symlink_metadata(&socket.0).unwrap();
    assert!(about.file_type().is_socket());
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(socket.0.parent().unwrap()).unwrap().count(), 1);

    let mut alice = gateway.signed_in_browser("alice").await;
    let other = gateway.signed_in_browser("alice").await;
    let bob = gateway.signed_in_browser("bob").await;
    let subject = subject(&gateway, &mut alice).await;
    let listed = printed(&run("list", &subject, &socket).await);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    for line in listed.lines() {
        let session: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&session["device"], &session["address"]),
            (&"Unknown device".into(), &"127.0.0.1".into())
        );
        assert!(session["began_at"].as_u64() <= session["active_at"].as_u64());
    }
    assert_no_session(&run("end", "unknown", &socket).await);
    assert_eq!(gateway.ask_as(&other, "/").await.status, 200);

    assert_eq!(printed(&run("end", &subject, &socket).await), "sessions ended: 2\n");
    for browser in [&alice, &other] {
        assert_eq!(gateway.ask_as(browser, "/").await.status, 302);
    }
    assert_eq!(gateway.ask_as(&bob, "/").await.status, 200);
    assert_no_session(&run("list", &subject, &socket).await);
    assert_eq!(counter(&gateway, "foregate_sign_outs_total").await, 2);
}

#[tokio::test]
async fn command_that_the_gateway_does_not_take_fails_with_the_reason() {
    let (provider, socket) = (provider().await, Socket::new("refused"));
    let output = run("end", "alice", &socket).await;
    assert!(
        !output.status.success() && failure(&output).contains("cannot be reached"),
        "{}",
        failure(&output)
    );
    let admin = [("ops.admin_socket", socket.path())];
    let settings = [&usual_settings(&provider)[..], &admin].concat();
    let _gateway = Gateway::of(provider.clock.clone(), None, &settings).await;
    let output = run("list", "alice", &socket).await;
    assert!(!output.status.success() && failure(&output).contains("session.store"), "{}", failure(&output));
    let long = "a".repeat(10_000);
    let output = run("list", &long, &socket).await;
    // It is refused before the store is asked.
    let refused = failure(&output);
    assert!(!output.status.success() && !refused.contains("session.store"), "{refused}");
}
