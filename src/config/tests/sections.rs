//! Every key takes effect, and every wrong value is refused

use std::time::Duration;

use http::Method;

use super::*;
use crate::access::headlamp::{Cluster, Headlamp};
use crate::access::identity::IdentityRef;
use crate::access::target::Target;
use crate::config::SessionStorage;
use crate::config::keys::TABLE;
use crate::provider::{Algorithm, ClientAuthentication};
use crate::telemetry::log::{LogFormat, LogLevel};

/// Returns a file with every key once, none with its default.
fn full(ca: &str) -> String {
    format!(
        r#"[public]
urls = ["https://a.test", "http://localhost:4180"]
allow_cross_origin_writes = true
listen = "[::]:1"
[check]
listen = "[::]:2"
trusted_proxies = ["10.0.0.0/8"]
grpc_listen = "[::]:4"
dangerously_keep_content_length = true
oauth2_proxy_path = true
[ops]
listen = "[::]:3"
admin_socket = "/admin.sock"
[provider]
issuer = "https://b.test/realms/main"
backchannel_url = "http://b.auth.svc/realms/main"
discovery = false
endpoint_hosts = ["Login.test", "[::1]"]
client_id = "me"
audience = "api://me"
trusted_audiences = ["kubernetes"]
client_secret = "hunter2"
client_authentication = "client_secret_post"
scopes = ["openid", "groups"]
required_acr = ["gold", "silver"]
userinfo = true
ca_file = "{ca}"
signing_algorithms = ["ES256", "EdDSA"]
leeway = "1s"
timeout = "2s"
tolerates_refresh_token_reuse = true
[provider.endpoints]
authorization = "https://c.test/authorize"
token = "http://b.auth.svc/token"
jwks = "https://c.test/keys?appid=1"
userinfo = "https://c.test/userinfo"
end_session = "https://c.test/logout"
[provider.authorization_parameters]
kc_idp_hint = "corporate"
max_age = "3600"
[session]
keys = ["{KEY}", "{OTHER_KEY}"]
lifetime = "1h 30m"
idle_timeout = "20m"
background_paths = ["/poll"]
require_fresh_id_token = true
store = "file"
file = "/sessions.redb"
stale_if_error = "7s"
[claims]
user = "sub"
email = "mail"
groups = ["realm_access.roles"]
strip_group_slash = true
comma_separated_groups = true
accept_unverified_email = true
[policies.staff]
allowed_groups = ["dev"]
allowed_emails = ["bob@else.test"]
allowed_email_domains = [".corp.test"]
[public_paths.mine]
paths = ["/open/"]
methods = ["POST"]
hosts = ["A.test"]
[headers]
user = "X-User"
group = "X-Groups"
email = "X-Email"
id_token = "X-Token"
authorization = true
strip = ["X-Who-*"]
[headlamp]
enabled = true
base_url = "/tools"
clusters = ["north", "south"]
logout = true
dangerously_allow_external_targets = true
[sign_in]
page = true
provider_logout = false
[upstream]
url = "http://127.0.0.1:4466"
host = "app.internal"
ca_file = "{ca}"
[log]
format = "json"
level = "debug"
[drain]
unready_time = "0s"
finish_timeout = "9m"
"#
    )
}

