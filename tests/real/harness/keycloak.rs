//! Keycloak with a separate realm for each test
//!
//! 1. All tests of the process share one Keycloak, which ends with the process.
//! 2. A test that pauses Keycloak starts its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::gateway::Registration;
use super::process::{
    Program, Scratch, free_addresses, panic_missing, processes_with_path, repository, send_signal,
};

/// Time limit of a start. It takes six seconds on two idle cores, but other tests run at the same time.
const START_TIMEOUT: Duration = Duration::from_secs(180);
/// Time limit of a request. Creating a realm takes some seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Lifetime of the administrator's token, longer than any run.
const ADMIN_TOKEN_LIFETIME: Duration = Duration::from_hours(4);

static KEYCLOAK: OnceCell<Arc<Keycloak>> = OnceCell::const_new();
static NEXT_REALM: AtomicUsize = AtomicUsize::new(1);

/// A Keycloak process. The shared instance is never dropped and ends with the test process.
struct Keycloak {
    base: String,
    admin_token: String,
    _program: Program,
    scratch: Scratch,
}

impl Keycloak {
    async fn shared() -> Arc<Self> {
        Arc::clone(
            KEYCLOAK.get_or_init(async || Arc::new(Self::start(Scratch::shared("keycloak")).await)).await,
        )
    }

    async fn start(scratch: Scratch) -> Self {
        let tools = repository().join("target/test-tools/keycloak");
        // The class archive contains the canonical paths of the files.
        let tools = tools.canonicalize().unwrap_or_else(|_| panic_missing("Keycloak"));
        let database = scratch.path().join("h2");
        std::fs::create_dir_all(&database).unwrap();
        std::fs::copy(tools.join("seed/keycloakdb.mv.db"), database.join("keycloakdb.mv.db")).unwrap();
        let [http, management] = free_addresses();
        let arguments = start_arguments(&tools, &database, http.port(), management.port());
        let mut program = Program::start_supervised("keycloak", Path::new("env"), &arguments, &scratch);
        let client = client();
        let health = format!("http://{management}/health/ready");
        let ready = async || client.get(&health).send().await.ok()?.error_for_status().ok();
        program.wait_until_within(START_TIMEOUT, "it was ready", ready).await;
        let base = format!("http://{http}");
        let admin_token = long_lived_admin_token(&client, &base).await;
        Self { base, admin_token, _program: program, scratch }
    }
}

/// Returns the options of tests/tools/keycloak with a separate database, because two runs may use that folder at the
/// same time.
fn start_arguments(tools: &Path, database: &Path, http: u16, management: u16) -> Vec<String> {
    let (archive, program) = (tools.join("classes.jsa"), tools.join("home/bin/kc.sh"));
    vec![
        format!(
            "JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1 -XX:SharedArchiveFile={} -Djava.io.tmpdir={}",
            archive.display(),
            database.display()
        ),
        format!(
            "KC_DB_URL=jdbc:h2:file:{}/keycloakdb;NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE",
            database.display()
        ),
        program.display().to_string(),
        "start".to_owned(),
        "--optimized".to_owned(),
        "--http-enabled=true".to_owned(),
        // A realm can then have its own public host name, while the gateway uses this one.
        format!("--hostname=http://127.0.0.1:{http}"),
        "--hostname-backchannel-dynamic=true".to_owned(),
        "--http-host=127.0.0.1".to_owned(),
        format!("--http-port={http}"),
        "--http-management-host=127.0.0.1".to_owned(),
        format!("--http-management-port={management}"),
        "--cache=local".to_owned(),
    ]
}

fn client() -> Client {
    Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build().unwrap()
}

/// Returns an administrator's token that is valid for the whole run. The first token is valid for a minute; it sets
/// the lifetime of the second.
async fn long_lived_admin_token(client: &Client, base: &str) -> String {
    let short = request_admin_token(client, base).await;
    let longer = json!({ "accessTokenLifespan": ADMIN_TOKEN_LIFETIME.as_secs() });
    let asked = client.put(format!("{base}/admin/realms/master")).bearer_auth(short);
    let answer = asked.header("content-type", "application/json").body(longer.to_string()).send().await;
    assert!(answer.unwrap().status().is_success());
    request_admin_token(client, base).await
}

