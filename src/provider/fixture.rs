//! A provider of the tests as a whole: what it publishes, gives and is asked, and ours that asks it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::calls::Calls;
use super::testing::{NOW, Server, SetClock, Signer, jwks, metadata, reply, rsa, settings, with};
use super::{Provider, ProviderSettings};
use crate::flow::ports::{IdentityProvider, ProviderState};

/// What the provider answers at the moment, by the last segment of the path.
#[derive(Clone, Default)]
pub(super) struct Given(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Given {
    /// Answers with a whole reply, or hangs up where that is empty.
    pub(super) fn answer_at(&self, place: &'static str, reply: String) {
        self.0.lock().unwrap().insert(place, reply);
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.answer_at("certs", reply(200, &jwks(keys)));
    }

    pub(super) fn break_keys(&self) {
        self.answer_at("certs", reply(500, ""));
    }

    pub(super) fn give(&self, answer: &Value) {
        self.answer_at("token", reply(200, &answer.to_string()));
    }

    pub(super) fn answer(&self, request: &str) -> String {
        let path = request.split(' ').nth(1).unwrap();
        let given = self.0.lock().unwrap();
        given.get(path.rsplit('/').next().unwrap()).cloned().unwrap_or_else(|| reply(404, path))
    }
}

/// Both sides.
pub(super) struct Fixture {
    pub(super) server: Server,
    pub(super) given: Given,
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

/// Waits until something is so.
pub(super) async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.expect(what);
}

/// A provider with the RSA key `k`, loaded.
pub(super) async fn fixture() -> Fixture {
    fixture_with(|_| ()).await
}

/// The same with other settings of ours.
pub(super) async fn fixture_with(change: impl FnOnce(&mut ProviderSettings)) -> Fixture {
    let given = Given::default();
    given.publish(&[rsa().named("k")]);
    let server = Server::start({
        let given = given.clone();
        move |request| given.answer(request)
    })
    .await;
    let at = |path| format!("{}/{path}", server.origin);
    let more = json!({"userinfo_endpoint": at("userinfo"), "revocation_endpoint": at("revoke")});
    given.answer_at("openid-configuration", reply(200, &with(&metadata(&server.origin), &more).to_string()));
    let mut settings = settings(&server.origin);
    change(&mut settings);
    let (provider, clock, calls) = provider_with(settings);
    tokio::spawn(Arc::clone(&provider).keep_fresh());
    until("ready", || provider.state() == ProviderState::Ready).await;
    Fixture { server, given, provider, clock, calls }
}

impl Fixture {
    /// A token of `alice` for us, issued now for five minutes, with the changes of `with`.
    pub(super) fn token(&self, signer: &Signer, header: &Value, change: &Value) -> String {
        let claims = json!({
            "iss": self.server.origin, "sub": "alice", "aud": "foregate", "nonce": "n", "exp": NOW.0 + 300,
            "iat": NOW.0,
        });
        signer.token(&header.to_string(), &with(&claims, change).to_string())
    }

    /// How often the keys were fetched.
    pub(super) fn fetches(&self) -> usize {
        self.server.requests("certs").len()
    }
}
