//! Identity headers sent by the client
//!
//! 1. The application receives only identity headers that the gateway set.
//! 2. Aliases of these headers do not arrive.
//! 3. The application never receives the session cookie.

use http::StatusCode;

use crate::harness::{Aliases, Proxy, ProxyOptions, ReceivedRequest, Setup, TestClient};
use crate::spoofs::{is_fooled, spoofs};

/// Names of the identity headers, as the application reads them.
const IDENTITY_HEADERS: [&str; 4] =
    ["X-Forwarded-User", "X-Forwarded-Group", "X-Forwarded-Email", "X-Forwarded-Id-Token"];

/// Spellings that some application servers treat as identity headers.
const ALIASES: [&str; 10] = [
    "X_Forwarded_User",
    "X.Forwarded.User",
    "X~Forwarded~User",
    "x_forwarded-user",
    "X-Forwarded_Group",
    "X_Forwarded_Email",
    "X.Forwarded-Id.Token",
    "Impersonate_User",
    "Impersonate.Group",
    "Impersonate~Uid",
];

fn spoofed_lines(received: &ReceivedRequest) -> Vec<&(String, String)> {
    received.headers.iter().filter(|(_, value)| value.contains("evil")).collect()
}

pub(crate) async fn spoofed_identity_headers_never_arrive(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("testuser").await;
    let mut spoofed: Vec<(&str, &str)> = IDENTITY_HEADERS.iter().map(|name| (*name, "evil")).collect();
    spoofed.extend(IDENTITY_HEADERS.iter().map(|name| (*name, "evil-again")));
    spoofed.push(("Authorization", "Bearer evil"));

    let reply = client.get("/spoofed", &spoofed).await;

    let received = only_request(&setup, "/spoofed", &reply.body);
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(spoofed_lines(&received), Vec::<&(String, String)>::new());
    assert_eq!(received.value("x-forwarded-user"), "testuser");
    assert_eq!(received.value("x-forwarded-group"), "dev,ops");
    assert_eq!(received.value("x-forwarded-email"), "testuser@example.com");
}

/// Sends the cases of the check through the documented proxy. A proxy that can pass aliases is also tested in that
/// mode.
pub(crate) async fn listed_spoofs_never_reach_an_application_that_folds_names(proxy: Proxy) {
    for aliases in proxy.aliases() {
        let setup = Setup::start(ProxyOptions { aliases: *aliases, ..ProxyOptions::from(proxy) }).await;
        let client = setup.signed_in_client("testuser").await;
        for (number, spoof) in spoofs().into_iter().enumerate() {
            let target = format!("/spoof/{number}");
            let fields: Vec<(&str, &str)> =
                spoof.fields.iter().map(|(name, value)| (&**name, value.trim())).collect();
            let reply = client.get(&target, &fields).await;
            let arrived = setup.requests_to(&target);
            let what = format!("{:?} ({}): {}", spoof.fields, spoof.why, reply.status);
            assert_eq!(reply.status == StatusCode::OK, arrived.len() == 1, "{what}");
            // If `Connection` makes the proxy remove the cookie, the request has no session.
            let may_fail = matches!(&*spoof.expected, "refused" | "connection")
                || spoof.expected == "impersonate" && !proxy.removes_patterns()
                || fields.len() > 1 && proxy.refuses_repeated(fields[0].0);
            assert!(reply.status == StatusCode::OK || may_fail, "{what}");
            for received in arrived {
                let pairs = received.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                assert!(!is_fooled(pairs), "{what}: {received:?}");
                assert_eq!(received.value("x-forwarded-user"), "testuser", "{what}");
            }
        }
    }
}

pub(crate) async fn our_headers_named_in_connection_are_not_removed(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("testuser").await;
    let connection =
        ("Connection", "close, X-Forwarded-User, X-Forwarded-Group, X-Forwarded-Uri, Authorization");

    let reply = client.get("/connection", &[connection, ("X-Forwarded-User", "evil")]).await;

    let received = only_request(&setup, "/connection", &reply.body);
    assert_eq!(received.value("x-forwarded-user"), "testuser");
    assert_eq!(received.value("x-forwarded-group"), "dev,ops");
    assert!(received.value("authorization").starts_with("Bearer "));
}

