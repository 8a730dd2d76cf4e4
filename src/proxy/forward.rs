//! What becomes of one request on its way to the application and back?

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::uri::{Parts, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::body::{RequestBody, ResponseBody};
use super::error::{ForwardError, Malformed};
use super::upstream::Upstream;
use super::{forwarded, hop_by_hop, upgrade};
use crate::access::decision::Grant;
use crate::access::field_names::has_member;
use crate::access::origin::Origin;
use crate::access::target::{Target, TargetError};
use crate::access::websocket::is_switch;

impl Upstream {
    /// Passes a request on, as the grant says, and gives back the application's answer.
    ///
    /// Dropping the future or the answer's body ends the application's request too. A WebSocket outlives both: it ends
    /// when either side closes it.
    pub async fn forward(
        &self,
        grant: Grant,
        mut request: Request<Body>,
        origin: &Origin,
        client: IpAddr,
    ) -> Result<Response<Body>, ForwardError> {
        let uri = self.uri(&request)?;
        let socket = upgrade::of(&mut request);
        let room = if socket.is_some() { self.room_for_tunnel() } else { self.room_for_request() };
        let room = room.ok_or(ForwardError::Busy)?;
        let (mut head, body) = request.into_parts();
        let accepts_trailers = has_member(&head.headers, &header::TE, "trailers");
        edit(&mut head.headers, &grant, origin, client)?;
        set_connection(&mut head.headers, &body, socket.is_some(), accepts_trailers);
        let moved = Arc::new(Notify::new());
        let body = RequestBody { body, owned: Arc::clone(&self.owned), moved: Arc::clone(&moved) };
        let mut passed = Request::new(body);
        *passed.method_mut() = head.method;
        *passed.uri_mut() = uri;
        *passed.headers_mut() = head.headers;
        let mut response = self.send(passed, &moved).await?;
        (self.keep_out)(response.headers_mut());
        answer(response, socket, room)
    }

    /// The target as it came, at the application's address.
    fn uri(&self, request: &Request<Body>) -> Result<Uri, Malformed> {
        if *request.method() == Method::CONNECT || *request.method() == Method::TRACE {
            return Err(Malformed::Method);
        }
        let target = request.uri().path_and_query();
        let bytes = target.map_or(&b""[..], |target| target.as_str().as_bytes());
        Target::parse(bytes)?;
        if request.uri().authority().is_some() {
            return Err(TargetError::NotOriginForm.into());
        }
        let mut parts = Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = target.cloned();
        Uri::from_parts(parts).map_err(|_| TargetError::NotOriginForm.into())
    }

    /// Waits for the response head. The clock starts anew whenever the body moves: a long upload is no silence.
    async fn send(
        &self,
        request: Request<RequestBody>,
        moved: &Notify,
    ) -> Result<Response<Incoming>, ForwardError> {
        let mut response = self.client.request(request);
        loop {
            tokio::select! {
                biased;
                answered = &mut response => return answered.map_err(ForwardError::classify),
                () = moved.notified() => {}
                () = tokio::time::sleep(self.limits.response_head) => return Err(ForwardError::UpstreamTimedOut),
            }
        }
    }
}

/// Removes what the client must not set, then sets what is ours; the other order loses ours (CVE-2024-45410).
fn edit(headers: &mut HeaderMap, grant: &Grant, origin: &Origin, client: IpAddr) -> Result<(), Malformed> {
    hop_by_hop::strip(headers).map_err(|_| Malformed::TransferCoding)?;
    for name in grant.removals(headers) {
        headers.remove(name);
    }
    forwarded::strip(headers);
    if headers.get_all(header::HOST).iter().count() != 1 {
        return Err(Malformed::Host);
    }
    forwarded::set(headers, origin, client);
    for (name, value) in grant.fields() {
        headers.insert(name, value);
    }
    Ok(())
}

/// Sets what concerns our own connection to the application.
fn set_connection(headers: &mut HeaderMap, body: &Body, socket: bool, accepts_trailers: bool) {
    if socket {
        upgrade::set(headers);
    } else if accepts_trailers {
        // RFC 9110 §10.1.4: who sends it names it.
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("TE"));
    }
    if !body.is_end_stream() && !headers.contains_key(header::CONTENT_LENGTH) {
        // Said aloud, because hyper would send a GET without its body.
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

fn answer(
    mut response: Response<Incoming>,
    socket: Option<OnUpgrade>,
    room: OwnedSemaphorePermit,
) -> Result<Response<Body>, ForwardError> {
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let websocket = is_switch(response.headers());
    let coding = hop_by_hop::strip(response.headers_mut());
    coding.map_err(|_| ForwardError::UpstreamMisbehaved("a transfer coding other than chunked"))?;
    // An application that speaks HTTP/1.0 would have the client's connection closed, too.
    *response.version_mut() = Version::HTTP_11;
    match socket {
        Some(client) if switches && websocket => {
            upgrade::set(response.headers_mut());
            let upstream = hyper::upgrade::on(&mut response);
            // Not awaited anywhere: it outlives the request, and its number is bounded by the room it takes up.
            tokio::spawn(upgrade::splice(client, upstream, room));
            Ok(response.map(|_| Body::empty()))
        }
        _ if switches => Err(ForwardError::UpstreamMisbehaved("a switch of protocols")),
        _ => Ok(response.map(|body| Body::new(ResponseBody { body, _room: room }))),
    }
}
