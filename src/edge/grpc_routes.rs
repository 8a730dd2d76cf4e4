//! Routes of the listener for checks over gRPC

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::routing::any;
use bytes::{Buf, BufMut};
use http::Response as HttpResponse;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;
use tonic::{Request, Response, Status};
use tower::service_fn;

use super::checker::{CallError, CheckCall, Checker};
use super::dialect::{AttributeError, GRPC_DIALECT, GrpcCall, encode_grpc};
use super::peer::Peer;
use crate::access::policy::DEFAULT;
use crate::access::query_conditions::NO_CONDITIONS;

/// The maximum size of a message of Envoy, in bytes. Its header fields are limited further.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Returns the routes of checks, and of the health service of gRPC.
pub fn routes(checker: Arc<Checker>) -> Router {
    let (_reporter, health) = tonic_health::server::health_reporter();
    Router::new()
        .route("/envoy.service.auth.v3.Authorization/Check", any(serve))
        .with_state(checker)
        .route_service("/grpc.health.v1.Health/{*method}", health)
        .fallback(async || Status::unimplemented("no such method").into_http::<Body>())
}

/// Serves the method that Envoy calls.
async fn serve(State(checker): State<Arc<Checker>>, request: HttpRequest) -> HttpResponse<Body> {
    let method = service_fn(|request| check(&checker, request));
    Grpc::new(Messages).max_decoding_message_size(MAX_MESSAGE_BYTES).unary(method, request).await
}

/// Returns the encoded reply to a check.
async fn check(
    checker: &Checker,
    request: Request<Result<GrpcCall, AttributeError>>,
) -> Result<Response<Vec<u8>>, Status> {
    let peer = request.extensions().get::<Peer>().copied();
    let peer = peer.ok_or_else(|| Status::internal("the connection has no peer"))?;
    let (GrpcCall { head, policy, path }, error) = match request.into_inner() {
        Ok(call) => (call, None),
        Err(error) => (GrpcCall::empty(), Some(CallError::Attributes(error))),
    };
    let call = CheckCall {
        policy: policy.as_deref().unwrap_or(DEFAULT),
        head: &head,
        conditions: error.as_ref().map_or(Ok(&NO_CONDITIONS), Err),
        appended: &path,
        body: None,
    };
    Ok(Response::new(encode_grpc(&checker.reply(&GRPC_DIALECT, peer, call).await)))
}

/// The messages of the method. One that cannot be read is denied like any other check, so it is no error of gRPC.
struct Messages;

impl Codec for Messages {
    type Encode = Vec<u8>;
    type Decode = Result<GrpcCall, AttributeError>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Messages {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(message.len());
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Messages {
    type Item = Result<GrpcCall, AttributeError>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        Ok(Some(GrpcCall::decode(buffer.copy_to_bytes(buffer.remaining()))))
    }
}
