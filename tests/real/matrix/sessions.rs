//! Refreshed sessions, and users with many groups

use std::time::Duration;

use dev_provider::Settings;
use http::StatusCode;

use super::cell::{self, Row};
use super::column::with_groups;
use crate::harness::{Cookies, Proxy, ProxyOptions, Registration, Reserved, Setup, TestClient};

/// A token is due for a refresh after more than half of this time. The rest is long enough for a slow machine.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The sizes of all groups of a user together, and of the cookies of the application, in KiB.
const SIZES: [(usize, usize); 5] = [(1, 0), (4, 0), (4, 14), (16, 0), (64, 0)];

pub(super) async fn rows(options: ProxyOptions) -> Vec<Row> {
    let dropped = ProxyOptions { cookies: Cookies::Dropped, ..options };
    let without_cookies = async {
        // Envoy always delivers cookies of a check over gRPC. Cilium never does over HTTP.
        match options.proxy {
            Proxy::EnvoyGrpc | Proxy::CiliumGrpc | Proxy::CiliumHttp => "–".to_owned(),
            _ => refreshed(dropped).await,
        }
    };
    let (delivered, dropped, [script, page]) =
        tokio::join!(refreshed(options), without_cookies, with_expired_tokens(options));
    let mut rows = vec![
        Row::new("refreshed session", delivered),
        Row::new("refreshed session, without the lines that deliver cookies", dropped),
    ];
    rows.push(Row::new("script, tokens expired and provider down", script));
    rows.push(Row::new("page load, tokens expired and provider down", page));
    rows.extend(groups(options).await);
    rows
}

/// Starts the gateway and a provider whose tokens live for a short time.
async fn start_with_short_tokens(options: ProxyOptions) -> Setup {
    let settings =
        Settings { access_token_life: TOKEN_LIFETIME, id_token_life: TOKEN_LIFETIME, ..Settings::default() };
    let provider = dev_provider::start(settings).await.unwrap();
    let registration = Registration::at(provider.issuer(), "dev");
    Setup::with_provider(Reserved::new(), provider, &registration, options).await
}

/// Says what a script and a page load receive when the tokens have expired and cannot be refreshed.
async fn with_expired_tokens(options: ProxyOptions) -> [String; 2] {
    let mut setup = start_with_short_tokens(options).await;
    let client = setup.signed_in_client("alice").await;
    setup.stop_provider().await;
    let (raw, host) = (setup.raw_client(), setup.origin().trim_start_matches("https://"));
    let request = |fields: &str| {
        let cookies = client.cookie_line();
        format!(
            "GET /work HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: close\r\n{fields}\r\n\r\n"
        )
    };
    let script = request("Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty");
    let polled = tokio::time::timeout(TOKEN_LIFETIME * 5, async {
        loop {
            let reply = raw.exchange(script.as_bytes()).await;
            if reply.status != StatusCode::OK {
                return reply;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    });
    let script = polled.await.expect("the tokens did not expire");
    let page = request("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document");
    [cell::client(&script), cell::client(&raw.exchange(page.as_bytes()).await)]
}

/// Polls until the session was refreshed, and says whether its new cookie reached the client.
async fn refreshed(options: ProxyOptions) -> String {
    let setup = start_with_short_tokens(options).await;
    let client = setup.signed_in_client("alice").await;
    let token = |path: &str| {
        setup.requests_to(path).pop().map(|received| received.value("x-forwarded-id-token").to_owned())
    };
    let polled = tokio::time::timeout(TOKEN_LIFETIME * 5, async {
        let mut first = None;
        loop {
            let reply = client.get("/work", &[]).await;
            assert_eq!(reply.status, StatusCode::OK, "{options:?}: {}", reply.body);
            let now = token("/work");
            if first.is_some() && now != first {
                return reply;
            }
            first = now;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    });
    let reply = polled.await.expect("no refreshed token reached the application");
    let cookies = reply.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let cookies = cookies.filter(|cookie| cookie.starts_with("__Host-foregate=")).count();
    match cookies {
        0 => "new token at the application, no new cookie at the client".to_owned(),
        1 => "new token at the application, new cookie at the client".to_owned(),
        more => panic!("{options:?}: {more} session cookies"),
    }
}

async fn groups(options: ProxyOptions) -> Vec<Row> {
    let users = SIZES.map(|(groups, _)| with_groups(&format!("groups-{groups}"), groups * 1024));
    let provider =
        dev_provider::start(Settings { users: users.into(), ..Settings::default() }).await.unwrap();
    let registration = Registration::at(provider.issuer(), "dev");
    let setup = Setup::with_provider(Reserved::new(), provider, &registration, options).await;
    let mut rows = Vec::new();
    for (groups, cookies) in SIZES {
        let user = format!("groups-{groups}");
        let mut client = setup.anonymous_client();
        let page = client.sign_in(&user, &user).await;
        let seen = if client.has_session() {
            arriving_headers(&setup, &client, cookies).await
        } else {
            let heading = page.body.split_once("<h1>").and_then(|(_, rest)| rest.split_once("</h1>"));
            format!(
                "{}, “{}”",
                page.status.as_u16(),
                heading.map_or("no page", |(heading, _)| heading.trim())
            )
        };
        let situation = match cookies {
            0 => format!("{groups} KB of groups"),
            _ => format!("{groups} KB of groups, {cookies} KB of cookies of the application"),
        };
        rows.push(Row::new(situation, seen));
    }
    rows
}

/// Says which headers of the gateway arrive with a value.
async fn arriving_headers(setup: &Setup, client: &TestClient, cookies: usize) -> String {
    let line = format!("application={}; {}", "x".repeat(cookies * 1024), client.cookie_line());
    let path = format!("/large/{}", line.len());
    let reply = client.get(&path, &[("Accept", "application/json"), ("Cookie", &line)]).await;
    let Some(received) = setup.requests_to(&path).pop() else { return reply.status.as_u16().to_string() };
    let has_value = |name: &str| received.values(name).iter().any(|value| !value.is_empty());
    let names = ["x-forwarded-user", "x-forwarded-group", "x-forwarded-id-token", "authorization", "cookie"];
    let empty: Vec<&str> = names.into_iter().filter(|name| !has_value(name)).collect();
    if empty.is_empty() {
        "all headers arrive".to_owned()
    } else {
        format!("without a value: {}", empty.join(", "))
    }
}