#[test]
fn every_key_takes_effect() {
    let ca = TempFile::new(CERTIFICATE);
    let text = full(ca.path());
    for (name, key) in TABLE.all().filter(|(name, _)| !name.ends_with('*')) {
        let set = text.contains(&format!("\n{} = ", key.name))
            || name.ends_with("s_file")
            || name.ends_with("t_file")
            || name.contains(".tls_")
            || name == "check.client_ca_file"
            || name.starts_with("provider.client_key")
            || name == "provider.client_assertion_audience"
            || ["cookie.domain", "public.return_hosts"].contains(&name.as_str())
            || name.starts_with("session.redis.");
        assert!(set, "{name} is not in this test");
    }
    let all = settings(&text);
    assert_eq!([all.public.listen.port(), all.check.listen.port(), all.ops.listen.port()], [1, 2, 3]);
    assert_eq!([all.public.origins.iter().count(), all.session.keys.len()], [2, 2]);
    assert!(all.public.allow_cross_origin_writes);
    assert_eq!(all.check.grpc_listen.unwrap().port(), 4);
    assert!(all.check.keeps_content_length && all.check.oauth2_proxy_path);
    assert!(all.check.trusted_proxies.trusts("10.1.1.1".parse().unwrap()));
    assert!(!all.check.trusted_proxies.trusts("127.0.0.1".parse().unwrap()));
    let file = |path: &PathBuf| path.to_str() == Some("/sessions.redb");
    assert!(matches!(&all.session.storage, SessionStorage::File(path) if file(path)));
    assert_eq!(all.session.stale_if_error, Duration::from_secs(7));
    let lifetimes = all.session.lifetimes;
    assert_eq!([lifetimes.session, lifetimes.idle.unwrap()], [5400, 1200].map(Duration::from_secs));
    assert!(lifetimes.require_fresh_id_token && all.provider.bears_reuse);
    let (root, poll) = ("/".as_bytes(), "/poll?since=1".as_bytes());
    let is_background = |path| {
        let origin = all.public.origins.iter().next().unwrap();
        all.session.background_paths.matches(&Method::GET, origin, Target::parse(path).unwrap())
    };
    assert!(is_background(poll) && !is_background(root));
    assert!(
        all.claims.accept_unverified_email
            && all.claims.strip_group_slash
            && all.claims.comma_separated_groups
    );
    assert_eq!((all.claims.groups.len(), all.claims.userinfo), (1, true));
    assert_eq!(all.headers.names.group.as_str(), "x-groups");
    assert_eq!(all.headers.names.id_token.as_str(), "x-token");
    assert!(all.headers.authorization && all.sign_in.page && !all.sign_in.provider_logout);
    assert!(all.headers.stripped.matches("x_who_am_i") && !all.headers.stripped.matches("remote-user"));
    assert!(all.headers.stripped.matches("kubeconfig") && all.headers.stripped.matches("x-headlamp-user-id"));
    let clusters = ["north", "south"].map(|name| Cluster::new(name).unwrap()).into();
    assert_eq!(all.headlamp, Some(Headlamp::new("/tools", clusters, true).with_log_out(true)));
    let upstream = all.upstream.unwrap();
    assert_eq!(upstream.ca_pem.unwrap(), CERTIFICATE.as_bytes());
    assert_eq!(
        (upstream.url.as_str(), upstream.host.unwrap()),
        ("http://127.0.0.1:4466/", "app.internal".parse().unwrap())
    );
    assert_eq!((all.log.format, all.log.level), (LogFormat::Json, LogLevel::Debug));
    assert_eq!([all.drain.unready_time, all.drain.finish_timeout], [0, 540].map(Duration::from_secs));
    assert_eq!(all.warnings.len(), 7, "{:?}", all.warnings);
}

#[test]
fn provider_keys_take_effect() {
    let ca = TempFile::new(CERTIFICATE);
    let provider = settings(&full(ca.path())).provider;
    assert_eq!(provider.issuer, "https://b.test/realms/main");
    assert_eq!(provider.backchannel_url.unwrap().as_str(), "http://b.auth.svc/realms/main");
    assert_eq!(provider.client_id, "me");
    assert!(matches!(provider.client_authentication, ClientAuthentication::Post(_)));
    assert_eq!(provider.scopes, ["openid", "groups"]);
    assert_eq!(provider.authorization_parameters["kc_idp_hint"], "corporate");
    assert_eq!(provider.authorization_parameters["max_age"], "3600");
    assert_eq!(provider.required_acr, ["gold", "silver"]);
    assert_eq!(provider.ca_pem.unwrap(), CERTIFICATE.as_bytes());
    assert_eq!(provider.signing_algorithms.unwrap(), [Algorithm::Es256, Algorithm::EdDsa]);
    assert_eq!(provider.audience.unwrap(), "api://me");
    assert_eq!(provider.trusted_audiences, ["kubernetes"]);
    assert!(!provider.discovery && provider.userinfo);
    assert_eq!(provider.endpoint_hosts, ["login.test", "[::1]"]);
    let endpoints = provider.endpoints;
    let set =
        [endpoints.authorization, endpoints.token, endpoints.jwks, endpoints.userinfo, endpoints.end_session];
    let paths = set.map(|url| url.unwrap().path().to_owned());
    assert_eq!(paths, ["/authorize", "/token", "/keys", "/userinfo", "/logout"]);
    assert_eq!((provider.leeway.as_secs(), provider.timeout.as_secs()), (1, 2));
}

