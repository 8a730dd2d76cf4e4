//! How is a real Keycloak run, once for all tests, with a realm of its own for each?

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::gateway::Registration;
use super::process::{Program, Scratch, free_addresses, missing, processes_naming, repository, signal};

/// Six seconds on two cores at rest; the tests beside it may take what there is.
const START: Duration = Duration::from_secs(180);
/// A realm is made in one request of some seconds.
const REQUEST: Duration = Duration::from_secs(60);
/// The one life of an administrator's token that outlasts every run.
const ADMINISTRATION: Duration = Duration::from_hours(4);

static KEYCLOAK: OnceCell<Arc<Keycloak>> = OnceCell::const_new();
static REALMS: AtomicUsize = AtomicUsize::new(1);

/// The one Keycloak of this process, which is never dropped: its end is the end of the process. A test that stops it has
/// another.
struct Keycloak {
    base: String,
    administrator: String,
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
        // The archive of classes knows the files by their real paths.
        let tools = tools.canonicalize().unwrap_or_else(|_| missing("Keycloak"));
        let database = scratch.path().join("h2");
        std::fs::create_dir_all(&database).unwrap();
        std::fs::copy(tools.join("seed/keycloakdb.mv.db"), database.join("keycloakdb.mv.db")).unwrap();
        let [http, management] = free_addresses();
        let arguments = arguments(&tools, &database, http.port(), management.port());
        let mut program = Program::start_leashed("keycloak", Path::new("env"), &arguments, &scratch);
        let client = client();
        let health = format!("http://{management}/health/ready");
        let ready = async || client.get(&health).send().await.ok()?.error_for_status().ok();
        program.until_within(START, "it says that it is ready", ready).await;
        let base = format!("http://{http}");
        let administrator = administrator(&client, &base).await;
        Self { base, administrator, _program: program, scratch }
    }
}

/// Those of tests/tools/keycloak, with a database of our own: that folder may serve two runs at a time.
fn arguments(tools: &Path, database: &Path, http: u16, management: u16) -> Vec<String> {
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
        // A realm may then have a public name of its own, and answer the gateway by this one.
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
    Client::builder().no_proxy().timeout(REQUEST).build().unwrap()
}

/// A token that lasts for the run: the first one is good for a minute, and makes the next one longer.
async fn administrator(client: &Client, base: &str) -> String {
    let short = administrators_token(client, base).await;
    let longer = json!({ "accessTokenLifespan": ADMINISTRATION.as_secs() });
    let asked = client.put(format!("{base}/admin/realms/master")).bearer_auth(short);
    let answer = asked.header("content-type", "application/json").body(longer.to_string()).send().await;
    assert!(answer.unwrap().status().is_success());
    administrators_token(client, base).await
}

