//! One table of situations for every proxy
//!
//! 1. Each column is a real proxy with a file of `deploy/`, each row a situation. A cell says what the client received
//!    and what the application received.
//! 2. No cell may show that the application received an identity that the gateway did not set, the session cookie, or a
//!    request without a session ([`column::Column::inspect`]). These rules hold for any table.
//! 3. The table is a snapshot in `docs/callers.md`. The test fails if a cell changes. With `REGENERATE=1` it writes the
//!    table.

mod cell;
mod column;
mod outages;
mod page;
mod requests;
mod sessions;
mod spoofs;

use futures_util::future::join_all;

use crate::harness::{Proxy, ProxyOptions};
use cell::Row;
use column::Column;

/// The proxies, with the titles of their columns.
const COLUMNS: [(&str, Proxy); 8] = [
    ("Traefik", Proxy::Traefik),
    ("Caddy", Proxy::Caddy),
    ("nginx", Proxy::Nginx),
    ("HAProxy", Proxy::HAProxy),
    ("Envoy", Proxy::Envoy),
    ("Envoy, gRPC", Proxy::EnvoyGrpc),
    ("Cilium, HTTP", Proxy::CiliumHttp),
    ("Cilium, gRPC", Proxy::CiliumGrpc),
];

/// The parts of the page, in order. A part fills its rows for one column.
const PARTS: [&str; 5] = ["Requests", "Spoofed headers", "Sessions and large tokens", "Paths", "Outages"];

async fn fill(column: Column) -> Vec<Vec<Row>> {
    let requests = requests::rows(&column).await;
    let mut paths = requests::paths(&column).await;
    paths.extend(requests::absolute_targets(&column).await);
    let spoofs = spoofs::rows(&column).await;
    let options = column.options;
    column.inspect();
    let sessions = sessions::rows(options).await;
    vec![requests, spoofs, sessions, paths, outages::rows(column).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn table_of_every_proxy_is_the_documented_one() {
    // On the heap, because all of them together are larger than the stack.
    let columns = COLUMNS.map(|(title, proxy)| {
        Box::pin(async move { (title, fill(Column::start(title, ProxyOptions::from(proxy)).await).await) })
    });
    page::compare(&PARTS, &join_all(columns).await);
}
