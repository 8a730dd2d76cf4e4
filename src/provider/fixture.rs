//! Test fixture with a provider server and the client under test

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::calls::Calls;
use super::testing::{NOW, Server, SetClock, Signer, jwks, metadata, reply, rsa, settings, with};
use super::{Provider, ProviderSettings};
use crate::flow::ports::{IdentityProvider, ProviderState};

/// The current responses of the provider, by the last segment of the path.
#[derive(Clone, Default)]
pub(super) struct Responses(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Responses {
    /// Sets the complete response of a path. With an empty response the server closes the connection.
    pub(super) fn respond_at(&self, place: &'static str, reply: String) {
        self.0.lock().unwrap().insert(place, reply);
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.respond_at("certs", reply(200, &jwks(keys)));
    }

    pub(super) fn break_keys(&self) {
        self.respond_at("certs", reply(500, ""));
    }

    pub(super) fn issue_tokens(&self, answer: &Value) {
        self.respond_at("token", reply(200, &answer.to_string()));
    }

    /// Starts a server with these responses.
    pub(super) async fn serve(&self) -> Server {
        let responses = self.clone();
        Server::start(move |request| responses.answer(request)).await
    }

    pub(super) fn answer(&self, request: &str) -> String {
        let path = request.split(' ').nth(1).unwrap();
        let responses = self.0.lock().unwrap();
        responses.get(path.rsplit('/').next().unwrap()).cloned().unwrap_or_else(|| reply(404, path))
    }
}

/// The provider server and the client under test.
pub(super) struct Fixture {
    pub(super) server: Server,
    pub(super) responses: Responses,
    pub(super) provider: Arc<Provider>,
    pub(super) clock: Arc<SetClock>,
    pub(super) calls: Arc<Calls>,
}

pub(super) fn provider(issuer: &str) -> (Arc<Provider>, Arc<SetClock>, Arc<Calls>) {
    provider_with(settings(issuer))
}

fn provider_with(settings: ProviderSettings) -> (Arc<Provider>, Arc<SetClock>, Arc<Calls>) {
    let (clock, calls) = (SetClock::new(), Arc::new(Calls::default()));
    let audit = Arc::clone(&calls);
    (Provider::new(settings, audit, Arc::clone(&clock) as _).unwrap(), clock, calls)
}

/// Waits until a condition holds.
pub(super) async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.expect(what);
}

/// Returns a client that has loaded the metadata and the RSA key `k`.
pub(super) async fn fixture() -> Fixture {
    fixture_with(|_| ()).await
}

/// Returns the same fixture with changed client settings.
pub(super) async fn fixture_with(change: impl FnOnce(&mut ProviderSettings)) -> Fixture {
    let responses = Responses::default();
    responses.publish(&[rsa().named("k")]);
    let server = responses.serve().await;
    let at = |path| format!("{}/{path}", server.origin);
    let more = json!({"userinfo_endpoint": at("userinfo"), "revocation_endpoint": at("revoke")});
    responses
        .respond_at("openid-configuration", reply(200, &with(&metadata(&server.origin), &more).to_string()));
    let mut settings = settings(&server.origin);
    change(&mut settings);
    let (provider, clock, calls) = provider_with(settings);
    tokio::spawn(Arc::clone(&provider).keep_fresh());
    until("ready", || provider.state() == ProviderState::Ready).await;
    Fixture { server, responses, provider, clock, calls }
}

impl Fixture {
    /// Returns an ID token of `alice`, issued now for five minutes, with the changes of `with`.
    pub(super) fn token(&self, signer: &Signer, header: &Value, change: &Value) -> String {
        let claims = json!({
            "iss": self.server.origin, "sub": "alice", "aud": "foregate", "nonce": "n", "exp": NOW.0 + 300,
            "iat": NOW.0,
        });
        signer.token(&header.to_string(), &with(&claims, change).to_string())
    }

    /// Returns the number of key fetches.
    pub(super) fn fetches(&self) -> usize {
        self.server.requests("certs").len()
    }
}
