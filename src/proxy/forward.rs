//! Forwarding of one request and its response

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::uri::Parts;
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
    /// Forwards a request with the headers of the grant and returns the application's response.
    ///
    /// Dropping the future or the response body also ends the request to the application. A WebSocket continues until
    /// either side closes it. It is also closed when `session_end` completes, and so is a response of unknown length.
    pub async fn forward(
        &self,
        grant: Grant,
        mut request: Request<Body>,
        origin: &Origin,
        client: IpAddr,
        session_end: impl FnOnce() -> BoxFuture<'static, ()>,
    ) -> Result<Response<Body>, ForwardError> {
        let uri = self.upstream_uri(&request)?;
        let client_upgrade = upgrade::take_client_upgrade(&mut request);
        let permit =
            if client_upgrade.is_some() { self.try_acquire_tunnel() } else { self.try_acquire_request() };
        let permit = permit.ok_or(ForwardError::Busy)?;
        let (mut head, body) = request.into_parts();
        let accepts_trailers = has_member(&head.headers, &header::TE, "trailers");
        rewrite_headers(&mut head.headers, &grant, origin, client)?;
        if let Some(host) = &self.host {
            head.headers.insert(header::HOST, host.clone());
        }
        set_connection(&mut head.headers, &body, client_upgrade.is_some(), accepts_trailers);
        let progress = Arc::new(Notify::new());
        let body = RequestBody { body, owned: Arc::clone(&self.owned), progress: Arc::clone(&progress) };
        let mut forwarded_request = Request::new(body);
        *forwarded_request.method_mut() = head.method;
        *forwarded_request.uri_mut() = uri;
        *forwarded_request.headers_mut() = head.headers;
        let mut response = self.send(forwarded_request, &progress).await?;
        (self.remove_own_cookies)(response.headers_mut());
        build_response(response, client_upgrade, permit, session_end)
    }

    /// Returns the unchanged target at the application's address.
    fn upstream_uri(&self, request: &Request<Body>) -> Result<Uri, Malformed> {
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
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = target.cloned();
        Uri::from_parts(parts).map_err(|_| TargetError::NotOriginForm.into())
    }

    /// Waits for the response head. The timeout restarts with each frame of the request body, so that a long upload
    /// does not time out.
    async fn send(
        &self,
        request: Request<RequestBody>,
        progress: &Notify,
    ) -> Result<Response<Incoming>, ForwardError> {
        let mut response = self.client.request(request);
        loop {
            tokio::select! {
                biased;
                answered = &mut response => return answered.map_err(ForwardError::classify),
                () = progress.notified() => {}
                () = tokio::time::sleep(self.limits.response_head) => return Err(ForwardError::UpstreamTimedOut),
            }
        }
    }
}

/// Removes what the client must not set, then sets the fields of the gateway. The other order would lose them
/// (CVE-2024-45410).
fn rewrite_headers(
    headers: &mut HeaderMap,
    grant: &Grant,
    origin: &Origin,
    client: IpAddr,
) -> Result<(), Malformed> {
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

/// Sets the hop-by-hop fields of the connection to the application.
fn set_connection(headers: &mut HeaderMap, body: &Body, is_upgrade: bool, accepts_trailers: bool) {
    if is_upgrade {
        upgrade::set_fields(headers);
    } else if accepts_trailers {
        // A sender of `TE` must name it in `Connection` (RFC 9110 §10.1.4).
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("TE"));
    }
    if !body.is_end_stream() && !headers.contains_key(header::CONTENT_LENGTH) {
        // Set explicitly, because hyper would send a GET without its body.
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

fn build_response(
    mut response: Response<Incoming>,
    client_upgrade: Option<OnUpgrade>,
    permit: OwnedSemaphorePermit,
    session_end: impl FnOnce() -> BoxFuture<'static, ()>,
) -> Result<Response<Body>, ForwardError> {
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let websocket = is_switch(response.headers());
    let coding = hop_by_hop::strip(response.headers_mut());
    coding.map_err(|_| ForwardError::UpstreamMisbehaved("a transfer coding other than chunked"))?;
    // With the HTTP/1.0 of an application, the client's connection would be closed as well.
    *response.version_mut() = Version::HTTP_11;
    match client_upgrade {
        Some(client) if switches && websocket => {
            upgrade::set_fields(response.headers_mut());
            let upstream = hyper::upgrade::on(&mut response);
            // The task is not awaited, because it outlives the request. Its permit limits the number of such tasks.
            tokio::spawn(upgrade::splice(client, upstream, permit, session_end()));
            Ok(response.map(|_| Body::empty()))
        }
        _ if switches => Err(ForwardError::UpstreamMisbehaved("a switch of protocols")),
        _ => {
            let is_stream = response.body().size_hint().exact().is_none();
            let session_end = is_stream.then(session_end);
            Ok(response.map(|body| Body::new(ResponseBody { body, session_end, _permit: permit })))
        }
    }
}
