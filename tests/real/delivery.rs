//! Cookies of a refreshed session, and paths that only look public, behind each proxy.

use std::time::Duration;

use dev_provider::Settings;
use http::StatusCode;
use http::header::SET_COOKIE;

use crate::harness::{Front, Place, Proxy, Registration, Reply, Stage};

/// Due after more than half of it, and good until then on a slow machine too.
const TOKEN_LIFE: Duration = Duration::from_secs(12);
const POLL: Duration = Duration::from_millis(100);

fn has_session_cookie(reply: &Reply) -> bool {
    let mut cookies = reply.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.any(|cookie| cookie.starts_with("__Host-foregate=") && cookie.contains("HttpOnly"))
}

pub(crate) async fn refreshed_session_reaches_the_browser(proxy: Proxy) {
    let settings = Settings { access_token_life: TOKEN_LIFE, ..Settings::default() };
    let provider = dev_provider::start(settings).await.unwrap();
    let registration = Registration::at(provider.issuer(), "dev");
    let stage = Stage::raise(Place::new(), provider, &registration, Front::from(proxy)).await;
    let mut caller = stage.caller("alice").await;

    let delivered = tokio::time::timeout(TOKEN_LIFE * 5, async {
        loop {
            let reply = caller.get("/work", &[]).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            if has_session_cookie(&reply) {
                return reply;
            }
            tokio::time::sleep(POLL).await;
        }
    });
    let delivered = delivered.await.expect("no refreshed cookie reached the browser");

    let before = caller.cookie_line();
    caller.keep_cookies(&delivered);
    assert_ne!(caller.cookie_line(), before);
    assert_eq!(caller.get("/work", &[]).await.status, StatusCode::OK);
}

pub(crate) async fn path_that_leaves_a_public_one_needs_a_session(proxy: Proxy) {
    let provider = dev_provider::start(Settings::default()).await.unwrap();
    let mut registration = Registration::at(provider.issuer(), "dev");
    "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
    let stage = Stage::raise(Place::new(), provider, &registration, Front::from(proxy)).await;
    let stranger = stage.stranger();

    assert_eq!(stranger.get("/open/page", &[]).await.status, StatusCode::OK);
    for path in
        ["/open/..%2fsecret", "/open/%2e%2e%2fsecret", "/open/%5c..%5csecret", "/open/x%2f..%2f..%2fsecret"]
    {
        let reply = stranger.get(path, &[]).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}: {}", reply.body);
    }
    assert_eq!(stage.all_arrived().len(), 1);
}

/// Without a user there is no value to replace the client's.
pub(crate) async fn spoofed_identity_never_arrives_on_a_public_path(proxy: Proxy) {
    let provider = dev_provider::start(Settings::default()).await.unwrap();
    let mut registration = Registration::at(provider.issuer(), "dev");
    "[public_paths.open]\npaths = [\"/open/\"]\n".clone_into(&mut registration.more);
    let stage = Stage::raise(Place::new(), provider, &registration, Front::from(proxy)).await;
    let names = [
        "X-Forwarded-User",
        "X-Forwarded-Group",
        "X-Forwarded-Email",
        "X-Forwarded-Id-Token",
        "Authorization",
        "Impersonate-User",
        "Impersonate-Extra-Any",
    ];

    let mut spoofed = names.map(|name| (name, "evil")).to_vec();
    spoofed.push(("Cookie", "__Host-foregate=evil"));
    let reply = stage.stranger().get("/open/page", &spoofed).await;

    assert_eq!(reply.status, StatusCode::OK);
    let arrived = stage.all_arrived();
    let evil = arrived.iter().flat_map(|seen| &seen.headers).filter(|(_, value)| value.contains("evil"));
    assert_eq!((arrived.len(), evil.collect::<Vec<_>>()), (1, Vec::new()));
}
