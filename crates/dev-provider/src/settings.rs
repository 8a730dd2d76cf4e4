//! What can a caller choose about the provider?

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::algorithm::SigningAlgorithm;
use crate::clock::Clock;

/// Everything [`start`](crate::start) needs; the default is a complete provider for one client and three users.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen: loopback only; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The issuer, compared by clients as an exact string; `http://<address>` when absent.
    pub issuer: Option<String>,
    /// Another text for `iss`, whatever the endpoints are below, as Entra ID says `https://sts.windows.net/{tenant}/`.
    pub issuer_text: Option<String>,
    /// Whether there is a discovery document; 404 when not.
    pub discovery: bool,
    /// The query of `jwks_uri`, such as `appid=...` at Entra ID; without it, the list of keys is empty.
    pub jwks_query: Option<String>,
    /// The clients that may ask.
    pub clients: Vec<Client>,
    /// The users that may sign in.
    pub users: Vec<User>,
    /// With what ID and access tokens are signed; [`DevProvider::sign_with`](crate::DevProvider::sign_with) changes it.
    pub signing_algorithm: SigningAlgorithm,
    /// Whether a browser may ask for faults in its own login: the authorization request parameter `fault` then holds
    /// names of faults of the token endpoint, separated by spaces.
    pub faults_by_request: bool,
    /// How long an authorization code can be redeemed.
    pub code_life: Duration,
    /// How long an access token is accepted.
    pub access_token_life: Duration,
    /// How far in the future an ID token's `exp` is.
    pub id_token_life: Duration,
    /// How long a refresh token can be used, counted anew at each rotation.
    pub refresh_token_life: Duration,
    /// The time by which all of these lives are measured, and the `Date` of every answer.
    pub clock: Clock,
}

/// One registered client.
#[derive(Clone)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// The `client_secret`; absent for a public client.
    pub secret: Option<String>,
    /// The public key of its client assertions (RFC 7523), as a JWK or as a PEM `PUBLIC KEY`, for RS256, PS256 or ES256.
    pub assertion_key: Option<String>,
    /// Where answers may go: exact strings, or a prefix when the entry ends in `*`.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout, by the same rule.
    pub post_logout_redirect_uris: Vec<String>,
}

/// One user.
#[derive(Clone)]
pub struct User {
    /// What is typed at sign-in, and `preferred_username`.
    pub username: String,
    /// What is typed at sign-in.
    pub password: String,
    /// `sub`.
    pub subject: String,
    /// `name`.
    pub name: String,
    /// `email`.
    pub email: String,
    /// `email_verified`.
    pub email_verified: bool,
    /// `groups`; the claim is absent when there are none, as Keycloak does.
    pub groups: Vec<String>,
    /// Merged into the ID token and userinfo over the claims above; never over the protocol's own (`iss`, `sub`, ...).
    pub extra: Map<String, Value>,
}

const LOOPBACK_PREFIXES: [&str; 4] =
    ["http://127.0.0.1:*", "http://localhost:*", "https://app.localhost:*", "http://app.localhost:*"];

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            issuer: None,
            issuer_text: None,
            discovery: true,
            jwks_query: None,
            clients: vec![demo_client()],
            users: demo_users(),
            signing_algorithm: SigningAlgorithm::default(),
            faults_by_request: false,
            code_life: Duration::from_mins(1),
            access_token_life: Duration::from_mins(5),
            id_token_life: Duration::from_mins(5),
            refresh_token_life: Duration::from_mins(30),
            clock: Clock::default(),
        }
    }
}

fn demo_client() -> Client {
    let anywhere_local: Vec<String> = LOOPBACK_PREFIXES.map(str::to_owned).into();
    Client {
        id: "foregate".to_owned(),
        secret: Some("foregate-secret".to_owned()),
        assertion_key: None,
        redirect_uris: anywhere_local.clone(),
        post_logout_redirect_uris: anywhere_local,
    }
}

fn demo_users() -> Vec<User> {
    vec![
        demo_user("testuser", 1, "Test User", &["dev", "ops"]),
        demo_user("alice", 2, "Alice Example", &["dev"]),
        User { email_verified: false, ..demo_user("bob", 3, "Bob Example", &[]) },
    ]
}

fn demo_user(username: &str, number: u8, name: &str, groups: &[&str]) -> User {
    User {
        username: username.to_owned(),
        password: username.to_owned(),
        subject: format!("00000000-0000-4000-8000-{number:012}"),
        name: name.to_owned(),
        email: format!("{username}@example.com"),
        email_verified: true,
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        extra: Map::new(),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("public", &(self.secret.is_none() && self.assertion_key.is_none()))
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("username", &self.username)
            .field("subject", &self.subject)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}
