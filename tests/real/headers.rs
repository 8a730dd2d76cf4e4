//! Can a client make the application believe an identity that the gateway did not give?

use http::StatusCode;

use crate::harness::{Aliases, Caller, Front, Proxy, Seen, Stage};
use crate::spoofs::{is_fooled, spoofs};

/// Names a client may try, exactly as the application reads them.
const OWNED: [&str; 4] =
    ["X-Forwarded-User", "X-Forwarded-Group", "X-Forwarded-Email", "X-Forwarded-Id-Token"];

/// Spellings that some application servers read as the names above.
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

fn evil_lines(seen: &Seen) -> Vec<&(String, String)> {
    seen.headers.iter().filter(|(_, value)| value.contains("evil")).collect()
}

pub(crate) async fn spoofed_identity_headers_never_arrive(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("testuser").await;
    let mut spoofed: Vec<(&str, &str)> = OWNED.iter().map(|name| (*name, "evil")).collect();
    spoofed.extend(OWNED.iter().map(|name| (*name, "evil-again")));
    spoofed.push(("Authorization", "Bearer evil"));

    let reply = caller.get("/spoofed", &spoofed).await;

    let seen = only(&stage, "/spoofed", &reply.body);
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(evil_lines(&seen), Vec::<&(String, String)>::new());
    assert_eq!(seen.one("x-forwarded-user"), "testuser");
    assert_eq!(seen.one("x-forwarded-group"), "dev,ops");
    assert_eq!(seen.one("x-forwarded-email"), "testuser@example.com");
}

/// The same cases as at the check, through the documented proxy and, if it can, through one that lets aliases pass.
pub(crate) async fn no_spoof_of_the_list_arrives_at_an_application_that_folds_names(proxy: Proxy) {
    for aliases in proxy.aliases() {
        let stage = Stage::open(Front { aliases: *aliases, ..Front::from(proxy) }).await;
        let caller = stage.caller("testuser").await;
        for (number, spoof) in spoofs().into_iter().enumerate() {
            let target = format!("/spoof/{number}");
            let fields: Vec<(&str, &str)> =
                spoof.fields.iter().map(|(name, value)| (&**name, value.trim())).collect();
            let reply = caller.get(&target, &fields).await;
            let arrived = stage.arrived(&target);
            let what = format!("{:?} ({}): {}", spoof.fields, spoof.why, reply.status);
            assert_eq!(reply.status == StatusCode::OK, arrived.len() == 1, "{what}");
            // A client that has the proxy remove its cookie has no session.
            let may_fail = matches!(&*spoof.expected, "refused" | "connection");
            assert!(reply.status == StatusCode::OK || may_fail, "{what}");
            for seen in arrived {
                let pairs = seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                assert!(!is_fooled(pairs), "{what}: {seen:?}");
                assert_eq!(seen.one("x-forwarded-user"), "testuser", "{what}");
            }
        }
    }
}

pub(crate) async fn naming_our_headers_in_connection_removes_none_of_them(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("testuser").await;
    let connection =
        ("Connection", "close, X-Forwarded-User, X-Forwarded-Group, X-Forwarded-Uri, Authorization");

    let reply = caller.get("/connection", &[connection, ("X-Forwarded-User", "evil")]).await;

    let seen = only(&stage, "/connection", &reply.body);
    assert_eq!(seen.one("x-forwarded-user"), "testuser");
    assert_eq!(seen.one("x-forwarded-group"), "dev,ops");
    assert!(seen.one("authorization").starts_with("Bearer "));
}

pub(crate) async fn impersonation_headers_never_arrive(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("testuser").await;
    let spoofed = [
        ("Impersonate-User", "evil"),
        ("Impersonate-Group", "system:masters-evil"),
        ("Impersonate-Group", "evil"),
        ("Impersonate-Uid", "evil"),
        ("Impersonate-Extra-Scopes", "evil"),
        ("impersonate-extra-anything", "evil"),
    ];

    let reply = caller.get("/impersonate", &spoofed).await;

    let seen = only(&stage, "/impersonate", &reply.body);
    let names = seen.headers.iter().map(|(name, _)| name);
    let impersonating: Vec<&String> = names.filter(|name| name.starts_with("impersonate")).collect();
    assert_eq!(impersonating, Vec::<&String>::new());
}

pub(crate) async fn aliases_of_our_headers_never_arrive(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("testuser").await;
    for alias in ALIASES {
        let reply = caller.get("/alias", &[(alias, "evil")]).await;
        let expected = if proxy.drops(alias) { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(reply.status, expected, "{alias}: {}", reply.body);
    }
    let dropped = ALIASES.iter().filter(|alias| proxy.drops(alias)).count();
    let arrived = stage.arrived("/alias");
    assert_eq!(arrived.len(), dropped);
    for seen in arrived {
        assert_eq!(evil_lines(&seen), Vec::<&(String, String)>::new());
        assert_eq!(seen.one("x-forwarded-user"), "testuser");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_of_our_headers_are_refused_by_the_gateway_where_traefik_lets_them_through() {
    let stage = Stage::open(Aliases::LeftToTheGateway).await;
    let caller = stage.caller("testuser").await;
    for alias in ALIASES {
        let reply = caller.get("/alias", &[(alias, "evil")]).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{alias}: {}", reply.body);
    }
    assert_eq!(stage.arrived("/alias").len(), 0);

    // An alias of no field of ours passes.
    let reply = caller.get("/foreign-alias", &[("Some_App_Header", "fine")]).await;
    assert_eq!(only(&stage, "/foreign-alias", &reply.body).one("some_app_header"), "fine");
}

pub(crate) async fn a_client_cannot_choose_the_url_that_is_checked(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let stranger = stage.stranger();
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

    let reply = stranger.get("/forged?a=b", &forged).await;

    assert_eq!(reply.status, StatusCode::FOUND);
    let location = reply.header("location").unwrap();
    assert!(location.starts_with(&stage.url("/oauth2/start?rd=")), "{location}");
    assert!(!location.contains("evil") && location.contains("forged"), "{location}");
    assert_eq!(stage.all_arrived().len(), 0);
}

pub(crate) async fn no_request_of_a_session_shows_it_to_the_application(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("testuser").await;
    let line = format!("a=1; {}; b=2", caller.cookie_line());

    let reply = caller.get("/cookies", &[("Cookie", &line)]).await;

    let seen = only(&stage, "/cookies", &reply.body);
    assert_eq!(seen.one("cookie"), "a=1; b=2");
    assert_hidden(&stage, &caller);
}

pub(crate) async fn a_session_alone_leaves_no_cookie_line_at_all(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("testuser").await;
    let line = caller.session_values().into_iter().map(|value| format!("__Host-foregate={value}"));
    let line = line.collect::<Vec<_>>().join("; ");

    let reply = caller.get("/alone", &[("Cookie", &line)]).await;

    assert_eq!(only(&stage, "/alone", &reply.body).all("cookie"), Vec::<&str>::new());
}

fn assert_hidden(stage: &Stage, caller: &Caller) {
    let seen = stage.all_arrived();
    let values = seen.iter().flat_map(|seen| &seen.headers).map(|(_, value)| value);
    for secret in caller.session_values() {
        assert!(!values.clone().any(|value| value.contains(secret)), "the application got the session");
    }
}

/// The one request that reached the application at this path; `told` is what the client got instead.
fn only(stage: &Stage, path: &str, told: &str) -> Seen {
    let mut arrived = stage.arrived(path);
    assert_eq!(arrived.len(), 1, "{path} should arrive once; the client was told: {told}");
    arrived.remove(0)
}
