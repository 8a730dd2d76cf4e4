//! Requests while the provider or the gateway is down, or the gateway is slow or answers nonsense

use std::collections::BTreeSet;

use super::cell::{Row, both, client};
use super::column::Column;
use crate::harness::Nonsense;

const PAGE: &[(&str, &str)] =
    &[("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];

pub(super) async fn rows(mut column: Column) -> Vec<Row> {
    let mut rows = Vec::new();
    column.setup.stop_provider().await;
    let (reply, received) = column.send("GET", Some(&column.client), PAGE, "").await;
    rows.push(Row::new("provider down, session", both(&reply, &received)));
    let (reply, _) = column.send("GET", None, PAGE, "").await;
    rows.push(Row::new("provider down, no session", client(&reply)));
    let before = column.setup.all_requests().len();
    let passed_none = |column: &Column, row: &Row| {
        let received = column.setup.all_requests().len();
        assert_eq!(received, before, "{}: a request passed without a check: {row:?}", column.title);
    };
    column.setup.gateway.freeze().await;
    let slow = column.send("GET", Some(&column.client), PAGE, "").await.0;
    rows.push(Row::new("gateway does not answer, session", client(&slow)));
    passed_none(&column, rows.last().unwrap());
    column.setup.gateway.kill();
    for (situation, client_of) in
        [("gateway down, session", Some(&column.client)), ("gateway down, no session", None)]
    {
        let (reply, _) = column.send("GET", client_of, PAGE, "").await;
        rows.push(Row::new(situation, client(&reply)));
        passed_none(&column, rows.last().unwrap());
    }
    rows.push(Row::new("gateway answers nonsense, session", nonsense(&column).await));
    passed_none(&column, rows.last().unwrap());
    rows
}

/// Says what the client receives if another server answers in place of the gateway, over HTTP/1.1 and over gRPC.
async fn nonsense(column: &Column) -> String {
    let server = column.setup.gateway.impersonate().await;
    let mut seen = BTreeSet::new();
    for kind in [Nonsense::NotHttp, Nonsense::HalfReply, Nonsense::InvalidMessage] {
        server.set(kind);
        let reply = column.send_in_vain(PAGE).await;
        assert_ne!(server.replies(), 0, "{}: {kind:?}: the server was not asked", column.title);
        seen.insert(reply.map_or("the nonsense".to_owned(), |reply| client(&reply)));
    }
    seen.into_iter().collect::<Vec<_>>().join(" or ")
}