pub(crate) async fn impersonation_headers_never_arrive(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("testuser").await;
    let spoofed = [
        ("Impersonate-User", "evil"),
        ("Impersonate-Group", "system:masters-evil"),
        ("Impersonate-Group", "evil"),
        ("Impersonate-Uid", "evil"),
        ("Impersonate-Extra-Scopes", "evil"),
        ("impersonate-extra-anything", "evil"),
    ];

    for spoof in spoofed {
        let reply = client.get("/impersonate", &[spoof]).await;
        let expected = if proxy.removes_patterns() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(reply.status, expected, "{spoof:?}: {}", reply.body);
    }
    let reply = client.get("/impersonate", &spoofed).await;

    let arrived = setup.requests_to("/impersonate");
    let expected = if proxy.removes_patterns() { spoofed.len() + 1 } else { 0 };
    assert_eq!(arrived.len(), expected, "{}", reply.body);
    let names = arrived.iter().flat_map(|received| &received.headers).map(|(name, _)| name);
    let impersonating: Vec<&String> = names.filter(|name| name.starts_with("impersonate")).collect();
    assert_eq!(impersonating, Vec::<&String>::new());
}

pub(crate) async fn aliases_of_our_headers_never_arrive(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("testuser").await;
    for alias in ALIASES {
        let reply = client.get("/alias", &[(alias, "evil")]).await;
        let expected = if proxy.removes(alias) { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(reply.status, expected, "{alias}: {}", reply.body);
    }
    let dropped = ALIASES.iter().filter(|alias| proxy.removes(alias)).count();
    let arrived = setup.requests_to("/alias");
    assert_eq!(arrived.len(), dropped);
    for received in arrived {
        assert_eq!(spoofed_lines(&received), Vec::<&(String, String)>::new());
        assert_eq!(received.value("x-forwarded-user"), "testuser");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_refuses_aliases_of_our_headers_if_traefik_passes_them() {
    let setup = Setup::start(Aliases::PassedToGateway).await;
    let client = setup.signed_in_client("testuser").await;
    for alias in ALIASES {
        let reply = client.get("/alias", &[(alias, "evil")]).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{alias}: {}", reply.body);
    }
    assert_eq!(setup.requests_to("/alias").len(), 0);

    // A name that is no alias of the gateway's headers passes.
    let reply = client.get("/foreign-alias", &[("Some_App_Header", "fine")]).await;
    assert_eq!(only_request(&setup, "/foreign-alias", &reply.body).value("some_app_header"), "fine");
}

pub(crate) async fn client_cannot_choose_the_checked_url(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let anonymous = setup.anonymous_client();
    let forged = [
        ("X-Forwarded-Uri", "/oauth2/sign_in"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Original-Url", "https://evil.test/"),
        ("Forwarded", "host=evil.test;proto=http"),
        ("Accept", "text/html"),
    ];

    let reply = anonymous.get("/forged?a=b", &forged).await;

    assert_eq!(reply.status, StatusCode::FOUND);
    let location = reply.header("location").unwrap();
    assert!(location.starts_with(&setup.url("/oauth2/start?rd=")), "{location}");
    assert!(!location.contains("evil") && location.contains("forged"), "{location}");
    assert_eq!(setup.all_requests().len(), 0);
}

pub(crate) async fn session_cookie_is_hidden_from_the_application(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("testuser").await;
    let line = format!("a=1; {}; b=2", client.cookie_line());

    let reply = client.get("/cookies", &[("Cookie", &line)]).await;

    let received = only_request(&setup, "/cookies", &reply.body);
    assert_eq!(received.value("cookie"), "a=1; b=2");
    assert_session_hidden(&setup, &client);
}

pub(crate) async fn request_with_only_session_cookies_arrives_without_cookie_header(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("testuser").await;
    let line = client.session_values().into_iter().map(|value| format!("__Host-foregate={value}"));
    let line = line.collect::<Vec<_>>().join("; ");

    let reply = client.get("/alone", &[("Cookie", &line)]).await;

    assert_eq!(only_request(&setup, "/alone", &reply.body).values("cookie"), Vec::<&str>::new());
}

fn assert_session_hidden(setup: &Setup, client: &TestClient) {
    let received = setup.all_requests();
    let values = received.iter().flat_map(|received| &received.headers).map(|(_, value)| value);
    for secret in client.session_values() {
        assert!(
            !values.clone().any(|value| value.contains(secret)),
            "the application received the session cookie"
        );
    }
}

/// Returns the only request that reached the application at `path`. `reply` is the body that the client received.
fn only_request(setup: &Setup, path: &str, reply: &str) -> ReceivedRequest {
    let mut arrived = setup.requests_to(path);
    assert_eq!(arrived.len(), 1, "{path} must arrive once; the client received: {reply}");
    arrived.remove(0)
}
