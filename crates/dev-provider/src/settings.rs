//! Settings of the provider

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::algorithm::SigningAlgorithm;
use crate::clock::Clock;
use crate::shape::Shape;

/// The settings of [`start`](crate::start). The default is a complete provider with one client and three users.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen on, loopback only. Port 0 selects a free port.
    pub listen: SocketAddr,
    /// The issuer, which clients compare as an exact string. The default is `http://<address>`, with a slash if
    /// [`Shape::issuer_slash`] is true.
    pub issuer: Option<String>,
    /// Another value of `iss`, independent of the URLs of the endpoints. Entra ID uses
    /// `https://sts.windows.net/{tenant}/`.
    pub issuer_text: Option<String>,
    /// Whether the provider serves a discovery document. If not, the response is 404.
    pub discovery: bool,
    /// The query of `jwks_uri`, for example `appid=...` of Entra ID. A request without this query gets an empty list of
    /// keys.
    pub jwks_query: Option<String>,
    /// The registered clients.
    pub clients: Vec<Client>,
    /// The users that may sign in.
    pub users: Vec<User>,
    /// The algorithm that signs ID and access tokens. [`DevProvider::sign_with`](crate::DevProvider::sign_with) changes
    /// it.
    pub signing_algorithm: SigningAlgorithm,
    /// The shape of the metadata, the claims and the token responses.
    pub shape: Shape,
    /// Whether a browser may request faults for its own login. If true, the authorization request parameter `fault`
    /// contains names of faults of the token endpoint, separated by spaces.
    pub faults_by_request: bool,
    /// The lifetime of an authorization code.
    pub code_life: Duration,
    /// The lifetime of an access token.
    pub access_token_life: Duration,
    /// The lifetime of an ID token, which sets its `exp`.
    pub id_token_life: Duration,
    /// The lifetime of a refresh token, which restarts at each rotation.
    pub refresh_token_life: Duration,
    /// The clock for all these lifetimes and for the `Date` of every response.
    pub clock: Clock,
}

/// One registered client.
#[derive(Clone)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// The `client_secret`. A public client has none.
    pub secret: Option<String>,
    /// The public key of its client assertions (RFC 7523), as a JWK or as a PEM `PUBLIC KEY`, for RS256, PS256 or ES256.
    pub assertion_key: Option<String>,
    /// The allowed redirect URIs: exact strings, or a prefix if the entry ends in `*`.
    pub redirect_uris: Vec<String>,
    /// The allowed redirect URIs after logout, in the same form.
    pub post_logout_redirect_uris: Vec<String>,
}

/// One user.
#[derive(Clone)]
pub struct User {
    /// The user name for the sign-in, and `preferred_username`.
    pub username: String,
    /// The password for the sign-in.
    pub password: String,
    /// `sub`.
    pub subject: String,
    /// `name`.
    pub name: String,
    /// `email`.
    pub email: String,
    /// `email_verified`.
    pub email_verified: bool,
    /// `groups`. A user without groups has no such claim, as in Keycloak.
    pub groups: Vec<String>,
    /// Further claims of the ID token and userinfo. They replace the claims above, but never those of the protocol
    /// (`iss`, `sub`, ...).
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
            shape: Shape::default(),
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
