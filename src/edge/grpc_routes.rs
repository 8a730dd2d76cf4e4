//! Routes of the listener for checks over gRPC

use std::sync::Arc;

use axum::Router;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use tonic::{Request, Response, Status};

use super::checker::{CallError, CheckCall, Checker};
use super::dialect::{GRPC_DIALECT, GrpcCall, render_grpc};
use super::peer::Peer;
use crate::access::policy::DEFAULT;
use crate::access::query_conditions::NO_CONDITIONS;

/// The maximum size of a message of Envoy, in bytes. Its header fields are limited further.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Returns the routes of checks, and of the health service of gRPC.
pub fn routes(checker: Arc<Checker>) -> Router {
    let checks = AuthorizationServer::new(GrpcChecks(checker)).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let (_reporter, health) = tonic_health::server::health_reporter();
    Router::new()
        .route_service("/envoy.service.auth.v3.Authorization/{*method}", checks)
        .route_service("/grpc.health.v1.Health/{*method}", health)
}

/// The service that Envoy calls.
struct GrpcChecks(Arc<Checker>);

#[tonic::async_trait]
impl Authorization for GrpcChecks {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let peer = request.extensions().get::<Peer>().copied();
        let peer = peer.ok_or_else(|| Status::internal("the connection has no peer"))?;
        let (GrpcCall { head, policy, path }, error) = match GrpcCall::read(request.into_inner()) {
            Ok(call) => (call, None),
            Err(error) => (GrpcCall::empty(), Some(CallError::Attributes(error))),
        };
        let call = CheckCall {
            policy: policy.as_deref().unwrap_or(DEFAULT),
            head: &head,
            conditions: error.as_ref().map_or(Ok(&NO_CONDITIONS), Err),
            appended: &path,
        };
        Ok(Response::new(render_grpc(&self.0.reply(&GRPC_DIALECT, peer, call).await)))
    }
}
