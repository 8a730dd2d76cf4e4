//! Requests with exactly the given fields
//!
//! A client library adds `Accept`.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::header::{HeaderMap, HeaderName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::gateway::HttpReply;

/// Sends a request with these fields, and with `Connection` to end the reply.
pub(crate) async fn send_bare(port: u16, method: &str, target: &str, fields: &[(&str, &str)]) -> HttpReply {
    let fields =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let request = format!("{method} {target} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let (status_line, lines) = head.split_once("\r\n").unwrap();
    let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HeaderMap = lines
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    HttpReply { status, headers, body: body.to_owned() }
}