#[test]
fn public_path_rule_matches_its_method_host_and_path() {
    let ca = TempFile::new(CERTIFICATE);
    let all = settings(&full(ca.path()));
    let origin = |host| all.public.origins.find(host).unwrap();
    let is_public = |method, host, target: &str| {
        all.public_paths.matches(&method, origin(host), Target::parse(target.as_bytes()).unwrap())
    };
    assert!(is_public(Method::POST, "a.test", "/open/x"));
    assert!(!is_public(Method::GET, "a.test", "/open/x") && !is_public(Method::POST, "localhost", "/open/x"));
    let everything = load_all(MINIMAL, &[], &[("public_paths.all.paths", "/")]).unwrap();
    assert!(everything.warnings.iter().any(|warning| warning.contains("every path public")));
}

#[test]
fn hosts_that_share_a_sign_in_have_one_sign_in_host() {
    let shared = [("cookie.domain", ".Example.com"), ("public.return_hosts", "grafana.example.com")];
    let origins = load_all(MINIMAL, &[], &shared).unwrap().public.origins;
    assert_eq!(origins.domain(), Some("example.com"));
    let grafana = origins.find("grafana.example.com").unwrap();
    assert_eq!(origins.sign_in_of(grafana).host(), "headlamp.example.com");
    let alone = load_all(MINIMAL, &[], &shared[1..]).unwrap().public.origins;
    assert!(alone.find("grafana.example.com").is_none(), "users may return there, but it is not served");
    let two = MINIMAL.replace("urls = [", "urls = [\"https://b.example.com\", ");
    let found = load_all(&two, &[], &shared).err().unwrap();
    assert!(found.to_string().contains("public.urls has 2"), "{found}");
}

#[test]
fn policy_permits_users_who_meet_its_conditions() {
    let ca = TempFile::new(CERTIFICATE);
    let policies = settings(&full(ca.path())).policies;
    let may = |email, groups| {
        let user = IdentityRef { subject: "1", user: "x", email, groups };
        policies.permit("staff", user, None).is_ok()
    };
    assert!(may("bob@else.test", "dev") && may("x@a.corp.test", "dev"));
    assert!(!may("bob@else.test", "ops") && !may("x@else.test", "dev"));
}

#[test]
fn public_client_needs_no_secret() {
    let text = MINIMAL.replace("client_secret = \"hunter2\"", "client_authentication = 'none'");
    assert!(matches!(settings(&text).provider.client_authentication, ClientAuthentication::None));
}

#[test]
fn endpoints_are_required_without_discovery() {
    let found = load_all(MINIMAL, &[], &[("provider.discovery", "false")]).err().unwrap();
    assert_eq!(found.count(), 3);
    let more = [("provider.discovery", "false"), ("provider.userinfo", "true")];
    assert_eq!(load_all(MINIMAL, &[], &more).err().unwrap().count(), 4);
    for name in ["authorization", "token", "jwks"] {
        assert!(found.to_string().contains(&format!("provider.endpoints.{name} ")), "{found}");
    }
    let three = ["authorization", "token", "jwks"].map(|name| format!("{name} = 'https://a.test/{name}'\n"));
    let text = MINIMAL.replace(
        "[session]",
        &format!("discovery = false\n[provider.endpoints]\n{}[session]", three.concat()),
    );
    assert!(!settings(&text).provider.discovery);
}

