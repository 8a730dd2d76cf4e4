//! Requests with and without a session, and unusual paths

use url::Url;

use super::cell::{Row, both, client};
use super::column::Column;

const NAVIGATION: &[(&str, &str)] = &[
    ("Accept", "text/html"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Site", "none"),
];
const FETCH: &[(&str, &str)] = &[
    ("Accept", "*/*"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Dest", "empty"),
    ("Sec-Fetch-Site", "same-origin"),
];
/// The key of RFC 6455 §1.3.
pub(super) const WEBSOCKET: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
/// A body that is a request. No proxy may forward it as one.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-User: admin\r\n\r\n";

pub(super) async fn rows(column: &Column) -> Vec<Row> {
    let mut rows = without_session(column).await;
    rows.extend(with_session(column).await);
    rows
}

async fn without_session(column: &Column) -> Vec<Row> {
    let length = SMUGGLED.len().to_string();
    let form =
        [NAVIGATION, &[("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", &length)]]
            .concat();
    let script = [FETCH, &[("Content-Length", &length)]].concat();
    let preflight =
        [FETCH, &[("Origin", "https://evil.test"), ("Access-Control-Request-Method", "PUT")]].concat();
    let mut rows = Vec::new();
    for (situation, method, fields, body) in [
        ("page load, no session", "GET", NAVIGATION, ""),
        ("script, no session", "GET", FETCH, ""),
        ("WebSocket, no session", "GET", &WEBSOCKET, ""),
        ("form, no session", "POST", &form, SMUGGLED),
        ("script sends a body, no session", "POST", &script, SMUGGLED),
        ("CORS preflight, no session", "OPTIONS", &preflight, ""),
    ] {
        let (reply, received) = column.send(method, None, fields, body).await;
        assert_eq!(received.len(), 0, "{}: {situation}: {reply:?}", column.title);
        rows.push(Row::new(situation, both(&reply, &received)));
    }
    let reply = column.send_to("GET", "/open/page", None, FETCH, "").await;
    rows.push(Row::new("public path, no session", both(&reply, &column.setup.requests_to("/open/page"))));
    rows
}

async fn with_session(column: &Column) -> Vec<Row> {
    let client = Some(&column.client);
    let mut rows = Vec::new();
    for (situation, method, fields) in
        [("page load", "GET", NAVIGATION), ("script", "GET", FETCH), ("HEAD", "HEAD", FETCH)]
    {
        let (reply, received) = column.send(method, client, fields, "").await;
        rows.push(Row::new(situation, both(&reply, &received)));
    }
    let length = SMUGGLED.len().to_string();
    let chunked = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    for (situation, field, body) in [
        ("body with a length that looks like a request", ("Content-Length", &*length), SMUGGLED),
        ("the same body in chunks", ("Transfer-Encoding", "chunked"), &chunked),
    ] {
        let (reply, received) = column.send("POST", client, &[FETCH, &[field]].concat(), body).await;
        assert_eq!(column.setup.requests_to("/smuggled").len(), 0, "{}", column.title);
        assert_eq!(received.len(), 1, "{}: {situation}: {reply:?}", column.title);
        assert_eq!(received[0].body, SMUGGLED, "{}: {situation}", column.title);
        rows.push(Row::new(situation, format!("{}, whole", both(&reply, &received))));
    }
    for (situation, origin) in
        [("WebSocket", column.setup.origin()), ("WebSocket of another site", "https://evil.test")]
    {
        let fields = [&WEBSOCKET[..], &[("Origin", origin)]].concat();
        let target = format!("/ws?{}", situation.len());
        let reply = column.send_to("GET", &target, client, &fields, "").await;
        let received = column.setup.requests_to(&target);
        rows.push(Row::new(situation, both(&reply, &received)));
    }
    let denied = column.setup.signed_in_client("bob").await;
    for (situation, fields) in [("page load, policy denies", NAVIGATION), ("script, policy denies", FETCH)] {
        let (reply, received) = column.send("GET", Some(&denied), fields, "").await;
        assert_eq!(received.len(), 0, "{}: {situation}", column.title);
        rows.push(Row::new(situation, both(&reply, &received)));
    }
    rows
}

/// Paths that programs read in different ways. The return URL and the path at the application must be the same.
pub(super) async fn paths(column: &Column) -> Vec<Row> {
    let mut rows = Vec::new();
    for path in [
        "//a//b",
        "/a/../b",
        "/a/%2e%2e/b",
        "/a%2Fb",
        "/a;b=1",
        "/a%20b",
        "/?next=https://evil.test/",
        "/a?b=c&d=%26",
        "/oauth2/../secret",
        "/oauth2/..%2fsecret",
    ] {
        let before = column.setup.all_requests().len();
        let signed_in = column.send_to("GET", path, Some(&column.client), NAVIGATION, "").await;
        let arrived = column.setup.all_requests().split_off(before);
        let anonymous = column.send_to("GET", path, None, NAVIGATION, "").await;
        assert_eq!(column.setup.all_requests().len(), before + arrived.len(), "{}: {path}", column.title);
        let seen = match &arrived[..] {
            [] => client(&signed_in),
            [received] => {
                assert_return(column, &anonymous.values("location"), &received.target);
                format!("`{}`", received.target)
            }
            more => panic!("{}: {path}: {more:?}", column.title),
        };
        rows.push(Row::new(format!("`{path}`"), seen));
    }
    rows
}

/// Absolute targets that programs split in different ways. The application must receive the path that is checked.
pub(super) async fn absolute_targets(column: &Column) -> Vec<Row> {
    let host = column.setup.origin().trim_start_matches("https://");
    let mut rows = Vec::new();
    for start in
        ["https://", "https://foo?admin=1&@", "https://foo\\admin?@", "https://foo%2fadmin?@", "ftp://"]
    {
        let before = column.setup.all_requests().len();
        let target = format!("{start}{host}/open/absolute");
        let reply = column.send_to("GET", &target, None, FETCH, "").await;
        let arrived = column.setup.all_requests().split_off(before);
        for received in &arrived {
            assert_eq!(received.target, "/open/absolute", "{}: {start}", column.title);
        }
        let seen = if arrived.is_empty() { client(&reply) } else { "`/open/absolute`".to_owned() };
        rows.push(Row::new(format!("`{start}HOST/open/absolute`, no session"), seen));
    }
    rows
}

/// Asserts that the sign-in returns to the path that the application would have received.
fn assert_return(column: &Column, location: &[&str], target: &str) {
    let [location] = location else { panic!("{}: {target}: no redirect: {location:?}", column.title) };
    let query = location.split_once('?').unwrap().1;
    let (_, rd) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "rd").unwrap();
    // The sign-in never returns to a path of the gateway.
    if target.starts_with("/oauth2/") {
        return;
    }
    // A browser resolves dot segments before it sends a request.
    let expected = Url::parse(&format!("{}{target}", column.setup.origin())).unwrap();
    assert_eq!(Url::parse(&rd).unwrap(), expected, "{}", column.title);
}
