//! Listeners: purpose, address, limits and router of each
//!
//! A new listener needs a variant of [`Purpose`], an [`Entry`] and a router.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

use super::assemble;
use super::limits::{self, Limits};
use super::start_error::StartError;
use super::system::System;
use super::tls::{self, Tls};
use crate::certificate::{Protocol, TlsFiles};
use crate::config::Settings;

/// The purpose of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Pages for browsers.
    Public,
    /// Checks from proxies.
    Check,
    /// Checks from Envoy over gRPC.
    CheckGrpc,
    /// Probes and metrics.
    Ops,
}

/// A bound socket and its purpose. The caller binds sockets before the gateway starts, so that it can choose free ports.
pub struct Listener {
    /// The purpose of the listener.
    pub purpose: Purpose,
    /// The bound socket.
    pub socket: TcpListener,
}

/// The configuration of a listener, from the settings and this file.
pub(super) struct Entry<'s> {
    /// The section of the settings. The log uses it as the listener's name.
    name: &'static str,
    /// The configuration key of the address.
    setting: &'static str,
    address: SocketAddr,
    pub(super) limits: Limits,
    pub(super) protocol: Protocol,
    tls: Option<&'s TlsFiles>,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Public, Self::Check, Self::CheckGrpc, Self::Ops];

    /// Returns the configuration, or `None` if the listener is not configured.
    pub(super) fn entry(self, settings: &Settings) -> Option<Entry<'_>> {
        let limits_of_checks = if settings.check.trusted_proxies.is_empty() {
            limits::CHECK.by_certificate()
        } else {
            limits::CHECK
        };
        Some(match self {
            Self::Public => Entry {
                name: self.name(),
                setting: "public.listen",
                address: settings.public.listen,
                limits: limits::PUBLIC,
                protocol: Protocol::Http1,
                tls: settings.public.tls.as_ref(),
            },
            Self::Check => Entry {
                name: self.name(),
                setting: "check.listen",
                address: settings.check.listen,
                limits: limits_of_checks,
                protocol: Protocol::Http1,
                tls: settings.check.tls.as_ref(),
            },
            Self::CheckGrpc => Entry {
                name: Self::Check.name(),
                setting: "check.grpc_listen",
                address: settings.check.grpc_listen?,
                limits: limits_of_checks,
                protocol: Protocol::Http2,
                tls: settings.check.tls.as_ref(),
            },
            Self::Ops => Entry {
                name: self.name(),
                setting: "ops.listen",
                address: settings.ops.listen,
                limits: limits::OPS,
                protocol: Protocol::Http1,
                tls: None,
            },
        })
    }

    /// Returns the listener's name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Check => "check",
            Self::CheckGrpc => "check-grpc",
            Self::Ops => "ops",
        }
    }

    pub(super) fn router<F>(self, gateway: &assemble::Gateway<F>) -> Router {
        match self {
            Self::Public => gateway.public.clone(),
            Self::Check => gateway.check.clone(),
            Self::CheckGrpc => gateway.check_grpc.clone(),
            Self::Ops => gateway.ops.clone(),
        }
    }
}

impl Listener {
    /// Binds the configured addresses. Fails at the first address that cannot be bound.
    pub async fn bind_all(settings: &Settings) -> Result<Vec<Self>, StartError> {
        let mut bound = Vec::new();
        for purpose in Purpose::ALL {
            let Some(Entry { setting, address, .. }) = purpose.entry(settings) else { continue };
            let socket = TcpListener::bind(address).await;
            let socket = socket.map_err(|cause| StartError::Listen { setting, address, cause })?;
            bound.push(Self { purpose, socket });
        }
        Ok(bound)
    }
}

impl Entry<'_> {
    /// Returns the TLS state, if the listener uses TLS. Fails if the files cannot be used.
    pub(super) fn tls(&self, system: &System) -> Result<Option<Tls>, StartError> {
        let tls = self.tls.map(|files| {
            Tls::new(self.name, self.protocol, files.clone(), tls::RELOAD_INTERVAL, system.reloads.clone())
        });
        let tls = tls.transpose();
        tls.map_err(|error| StartError::Build(format!("{}.{}: {error}", self.name, error.file.key())))
    }
}