#[test]
fn client_key_is_read_for_private_key_jwt_only() {
    let der = rcgen::KeyPair::generate().unwrap();
    let pem = TempFile::new(der.serialize_pem());
    let text = MINIMAL.replace("client_secret = \"hunter2\"", "client_authentication = 'private_key_jwt'");
    let more = [
        ("provider.client_key_file", pem.path()),
        ("provider.client_assertion_audience", "x"),
        ("provider.client_key_id", "k"),
    ];
    let provider = load_all(&text, &[], &more).ok().unwrap().provider;
    let ClientAuthentication::PrivateKey { audience, .. } = provider.client_authentication else { panic!() };
    assert_eq!(audience.unwrap(), "x");
    let found = mistakes(&text).to_string();
    assert!(found.contains("provider.client_key") && found.contains("it is missing"), "{found}");
    let unused = load_all(MINIMAL, &[], &more[..1]).err().unwrap().to_string();
    assert!(unused.contains("a client key is set"), "{unused}");
    for key in ["provider.client_key", "provider.client_key_file"] {
        let shown = load_all(&text, &[], &[(key, "hunter2")]).err().unwrap().to_string();
        assert!(shown.contains(key) && !shown.contains("hunter2"), "{shown}");
    }
}

/// Each of these values, set by a flag over a valid file, is one mistake whose report contains these words.
#[test]
fn wrong_values_are_refused() {
    let ca = TempFile::new("no certificate");
    let keys = format!("{KEY},{KEY}=");
    for (key, value, words) in [
        ("public.urls", "https://a.test,https://A.test:443/", "twice"),
        ("public.urls", "https://a.test/x", "more than scheme, host and port"),
        ("public.urls", "https://*.a.test", "one entry for each host"),
        ("public.urls", "a.test", "does not begin with https://"),
        ("public.urls", "", "it is empty"),
        ("public.listen", "localhost:4180", "lacks a numeric address"),
        ("public.listen", "0.0.0.0:4181", "public.listen already uses that port"),
        ("ops.listen", "127.0.0.1:4180", "public.listen already uses that port (the default)"),
        ("check.listen", "0.0.0.0:4181", "trusted_proxies = [\"private\"]"),
        ("check.trusted_proxies", "10.0.0.0/33", "the word private"),
        ("provider.issuer", "http://b.test", "provider.backchannel_url"),
        ("provider.issuer", "https://b.test?x=1", "a query or a fragment"),
        ("provider.issuer", "https://b.test/.well-known/openid-configuration", "right: https://b.test\n"),
        ("provider.backchannel_url", "b.auth.svc", "not an absolute URL"),
        ("provider.endpoint_hosts", "https://a.test", "not a host name alone"),
        ("provider.endpoint_hosts", "a.test:443", "not a host name alone"),
        ("provider.endpoints.authorization", "http://a.test/auth", "browsers are redirected there"),
        ("provider.endpoints.token", "/token", "not an absolute URL"),
        ("provider.endpoints.end_session", "https://a.test/#x", "it has a fragment"),
        ("provider.client_id", " ", "it is empty"),
        ("provider.client_authentication", "none", "remove the client secret"),
        ("provider.client_authentication", "private_key_jwt", "a client secret is set"),
        ("provider.client_key", "hunter2", "no private key in PEM form"),
        ("provider.client_key_file", ca.path(), "no private key in PEM form"),
        ("provider.client_key", "-----BEGIN EC PRIVATE KEY-----", "openssl pkcs8 -topk8"),
        ("provider.client_key", "-----BEGIN ENCRYPTED PRIVATE KEY-----", "encrypted with a password"),
        ("provider.client_authentication", "client_secret_jwt", "not one of the choices"),
        ("provider.scopes", "profile", "openid is missing"),
        ("provider.scopes", "openid profile", "not one scope"),
        ("provider.authorization_parameters.state", "x", "reserved for the sign-in"),
        ("provider.ca_file", ca.path(), "no certificate in PEM form"),
        ("provider.ca_file", "/nowhere.pem", "cannot be read"),
        ("provider.signing_algorithms", "HS256", "an attacker who knows"),
        ("provider.signing_algorithms", "none", "could forge"),
        ("provider.signing_algorithms", "", "it is empty"),
        ("provider.leeway", "6m", "too long"),
        ("provider.timeout", "0s", "too short"),
        ("claims.user", "a..b", "empty step"),
        ("claims.user", "app.https://a.test/roles", "JSON pointer /app/https:~1~1a.test~1roles"),
        ("session.keys", &keys, "key 2 appears twice"),
        ("session.keys", "c2hvcnQ", "key 1 is 5 bytes long, not 32"),
        ("session.keys", "not/base64+url", "key 1 is standard base64"),
        ("session.lifetime", "36000", "number without a unit"),
        ("headers.user", "X_User", "letters, digits and -"),
        ("headers.user", "Content-Type", "already has another meaning"),
        ("headers.user", "Impersonate-User", "already has another meaning"),
        ("headers.user", "x-forwarded-HOST", "already has another meaning"),
        ("headers.user", "x-forwarded-email", "headers.user already has that name"),
        ("headers.authorization", "yes", "neither true nor false"),
        ("headers.strip", "X_User", "letters, digits and -"),
        ("headers.strip", "X-*", "too many fields"),
        ("headers.strip", "Remote-User,Host", "host already has another meaning"),
        ("headers.strip", "Cook*", "cookie already has another meaning"),
        ("headers.strip", "Content-Type", "content- already has another meaning"),
        ("headers.strip", "Acce*", "accept already has another meaning"),
        ("policies.Staff.allowed_groups", "dev", "part of a path"),
        ("policies.a.allowed_emails", "a@b@c", "not one e-mail address"),
        ("policies.a.allowed_email_domains", "@a.test", "right: \"a.test\""),
        ("policies.a.allowed_email_domains", "*.a.test", "right: \".a.test\""),
        ("policies.a.allowed_email_domains", "a..test", "not a domain"),
        ("cookie.domain", "test", "top-level"),
        ("cookie.domain", "*.example.com", "not a domain"),
        ("cookie.domain", "10.0.0.1", "not a domain"),
        ("cookie.domain", "else.test", "is not in this domain"),
        ("public.return_hosts", "https://b.test", "not a host"),
        ("public.return_hosts", "b.test/x", "not a host"),
        ("public_paths.a.paths", "/a/../b", "read alike"),
        ("public_paths.a.paths", "a", "read alike"),
        ("public_paths.a.methods", "get", "capitals"),
        ("public_paths.a.hosts", "elsewhere.test", "not the host of any of public.urls"),
        ("headlamp.base_url", "headlamp", "not such a path"),
        ("headlamp.base_url", "/headlamp/", "not such a path"),
        ("headlamp.clusters", "", "it is empty"),
        ("headlamp.clusters", "a/b", "not the name of a cluster"),
        ("headlamp.clusters", "a.b,ab", "one cookie"),
        ("upstream.url", "ftp://127.0.0.1:4466", "not an absolute URL"),
        ("upstream.ca_file", ca.path(), "no certificate in PEM form"),
        ("upstream.url", "http://127.0.0.1:4466/x", "path"),
        ("upstream.url", "http://127.0.0.1:4180", "forwarded in a loop"),
        ("upstream.host", "a/b", "not a host"),
        ("drain.unready_time", "11m", "too long"),
        ("drain.finish_timeout", "20", "without a unit"),
        ("log.format", "jsno", "did you mean \"json\"?"),
    ] {
        let found = load_all(MINIMAL, &[], &[(key, value)]).err().unwrap_or_else(|| panic!("{key}={value}"));
        assert_eq!(found.count(), 1, "{found}");
        assert!(found.to_string().contains(words), "{words}: {found}");
    }
}

#[test]
fn wrong_kinds_in_the_file_are_reported_together() {
    let found = report_with(
        "[log]\nlevel = true\n[claims]\ngroups = 'groups'\nuser = 1979-05-27\n[headers]\nauthorization = 'true'\n\
         [policies]\nstaff = ['dev']\n[policies.a]\nallowed_groups = ['dev', 7, '']\n[check]\ntrusted_proxies = ['']\n",
    );
    for words in [
        "log.level = true ",
        "claims.groups = 'groups' ",
        "claims.user = 1979-05-27 ",
        "headers.authorization = 'true' ",
        "policies.staff (",
        "an entry is a number",
        "an entry is empty",
        "7 mistakes",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
}