async fn request_admin_token(client: &Client, base: &str) -> String {
    let form = "grant_type=password&client_id=admin-cli&username=admin&password=admin";
    let asked = client.post(format!("{base}/realms/master/protocol/openid-connect/token")).body(form);
    let answer = asked.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    answer["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("the administrator got no token: {answer}"))
        .into()
}

/// A realm created from `deploy/keycloak/realm.json`, with test users.
pub(crate) struct Realm {
    keycloak: Arc<Keycloak>,
    client: Client,
    name: String,
}

impl Realm {
    /// Creates the documented realm for an application at `origin`, modified by `change`.
    pub(crate) async fn new(origin: &str, change: impl FnOnce(&mut Value)) -> Self {
        Self::create(Keycloak::shared().await, origin, change).await
    }

    /// Creates the realm in a Keycloak that only this test uses and may pause.
    pub(crate) async fn on_own_server(origin: &str, change: impl FnOnce(&mut Value)) -> Self {
        Self::create(Arc::new(Keycloak::start(Scratch::new()).await), origin, change).await
    }

    /// Pauses Keycloak: the system accepts connections, but no request gets a response.
    pub(crate) fn pause(&self) {
        self.signal_keycloak("-STOP");
    }

    /// Resumes Keycloak after [`Realm::pause`].
    pub(crate) fn resume(&self) {
        self.signal_keycloak("-CONT");
    }

    fn signal_keycloak(&self, name: &str) {
        // The supervisor gets no signal, so that it can still end Keycloak.
        let is_java = |process: &String| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
            name.is_ok_and(|name| name.trim() == "java")
        };
        let processes = processes_with_path(self.keycloak.scratch.path());
        let programs: Vec<String> = processes.into_iter().filter(is_java).collect();
        assert_eq!(programs.len(), 1, "expected one Keycloak process");
        send_signal(name, &programs);
    }

    async fn create(keycloak: Arc<Keycloak>, origin: &str, change: impl FnOnce(&mut Value)) -> Self {
        let name = format!("test-{}", NEXT_REALM.fetch_add(1, Ordering::Relaxed));
        let realm = Self { keycloak, client: client(), name };
        let path = repository().join("deploy/keycloak/realm.json");
        let mut description = adapt_realm(&std::fs::read_to_string(path).unwrap(), origin);
        description["realm"] = realm.name.as_str().into();
        change(&mut description);
        realm.call(Method::POST, "/admin/realms", Some(description)).await;
        realm
    }

    pub(crate) fn issuer(&self) -> String {
        format!("{}/realms/{}", self.keycloak.base, self.name)
    }

    /// Returns the provider settings of the gateway. The group `/dev` is allowed.
    pub(crate) fn registration(&self) -> Registration {
        Registration::at(&self.issuer(), "/dev")
    }

    /// Sets another public host for browsers and returns the new issuer. The gateway can still send requests to
    /// [`Realm::issuer`], the inner address.
    pub(crate) async fn set_public_host(&self, host: &str) -> String {
        let public = self.keycloak.base.replace("127.0.0.1", host);
        let change = json!({ "attributes": { "frontendUrl": public } });
        self.admin(Method::PUT, "", Some(change)).await;
        format!("{public}/realms/{}", self.name)
    }

    /// Returns the number of events of one kind that Keycloak recorded: `LOGIN`, `CODE_TO_TOKEN`, …
    pub(crate) async fn count_events(&self, kind: &str) -> usize {
        self.event_sessions(kind).await.len()
    }

    /// Returns the session of each event of one kind. The text is empty if Keycloak recorded no session.
    pub(crate) async fn event_sessions(&self, kind: &str) -> Vec<String> {
        let found = self.admin(Method::GET, &format!("events?type={kind}&max=10000"), None).await;
        let events = found.as_array().expect("the events are a list");
        events.iter().map(|event| event["sessionId"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Adds an RS256 key and returns its component. It signs from now on if its priority is above 100.
    pub(crate) async fn add_signing_key(&self, priority: u32) -> String {
        let name = format!("rsa-{priority}");
        let realm = self.admin(Method::GET, "", None).await;
        let key = json!({
            "name": name, "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": {
                "priority": [priority.to_string()], "enabled": ["true"], "active": ["true"],
                "algorithm": ["RS256"], "keySize": ["2048"],
            },
        });
        self.admin(Method::POST, "components", Some(key)).await;
        self.signing_keys()
            .await
            .into_iter()
            .find(|(found, _)| *found == name)
            .expect("the added key is listed")
            .1
    }

    /// Returns name and component of each RSA signing key.
    pub(crate) async fn signing_keys(&self) -> Vec<(String, String)> {
        let kind = "components?type=org.keycloak.keys.KeyProvider";
        let found = self.admin(Method::GET, kind, None).await;
        let keys = found.as_array().unwrap().iter();
        let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
        let rsa = keys.filter(|key| key["providerId"] == "rsa-generated");
        rsa.map(|key| (text(key, "name"), text(key, "id"))).collect()
    }

    /// Removes a key. Keycloak stops publishing it at once.
    pub(crate) async fn remove_key(&self, component: &str) {
        self.admin(Method::DELETE, &format!("components/{component}"), None).await;
    }

    /// Sets the URL that receives logout tokens (*Backchannel logout URL* of the client).
    pub(crate) async fn set_backchannel_logout_url(&self, url: &str) {
        let found = self.admin(Method::GET, "clients?clientId=foregate", None).await;
        let mut client = found[0].clone();
        client["attributes"]["backchannel.logout.url"] = url.into();
        let path = format!("clients/{}", client["id"].as_str().unwrap());
        self.admin(Method::PUT, &path, Some(client)).await;
    }

    /// Ends all sessions of a user, as an administrator does (*Users*, *Sessions*, *Logout all sessions*).
    pub(crate) async fn end_user_sessions(&self, user: &str) {
        let found = self.admin(Method::GET, &format!("users?exact=true&username={user}"), None).await;
        let path = format!("users/{}/logout", found[0]["id"].as_str().unwrap());
        self.admin(Method::POST, &path, None).await;
    }

    /// Removes a user from a group.
    pub(crate) async fn leave_group(&self, user: &str, group: &str) {
        let found = self.admin(Method::GET, &format!("users?exact=true&username={user}"), None).await;
        let groups = self.admin(Method::GET, &format!("groups?exact=true&search={group}"), None).await;
        let [user, group] = [&found, &groups].map(|found| found[0]["id"].as_str().unwrap().to_owned());
        self.admin(Method::DELETE, &format!("users/{user}/groups/{group}"), None).await;
    }

    /// Fetches the published keys.
    pub(crate) async fn published_keys(&self) -> Value {
        let keys = self.client.get(format!("{}/protocol/openid-connect/certs", self.issuer())).send().await;
        serde_json::from_slice(&keys.unwrap().bytes().await.unwrap()).unwrap()
    }

    async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = format!("/admin/realms/{}/{path}", self.name);
        self.call(method, path.trim_end_matches('/'), body).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.keycloak.base);
        let mut request = self.client.request(method.clone(), &url).bearer_auth(&self.keycloak.admin_token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status}: {text}");
        if status == StatusCode::CREATED || text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&text).unwrap()
    }
}

