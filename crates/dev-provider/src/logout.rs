//! Logout tokens, and sessions that the provider ends (Back-Channel Logout)

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

/// The lifetime in seconds of Keycloak's logout tokens.
const LIFETIME_SECONDS: u64 = 120;
/// The time that Keycloak waits for the response of a client.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// A status line is shorter.
const MAX_RESPONSE_BYTES: u64 = 1024;

/// The session or user that a logout token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedOut<'a> {
    /// One session (`sid`).
    Session(&'a str),
    /// All sessions of a user (`sub`).
    Person(&'a str),
    /// One session and its user, as Keycloak sends it.
    Both {
        /// `sid`.
        sid: &'a str,
        /// `sub`.
        sub: &'a str,
    },
}

impl DevProvider {
    /// Returns a logout token for a client, in the form of Keycloak (§2.4), with these faults. Returns [`KeyError`] if
    /// it cannot be signed.
    pub fn logout_token(
        &self,
        client_id: &str,
        target: LoggedOut<'_>,
        faults: &[LogoutFault],
    ) -> Result<String, KeyError> {
        mint_logout_token(&self.shared, client_id, target, faults).map_err(|_| KeyError)
    }

    /// Returns the `sid` of each session of a user, as in the ID tokens.
    pub fn sids(&self, username: &str) -> Vec<String> {
        self.shared.store().sids_of(username).into_iter().collect()
    }

    /// Sets the `http` URL to which logout tokens for a registered client are posted (`backchannel_logout_uri`, §2.2).
    /// Does nothing if the client is not registered.
    pub fn send_logouts_to(&self, client_id: &str, uri: &Url) {
        if self.shared.client(client_id).is_some() {
            self.shared.backchannel().insert(client_id.to_owned(), uri.clone());
        }
    }

    /// Ends all sessions of a user, as an administrator does.
    ///
    /// 1. The refresh tokens of the sessions become invalid, and the browser must sign in again.
    /// 2. Each client with a back-channel URL and a grant in a session gets a logout token for that session, without
    ///    retries.
    ///
    /// Returns the status of each response, `None` if no response arrived within five seconds.
    pub async fn end_sessions(&self, username: &str) -> Vec<Option<u16>> {
        let sids = self.sids(username);
        let mut statuses = Vec::new();
        for sid in sids {
            statuses.extend(end_session(&self.shared, username, &sid).await);
        }
        statuses
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
    let mut statuses = Vec::new();
    for client_id in clients {
        let uri = shared.backchannel().get(&client_id).cloned();
        let Some(uri) = uri else { continue };
        let token = mint_logout_token(shared, &client_id, LoggedOut::Both { sid, sub: &sub }, &[]);
        statuses.push(match token {
            Ok(token) => timeout(RESPONSE_TIMEOUT, post(&uri, &token)).await.ok().flatten(),
            Err(Unspecified) => None,
        });
    }
    statuses
}

fn mint_logout_token(
    shared: &Shared,
    client_id: &str,
    target: LoggedOut<'_>,
    logout_faults: &[LogoutFault],
) -> Result<String, Unspecified> {
    let key = shared.signing_key()?;
    let now = shared.now().as_secs();
    let mut claims = claims(&shared.issuer, client_id, target, now)?;
    let mut faults: Vec<Fault> = Vec::new();
    for fault in logout_faults {
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
        unpublished_key: None,
    };
    forge::sign_with_faults(&faults, &facts, claims)
}

fn claims(
    issuer: &str,
    client_id: &str,
    target: LoggedOut<'_>,
    now: u64,
) -> Result<Map<String, Value>, Unspecified> {
    let (sid, sub) = match target {
        LoggedOut::Session(sid) => (Some(sid), None),
        LoggedOut::Person(sub) => (None, Some(sub)),
        LoggedOut::Both { sid, sub } => (Some(sid), Some(sub)),
    };
    let mut claims = Map::new();
    for (name, value) in [
        ("iss", json!(issuer)),
        ("aud", json!(client_id)),
        ("iat", json!(now)),
        ("exp", json!(now + LIFETIME_SECONDS)),
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

/// Posts a logout token (§2.5) and returns the status.
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
    let mut response = Vec::new();
    stream.take(MAX_RESPONSE_BYTES).read_to_end(&mut response).await.ok()?;
    String::from_utf8_lossy(&response).split(' ').nth(1)?.parse().ok()
}
