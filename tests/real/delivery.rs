//! Cookies of a refreshed session, and requests to public paths

use std::time::Duration;

use dev_provider::Settings;
use http::StatusCode;
use http::header::SET_COOKIE;

use crate::harness::{Proxy, ProxyOptions, Registration, Reply, Reserved, Setup};

/// A token is due for a refresh after more than half of this time. The rest is long enough for a slow machine.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

fn has_session_cookie(reply: &Reply) -> bool {
    let mut cookies = reply.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.any(|cookie| cookie.starts_with("__Host-foregate=") && cookie.contains("HttpOnly"))
}

pub(crate) async fn refreshed_session_reaches_the_browser(proxy: Proxy) {
    let settings = Settings { access_token_life: TOKEN_LIFETIME, ..Settings::default() };
    let provider = dev_provider::start(settings).await.unwrap();
    let registration = Registration::at(provider.issuer(), "dev");
    let setup =
        Setup::with_provider(Reserved::new(), provider, &registration, ProxyOptions::from(proxy)).await;
    let mut client = setup.signed_in_client("alice").await;

    let delivered = tokio::time::timeout(TOKEN_LIFETIME * 5, async {
        loop {
            let reply = client.get("/work", &[]).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            if has_session_cookie(&reply) {
                return reply;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    });
    let delivered = delivered.await.expect("no refreshed cookie reached the browser");

    let before = client.cookie_line();
    client.store_cookies(&delivered);
    assert_ne!(client.cookie_line(), before);
    assert_eq!(client.get("/work", &[]).await.status, StatusCode::OK);
}

pub(crate) async fn path_that_leaves_a_public_path_requires_a_session(proxy: Proxy) {
    let provider = dev_provider::start(Settings::default()).await.unwrap();
    let mut registration = Registration::at(provider.issuer(), "dev");
    "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
    let setup =
        Setup::with_provider(Reserved::new(), provider, &registration, ProxyOptions::from(proxy)).await;
    let anonymous = setup.anonymous_client();

    assert_eq!(anonymous.get("/open/page", &[]).await.status, StatusCode::OK);
    for path in
        ["/open/..%2fsecret", "/open/%2e%2e%2fsecret", "/open/%5c..%5csecret", "/open/x%2f..%2f..%2fsecret"]
    {
        let reply = anonymous.get(path, &[]).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}: {}", reply.body);
    }
    assert_eq!(setup.all_requests().len(), 1);
}

/// Without a user, no identity value replaces the value that the client sent.
pub(crate) async fn spoofed_identity_never_arrives_on_a_public_path(proxy: Proxy) {
    let provider = dev_provider::start(Settings::default()).await.unwrap();
    let mut registration = Registration::at(provider.issuer(), "dev");
    "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
    let setup =
        Setup::with_provider(Reserved::new(), provider, &registration, ProxyOptions::from(proxy)).await;
    let names = [
        "X-Forwarded-User",
        "X-Forwarded-Group",
        "X-Forwarded-Email",
        "X-Forwarded-Id-Token",
        "Authorization",
    ];

    let mut spoofed = names.map(|name| (name, "evil")).to_vec();
    spoofed.push(("Cookie", "__Host-foregate=evil"));
    if proxy.removes_patterns() {
        spoofed.extend([("Impersonate-User", "evil"), ("Impersonate-Extra-Any", "evil")]);
    }
    let reply = setup.anonymous_client().get("/open/page", &spoofed).await;

    assert_eq!(reply.status, StatusCode::OK);
    let arrived = setup.all_requests();
    let evil =
        arrived.iter().flat_map(|received| &received.headers).filter(|(_, value)| value.contains("evil"));
    assert_eq!((arrived.len(), evil.collect::<Vec<_>>()), (1, Vec::new()));
}
