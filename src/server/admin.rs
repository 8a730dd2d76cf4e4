//! The socket of the operator, for `foregate sessions`
//!
//! 1. It is a Unix socket with the mode 0600. Only the user of the process and root can connect.
//! 2. A connection carries one request and one answer, each a line of JSON.
//! 3. The socket has these rights before it has its name. It replaces that of an earlier process.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::start_error::StartError;
use crate::flow::audit::Audit;
use crate::flow::ports::{Clock, EndedOthers, ListedSession, SessionLists, StoreUnavailable};

/// The length of a request. A `sub` has at most 255 characters (OpenID Connect Core §2).
const MAX_REQUEST_BYTES: u64 = 4096;
/// The number of requests at the same time. Further ones wait.
const MAX_REQUESTS: usize = 4;
/// How long a request and its answer may take.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How long no connection is accepted after one could not be.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers the operator.
pub(super) struct Admin {
    /// The sessions. `None` if the store keeps no list.
    pub(super) lists: Option<Arc<dyn SessionLists>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) audit: Arc<dyn Audit>,
}

/// A bound socket. Its file stays after the end of the process, because another process may have replaced it.
pub(super) struct AdminSocket(UnixListener);

impl AdminSocket {
    /// Binds the socket.
    pub(super) fn bind(path: &Path) -> Result<Self, StartError> {
        let bound = bind_private(path);
        let refused = |error| {
            let path = path.display();
            let remedy = "name a socket in a directory that this process may write";
            StartError::Build(format!("ops.admin_socket = '{path}': {error}; {remedy}"))
        };
        bound.map(Self).map_err(refused)
    }
}

/// Binds in a directory that only this user can enter, and then gives the socket its name.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a file with this name exists, and is no socket",
        ));
    }
    let mut directory = path.as_os_str().to_owned();
    directory.push(".d");
    let directory = PathBuf::from(directory);
    let socket = directory.join("s");
    let _left_by_an_earlier_process = fs::remove_file(&socket);
    let _left_by_an_earlier_process = fs::remove_dir(&directory);
    DirBuilder::new().mode(0o700).create(&directory)?;
    let bound = UnixListener::bind(&socket).and_then(|listener| {
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        fs::rename(&socket, path)?;
        Ok(listener)
    });
    // If it was not renamed, it must not hide the error.
    let _left = fs::remove_file(&socket);
    let _removed = fs::remove_dir(&directory);
    bound
}

/// Answers requests. Never returns.
pub(super) async fn serve(socket: AdminSocket, admin: Admin) {
    let (admin, turns) = (Arc::new(admin), Arc::new(Semaphore::new(MAX_REQUESTS)));
    loop {
        let turn = Arc::clone(&turns).acquire_owned().await;
        match socket.0.accept().await {
            Ok((stream, _)) => {
                let admin = Arc::clone(&admin);
                tokio::spawn(async move {
                    let _turn = turn;
                    // The client sees that there is no answer.
                    let _answered = timeout(TIME_LIMIT, answer(stream, &admin)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "ops.admin_socket: no connection could be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, admin: &Admin) -> io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut request = String::new();
    BufReader::new(reading).take(MAX_REQUEST_BYTES).read_line(&mut request).await?;
    let mut answer = admin.answer(&request).await.to_string();
    answer.push('\n');
    writing.write_all(answer.as_bytes()).await?;
    writing.shutdown().await
}

impl Admin {
    async fn answer(&self, request: &str) -> Value {
        let request: Value = serde_json::from_str(request).unwrap_or_default();
        let text = |name| request.get(name).and_then(Value::as_str);
        let (Some(command), Some(user)) = (text("command"), text("user")) else {
            return refusal("the request is not valid");
        };
        let Some(lists) = self.lists.as_deref() else {
            return refusal(
                "this session.store keeps no list of sessions; set session.store to \"file\" or \"redis\"",
            );
        };
        let answer = match command {
            "list" => self.list(lists, user).await,
            "end" => self.end(lists, user).await,
            _ => return refusal("the command is not known"),
        };
        answer.unwrap_or_else(|error| refusal(&error.to_string()))
    }

    async fn list(&self, lists: &dyn SessionLists, user: &str) -> Result<Value, StoreUnavailable> {
        let sessions = lists.list_of(user, self.clock.now()).await?;
        Ok(json!({"sessions": sessions.iter().map(described).collect::<Vec<_>>()}))
    }

    async fn end(&self, lists: &dyn SessionLists, user: &str) -> Result<Value, StoreUnavailable> {
        let sessions = lists.end_of(user, self.clock.now()).await?;
        if sessions > 0 {
            self.audit.ended_by_operator(&EndedOthers { subject: user.to_owned(), sessions });
        }
        Ok(json!({"ended": sessions}))
    }
}

fn refusal(why: &str) -> Value {
    json!({"error": why})
}

/// Describes a session, with times in seconds since 1970 as in a token.
fn described(session: &ListedSession) -> Value {
    json!({
        "device": session.device,
        "host": session.host,
        "address": session.address,
        "began_at": session.began_at.0,
        "active_at": session.active_at.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_is_no_socket_is_not_replaced() {
        let path = std::env::temp_dir().join(format!("foregate-admin-{}", std::process::id()));
        fs::write(&path, "data").unwrap();
        let refused = AdminSocket::bind(&path).err().unwrap().to_string();
        assert!(refused.contains("is no socket"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "data");
        fs::remove_file(&path).unwrap();
    }
}
