//! Dialects of the proxies
//!
//! A new dialect is a file in this directory and an entry in [`CHECK_DIALECTS`].

pub mod caddy;
pub mod definition;
pub mod envoy_grpc;
pub mod envoy_http;
pub mod forwarded;
pub mod haproxy;
pub mod nginx;
pub mod original_url;
pub mod own_proxy;
pub mod traefik;

pub use self::envoy_grpc::{
    AttributeError, Call as GrpcCall, ENVOY_GRPC as GRPC_DIALECT, encode as encode_grpc,
};
pub use definition::{Dialect, HttpDialect};

/// The dialects of the check listener: `/check/<label>` and `/check/policy/<policy>/<label>`.
pub static CHECK_DIALECTS: [&HttpDialect; 6] = [
    &traefik::TRAEFIK,
    &caddy::CADDY,
    &envoy_http::ENVOY_HTTP,
    &nginx::NGINX,
    &nginx::NGINX_REFUSAL,
    &haproxy::HAPROXY,
];

/// The dialect of the path of oauth2-proxy, which nginx asks most often.
pub static OAUTH2_PROXY: &HttpDialect = &nginx::NGINX;

/// Returns the labels of all dialects, for the metrics.
pub fn labels() -> Vec<&'static str> {
    let others = [&envoy_grpc::ENVOY_GRPC, &own_proxy::OWN_PROXY];
    CHECK_DIALECTS
        .into_iter()
        .map(|http| &http.dialect)
        .chain(others)
        .map(|dialect| dialect.caller.label)
        .collect()
}