/// Returns the documented realm with the addresses, users, groups and events of a test.
fn adapt_realm(text: &str, origin: &str) -> Value {
    assert!(
        text.contains("https://app.example.com/oauth2/callback"),
        "the documented realm has another address"
    );
    let mut realm: Value = serde_json::from_str(&text.replace("https://app.example.com", origin)).unwrap();
    realm["clients"][0]["secret"] = "foregate-secret".into();
    // Keycloak does not trust the certificate of a test and would wait for five seconds at each sign-out.
    let attributes = realm["clients"][0]["attributes"].as_object_mut().unwrap();
    let url = attributes.remove("backchannel.logout.url").unwrap();
    assert_eq!(
        url,
        format!("{origin}/oauth2/backchannel-logout"),
        "the documented realm has another backchannel logout URL"
    );
    realm["groups"] = json!([{ "name": "dev" }, { "name": "ops" }]);
    realm["users"] = json!([user("testuser", &["/dev", "/ops"]), user("alice", &["/dev"]), user("bob", &[])]);
    realm["eventsEnabled"] = true.into();
    realm["enabledEventTypes"] = json!([
        "LOGIN",
        "LOGIN_ERROR",
        "CODE_TO_TOKEN",
        "CODE_TO_TOKEN_ERROR",
        "REFRESH_TOKEN",
        "REFRESH_TOKEN_ERROR",
        "LOGOUT"
    ]);
    realm
}

/// Returns a Keycloak user whose password is the name.
pub(crate) fn user(name: &str, groups: &[&str]) -> Value {
    json!({
        "username": name, "enabled": true, "email": format!("{name}@example.test"), "emailVerified": true,
        "firstName": name, "lastName": "Test", "groups": groups,
        "credentials": [{ "type": "password", "value": name, "temporary": false }],
    })
}
