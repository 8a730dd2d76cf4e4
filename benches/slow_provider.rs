//! Benchmark of checks while the provider takes two seconds for a refresh
//!
//! Two groups of sessions are checked in turn: one with a provider that responds at once, one with a slow provider.
//! Tokens expire so soon that refreshes run most of the time. The ratios of the two distributions are reported.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, prints results and panics on unexpected values"
)]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the other benchmark uses the rest")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use foregate::access::claims::Claim;
use foregate::access::policy::Policy;
use foregate::flow::ports::{
    Authentication, AuthenticationRequest, Clock, CodeExchange, ExchangeError, IdentityProvider, LogoutToken,
    LogoutTokenError, ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed,
    RefreshedIdToken, SignedIn, WrongIssuer,
};
use foregate::secret::Secret;
use foregate::server::SystemClock;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use support::no_provider::NoProvider;
use support::{Features, Scene};
use url::Url;

/// Life of a token. Refreshes begin after seven to nine seconds, and slow ones end before the tokens expire.
const TOKEN_LIFE: Duration = Duration::from_secs(12);
const RUN_TIME: Duration = Duration::from_secs(40);

/// A provider that responds to a refresh after a delay.
struct DelayedProvider {
    delay: Duration,
    refreshes: AtomicUsize,
}

impl DelayedProvider {
    fn new(delay: Duration) -> Arc<Self> {
        Arc::new(Self { delay, refreshes: AtomicUsize::new(0) })
    }
}

impl IdentityProvider for DelayedProvider {
    fn refresh<'a>(&'a self, _: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        async move {
            tokio::time::sleep(self.delay).await;
            self.refreshes.fetch_add(1, Ordering::Relaxed);
            let expires_at = SystemClock.now().plus(TOKEN_LIFE);
            let user = ("preferred_username".to_owned(), Claim::Text("testuser".to_owned()));
            let id_token = RefreshedIdToken {
                text: Secret::new("eyJh.eyJz.c2ln"),
                expires_at,
                authentication: Authentication::default(),
                claims: [user].into(),
            };
            Ok(Refreshed {
                id_token: Some(id_token),
                refresh_token: Some(Secret::new("another")),
                access_expires_at: Some(expires_at),
                refresh_expires_at: None,
            })
        }
        .boxed()
    }

    fn first_answer(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn authentication_url(&self, request: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        NoProvider.authentication_url(request)
    }

    fn check_response_issuer(&self, iss: Option<&str>) -> Result<(), WrongIssuer> {
        NoProvider.check_response_issuer(iss)
    }

    fn exchange<'a>(&'a self, code: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        NoProvider.exchange(code)
    }

    fn revoke<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        NoProvider.revoke(token)
    }

    fn end_session<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<(), RefreshError>> {
        async { Ok(()) }.boxed()
    }

    fn logout_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        NoProvider.logout_token(token)
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        None
    }

    fn state(&self) -> ProviderState {
        ProviderState::Ready
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn answers(&self) -> bool {
        true
    }
}

#[tokio::main]
async fn main() {
    let providers = [DelayedProvider::new(Duration::ZERO), DelayedProvider::new(Duration::from_secs(2))];
    let mut groups = providers.clone().map(|provider| {
        let features =
            Features { token_life: TOKEN_LIFE, provider, ..Features::new(Policy::default(), false) };
        let scenes: Vec<Scene> = (0..8).map(|_| Scene::in_cookies(&features)).collect();
        (scenes, Vec::new())
    });
    let begun = Instant::now();
    while begun.elapsed() < RUN_TIME {
        for (scenes, times) in &mut groups {
            for scene in scenes {
                let started = Instant::now();
                // Panics if the check would have to wait.
                drop(scene.check());
                times.push(started.elapsed().as_secs_f64() * 1e9);
            }
        }
        // Refreshes make progress between checks, as they do between requests.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    let [(_, quick), (_, slow)] = &mut groups;
    for (name, share) in [("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999)] {
        let (quick, slow) = (quantile(quick, share), quantile(slow, share));
        println!("{name:6} slow provider {slow:6.0} ns, quick provider {quick:6.0} ns: {:.2}", slow / quick);
    }
    let [quick, slow] = providers.map(|provider| provider.refreshes.load(Ordering::Relaxed));
    println!("{quick} refreshes by the quick provider, {slow} by the slow provider; no check waited");
}

fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = (times.len() as f64 * share) as usize;
    times[index.min(times.len() - 1)]
}