async fn administrators_token(client: &Client, base: &str) -> String {
    let form = "grant_type=password&client_id=admin-cli&username=admin&password=admin";
    let asked = client.post(format!("{base}/realms/master/protocol/openid-connect/token")).body(form);
    let answer = asked.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    answer["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("no token for the administrator: {answer}"))
        .into()
}

/// One realm of it, made from `deploy/keycloak/realm.json`, with people in it.
pub(crate) struct Realm {
    keycloak: Arc<Keycloak>,
    client: Client,
    name: String,
}

impl Realm {
    /// The documented realm for an application at `origin`, as `change` changes it.
    pub(crate) async fn new(origin: &str, change: impl FnOnce(&mut Value)) -> Self {
        Self::of(Keycloak::shared().await, origin, change).await
    }

    /// The same in a Keycloak that no other test has, and may be stopped.
    pub(crate) async fn alone(origin: &str, change: impl FnOnce(&mut Value)) -> Self {
        Self::of(Arc::new(Keycloak::start(Scratch::new()).await), origin, change).await
    }

    /// Stops it where it stands: connections are taken, and nobody answers.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        // The leash stays free to end it.
        let java = |process: &String| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
            name.is_ok_and(|name| name.trim() == "java")
        };
        let named = processes_naming(self.keycloak.scratch.path());
        let programs: Vec<String> = named.into_iter().filter(java).collect();
        assert_eq!(programs.len(), 1, "one Keycloak was expected");
        signal(name, &programs);
    }

    async fn of(keycloak: Arc<Keycloak>, origin: &str, change: impl FnOnce(&mut Value)) -> Self {
        let name = format!("test-{}", REALMS.fetch_add(1, Ordering::Relaxed));
        let realm = Self { keycloak, client: client(), name };
        let path = repository().join("deploy/keycloak/realm.json");
        let mut description = documented(&std::fs::read_to_string(path).unwrap(), origin);
        description["realm"] = realm.name.as_str().into();
        change(&mut description);
        realm.call(Method::POST, "/admin/realms", Some(description)).await;
        realm
    }

    pub(crate) fn issuer(&self) -> String {
        format!("{}/realms/{}", self.keycloak.base, self.name)
    }

    /// What the gateway is to be told; `/dev` may pass.
    pub(crate) fn registration(&self) -> Registration {
        Registration::at(&self.issuer(), "/dev")
    }

    /// Lets browsers know the realm by another host, and gives the issuer that it is from then on. The gateway may go
    /// on asking at [`Realm::issuer`].
    pub(crate) async fn known_as(&self, host: &str) -> String {
        let public = self.keycloak.base.replace("127.0.0.1", host);
        let change = json!({ "attributes": { "frontendUrl": public } });
        self.admin(Method::PUT, "", Some(change)).await;
        format!("{public}/realms/{}", self.name)
    }

    /// How often something happened, as Keycloak's own record of events says: `LOGIN`, `CODE_TO_TOKEN`, …
    pub(crate) async fn events(&self, kind: &str) -> usize {
        self.sessions_of(kind).await.len()
    }

    /// In whose session each of those events happened; empty where Keycloak could not tell.
    pub(crate) async fn sessions_of(&self, kind: &str) -> Vec<String> {
        let found = self.admin(Method::GET, &format!("events?type={kind}&max=10000"), None).await;
        let events = found.as_array().expect("a list of events");
        events.iter().map(|event| event["sessionId"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Another RS256 key, which signs from now on if its priority is above 100; gives its component.
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
        self.signing_keys().await.into_iter().find(|(found, _)| *found == name).expect("the key just added").1
    }

    /// The RSA keys that can sign: name and component.
    pub(crate) async fn signing_keys(&self) -> Vec<(String, String)> {
        let kind = "components?type=org.keycloak.keys.KeyProvider";
        let found = self.admin(Method::GET, kind, None).await;
        let keys = found.as_array().unwrap().iter();
        let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
        let rsa = keys.filter(|key| key["providerId"] == "rsa-generated");
        rsa.map(|key| (text(key, "name"), text(key, "id"))).collect()
    }

    /// Takes a key away: it leaves the published set at once.
    pub(crate) async fn remove_key(&self, component: &str) {
        self.admin(Method::DELETE, &format!("components/{component}"), None).await;
    }

    /// From now on logout tokens go to this URL (*Backchannel logout URL* of the client).
    pub(crate) async fn send_logouts_to(&self, url: &str) {
        let found = self.admin(Method::GET, "clients?clientId=foregate", None).await;
        let mut client = found[0].clone();
        client["attributes"]["backchannel.logout.url"] = url.into();
        let path = format!("clients/{}", client["id"].as_str().unwrap());
        self.admin(Method::PUT, &path, Some(client)).await;
    }

    /// An administrator ends all sessions of a person (*Users*, *Sessions*, *Logout all sessions*).
    pub(crate) async fn log_out(&self, user: &str) {
        let found = self.admin(Method::GET, &format!("users?exact=true&username={user}"), None).await;
        let path = format!("users/{}/logout", found[0]["id"].as_str().unwrap());
        self.admin(Method::POST, &path, None).await;
    }

    /// The published keys.
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
        let mut request = self.client.request(method.clone(), &url).bearer_auth(&self.keycloak.administrator);
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

/// The documented realm with the addresses of this test, and with what only tests need.
fn documented(text: &str, origin: &str) -> Value {
    assert!(
        text.contains("https://app.example.com/oauth2/callback"),
        "another address in the documented realm"
    );
    let mut realm: Value = serde_json::from_str(&text.replace("https://app.example.com", origin)).unwrap();
    realm["clients"][0]["secret"] = "foregate-secret".into();
    // Keycloak believes no certificate of a test, and would wait for five seconds at each sign-out.
    let attributes = realm["clients"][0]["attributes"].as_object_mut().unwrap();
    let url = attributes.remove("backchannel.logout.url").unwrap();
    assert_eq!(url, format!("{origin}/oauth2/backchannel-logout"), "no address of ours");
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

/// A person whose password is the name.
pub(crate) fn user(name: &str, groups: &[&str]) -> Value {
    json!({
        "username": name, "enabled": true, "email": format!("{name}@example.test"), "emailVerified": true,
        "firstName": name, "lastName": "Test", "groups": groups,
        "credentials": [{ "type": "password", "value": name, "temporary": false }],
    })
}
