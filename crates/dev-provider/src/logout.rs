//! Whose sessions end because the provider wants it, and who is told how (Back-Channel Logout)?

use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use form_urlencoded::Serializer;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::control::KeyError;
use crate::fault::Fault;
use crate::fault::facts::Facts;
use crate::fault::logout::{Act, EVENT, LogoutFault};
use crate::forge;
use crate::provider::DevProvider;
use crate::random::opaque;
use crate::shared::Shared;

/// As long as Keycloak's logout tokens live.
const LIFE: u64 = 120;
/// As long as Keycloak waits for a client.
const PATIENCE: Duration = Duration::from_secs(5);
/// No status line is longer.
const MOST_BYTES: u64 = 1024;

/// Whom a logout token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedOut<'a> {
    /// One session (`sid`).
    Session(&'a str),
    /// All sessions of a person (`sub`).
    Person(&'a str),
    /// One session, with its person beside it, as Keycloak says it.
    Both {
        /// `sid`.
        sid: &'a str,
        /// `sub`.
        sub: &'a str,
    },
}

impl DevProvider {
    /// A logout token for a client, as Keycloak makes it (§2.4), with these faults; [`KeyError`] when it cannot be signed.
    pub fn logout_token(
        &self,
        client_id: &str,
        whom: LoggedOut<'_>,
        faults: &[LogoutFault],
    ) -> Result<String, KeyError> {
        mint(&self.shared, client_id, whom, faults).map_err(|_| KeyError)
    }

    /// The `sid` of each session of a user, as the ID tokens say it.
    pub fn sids(&self, username: &str) -> Vec<String> {
        self.shared.store().sids_of(username).into_iter().collect()
    }

    /// From here on, logout tokens for a registered client are posted to this `http` URL (`backchannel_logout_uri`,
    /// §2.2); nothing happens for a client that is not registered.
    pub fn send_logouts_to(&self, client_id: &str, uri: &Url) {
        if self.shared.client(client_id).is_some() {
            self.shared.backchannel().insert(client_id.to_owned(), uri.clone());
        }
    }

    /// Ends all sessions of a user as an administrator does: their refresh tokens are dead, the browser has to sign in
    /// again, and each client with a back-channel URL that was given something is told, once for each session, without a
    /// second try. Gives the status of each answer, none where there was none in five seconds.
    pub async fn end_sessions(&self, username: &str) -> Vec<Option<u16>> {
        let sids = self.sids(username);
        let mut answers = Vec::new();
        for sid in sids {
            answers.extend(end_session(&self.shared, username, &sid).await);
        }
        answers
    }
}

async fn end_session(shared: &Shared, username: &str, sid: &str) -> Vec<Option<u16>> {
    let clients = {
        let mut store = shared.store();
        let clients = store.clients_of(sid);
        store.end_session(sid);
        clients
    };
    let sub = shared.user(username).map_or_else(String::new, |user| user.subject.clone());
    let mut answers = Vec::new();
    for client_id in clients {
        let uri = shared.backchannel().get(&client_id).cloned();
        let Some(uri) = uri else { continue };
        let token = mint(shared, &client_id, LoggedOut::Both { sid, sub: &sub }, &[]);
        answers.push(match token {
            Ok(token) => timeout(PATIENCE, post(&uri, &token)).await.ok().flatten(),
            Err(Unspecified) => None,
        });
    }
    answers
}

fn mint(
    shared: &Shared,
    client_id: &str,
    whom: LoggedOut<'_>,
    wrong: &[LogoutFault],
) -> Result<String, Unspecified> {
    let key = shared.signing_key()?;
    let now = shared.now().as_secs();
    let mut claims = claims(&shared.issuer, client_id, whom, now)?;
    let mut faults: Vec<Fault> = Vec::new();
    for fault in wrong {
        match fault.act() {
            Act::Claims(change) => change(&mut claims),
            Act::Like(fault) => faults.push(fault),
        }
    }
    let facts = Facts {
        typ: "logout+jwt",
        issuer: &shared.issuer,
        client_id,
        client_secret: "",
        elsewhere: &shared.elsewhere,
        now,
        key: &key,
        other_kid: None,
        stranger: None,
    };
    forge::token(&faults, &facts, claims)
}

fn claims(
    issuer: &str,
    client_id: &str,
    whom: LoggedOut<'_>,
    now: u64,
) -> Result<Map<String, Value>, Unspecified> {
    let (sid, sub) = match whom {
        LoggedOut::Session(sid) => (Some(sid), None),
        LoggedOut::Person(sub) => (None, Some(sub)),
        LoggedOut::Both { sid, sub } => (Some(sid), Some(sub)),
    };
    let mut claims = Map::new();
    for (name, value) in [
        ("iss", json!(issuer)),
        ("aud", json!(client_id)),
        ("iat", json!(now)),
        ("exp", json!(now + LIFE)),
        ("jti", json!(opaque()?)),
        ("typ", json!("Logout")),
        ("events", json!({EVENT: {}, "revoke_offline_access": true})),
    ] {
        claims.insert(name.to_owned(), value);
    }
    for (name, value) in [("sid", sid), ("sub", sub)] {
        if let Some(value) = value {
            claims.insert(name.to_owned(), json!(value));
        }
    }
    Ok(claims)
}

/// Posts a logout token (§2.5) and reads the status.
async fn post(uri: &Url, token: &str) -> Option<u16> {
    let host = uri.host_str().filter(|_| uri.scheme() == "http")?;
    let port = uri.port_or_known_default()?;
    let form = Serializer::new(String::new()).append_pair("logout_token", token).finish();
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        uri.path(),
        form.len()
    );
    let mut stream = TcpStream::connect((host, port)).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer).await.ok()?;
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}
