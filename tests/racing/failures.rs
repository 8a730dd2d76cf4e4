//! The failures that a run causes, and the proof that it caused them

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use crate::foregate::KEYS_FILE;
use crate::harness::until;
use crate::random::Random;
use crate::replica::Replica;
use crate::rows::{Run, Store};
use crate::scene::{RedisServers, Scene};
use crate::session::Session;
use crate::sign_outs;
use crate::subject::new_key;

/// How long a gateway is stopped or cut off: longer than a lease and than the life of the tokens.
const LONG_STOP: Duration = Duration::from_secs(25);
const REDIS_ABSENCE: Duration = Duration::from_secs(5);
const MAX_REDIS_DELAY: Duration = Duration::from_millis(500);
/// The time between two replacements of the signing key. Foregate fetches keys at most once in 30 seconds.
const KEY_INTERVAL: Duration = Duration::from_secs(35);
/// How long the provider also publishes the old key.
const KEY_OVERLAP: Duration = Duration::from_secs(5);
/// The time between two kills.
const MIN_KILL_INTERVAL: Duration = Duration::from_secs(12);
const MAX_KILL_INTERVAL: Duration = Duration::from_secs(18);
/// The end of a run without failures, in which the sessions recover.
const QUIET_END: Duration = Duration::from_secs(6);

/// What a run caused.
#[derive(Debug, Default)]
pub(crate) struct Caused {
    /// Failures after which a session may need a redirect.
    pub(crate) events: usize,
    /// Refreshes that were in flight at these moments.
    pub(crate) in_flight: usize,
    /// When Redis could not be reached.
    pub(crate) outages: Vec<(Instant, Instant)>,
    /// Other proof that the failure happened. 0 means that it did not.
    pub(crate) proofs: Vec<(&'static str, usize)>,
}

/// The failures of one run.
pub(crate) struct Failures {
    pub(crate) scene: Arc<Scene>,
    pub(crate) sessions: Vec<Arc<Session>>,
    pub(crate) random: Random,
    pub(crate) end: Instant,
    pub(crate) caused: Caused,
}

impl Failures {
    /// Causes the failures of the run until it ends.
    pub(crate) async fn cause(mut self) -> Caused {
        let end = self.end;
        match self.scene.run {
            Run::Restart => self.restart_twice().await,
            Run::Kill => self.kill_gateways().await,
            Run::Stop => self.stop_gateways().await,
            Run::SigningKey => self.replace_signing_key().await,
            Run::SessionKey => self.replace_session_key().await,
            Run::RedisSlow => self.slow_redis_down().await,
            Run::RedisAway => self.stop_redis().await,
            Run::RedisCut => self.cut_gateway_off().await,
            Run::Failover => self.fail_over().await,
            Run::SignOut => sign_outs::end_sessions(&mut self).await,
            Run::NoFailure
            | Run::DropCookies
            | Run::Abort
            | Run::RefreshFaults
            | Run::SlowProvider
            | Run::LostAnswer => {}
        }
        sleep_until(end.into()).await;
        self.caused
    }

    pub(crate) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Waits for a part of the rest of the run.
    async fn wait_for_part(&self, percent: u32) {
        sleep(self.left() * percent / 100).await;
    }

    /// Waits until a refresh is in flight, for some seconds, and counts the refreshes in flight.
    async fn wait_for_refresh(&mut self) {
        let limit = Instant::now() + Duration::from_secs(8);
        while self.scene.provider.in_flight() == Some(0) && Instant::now() < limit {
            sleep(Duration::from_millis(5)).await;
        }
        // The failure is not always at the start of the exchange.
        sleep(self.random.up_to(Duration::from_millis(400))).await;
        self.caused.in_flight += self.scene.provider.in_flight().unwrap_or_default();
    }

    fn random_replica(&mut self) -> usize {
        self.random.below(self.scene.replicas.len())
    }

    async fn restart_all(&mut self) {
        let scene = Arc::clone(&self.scene);
        for replica in &scene.replicas {
            self.wait_for_refresh().await;
            replica.terminate().await;
            replica.start(&scene.subject, &scene.scratch).await;
            self.caused.events += 1;
        }
    }

    async fn restart_twice(&mut self) {
        for percent in [25, 50] {
            self.wait_for_part(percent).await;
            self.restart_all().await;
        }
    }

    async fn kill_gateways(&mut self) {
        let mut interval = Duration::from_secs(8);
        while self.left() > interval + QUIET_END {
            sleep(interval).await;
            self.wait_for_refresh().await;
            let killed = self.random_replica();
            let scene = Arc::clone(&self.scene);
            scene.replicas[killed].kill().await;
            self.caused.events += 1;
            sleep(self.random.up_to(Duration::from_secs(1))).await;
            scene.replicas[killed].start(&scene.subject, &scene.scratch).await;
            interval = self.random.between(MIN_KILL_INTERVAL, MAX_KILL_INTERVAL);
        }
    }

    async fn stop_gateways(&mut self) {
        while self.left() > LONG_STOP + QUIET_END {
            sleep(self.random.between(Duration::from_secs(5), Duration::from_secs(9))).await;
            self.wait_for_refresh().await;
            let stopped = self.random_replica();
            self.scene.replicas[stopped].freeze().await;
            self.caused.events += 1;
            sleep(LONG_STOP).await;
            self.scene.replicas[stopped].resume().await;
        }
    }

    /// Replaces the key at once, and later with some time in which both are published.
    async fn replace_signing_key(&mut self) {
        let scene = Arc::clone(&self.scene);
        let provider = scene.provider.development_provider();
        self.wait_for_part(30).await;
        provider.rotate_and_remove().await.unwrap();
        let mut replaced = 1;
        if self.left() > KEY_INTERVAL + QUIET_END {
            sleep(KEY_INTERVAL).await;
            provider.rotate_keys().await.unwrap();
            sleep(KEY_OVERLAP).await;
            provider.remove_old_keys();
            replaced += 1;
        }
        self.caused.proofs.push(("keys replaced", replaced));
    }

    /// As docs/session-key.md describes it for several gateways, with a restart of all of them at each step.
    async fn replace_session_key(&mut self) {
        let scene = Arc::clone(&self.scene);
        let old = std::fs::read_to_string(scene.scratch.path().join(KEYS_FILE)).unwrap();
        let new = new_key();
        for (percent, keys) in [(25, format!("{old}\n{new}\n")), (40, format!("{new}\n{old}\n"))] {
            self.wait_for_part(percent).await;
            scene.scratch.write(KEYS_FILE, &keys);
            self.restart_all().await;
        }
        let expected = [new, old.trim().to_owned()].join("\n");
        let written = std::fs::read_to_string(scene.scratch.path().join(KEYS_FILE)).unwrap();
        self.caused.proofs.push(("keys replaced", usize::from(written.trim() == expected)));
    }

    async fn slow_redis_down(&mut self) {
        let scene = Arc::clone(&self.scene);
        let Some(RedisServers::Single(_, relays)) = &scene.redis else { panic!("no relays") };
        for relay in relays {
            relay.delay(MAX_REDIS_DELAY);
        }
        sleep(self.left()).await;
        let delayed = relays.iter().map(crate::relay::Relay::delayed).min().unwrap();
        self.caused.proofs.push(("delayed pieces of each relay", delayed));
    }

    async fn stop_redis(&mut self) {
        let scene = Arc::clone(&self.scene);
        let Some(RedisServers::Single(redis, _)) = &scene.redis else { panic!("no relays") };
        for percent in [25, 50] {
            self.wait_for_part(percent).await;
            self.wait_for_refresh().await;
            let mut redis = redis.lock().await;
            let began = Instant::now();
            redis.kill();
            sleep(REDIS_ABSENCE).await;
            redis.start_again(&scene.scratch).await;
            self.caused.outages.push((began, Instant::now()));
        }
    }

    /// Cuts one gateway off. Meanwhile some users sign out.
    async fn cut_gateway_off(&mut self) {
        let scene = Arc::clone(&self.scene);
        let Some(RedisServers::Single(_, relays)) = &scene.redis else { panic!("no relays") };
        self.wait_for_part(20).await;
        self.wait_for_refresh().await;
        let number = self.random_replica();
        let replica: &Replica = &scene.replicas[number];
        let began = Instant::now();
        replica.set_cut(true);
        relays[number].cut(true);
        sign_outs::sign_out_during_cut(self, LONG_STOP).await;
        sleep((began + LONG_STOP).saturating_duration_since(Instant::now())).await;
        relays[number].cut(false);
        self.caused.outages.push((began, Instant::now()));
        // The gateway connects again within seconds.
        sleep(Duration::from_secs(5)).await;
        replica.set_cut(false);
        self.caused.proofs.push(("pieces held back", relays[number].held()));
    }

    async fn fail_over(&mut self) {
        let scene = Arc::clone(&self.scene);
        let Some(RedisServers::Watched(watched)) = &scene.redis else { panic!("no sentinel") };
        let mut watched = watched.lock().await;
        self.wait_for_part(30).await;
        self.wait_for_refresh().await;
        let began = Instant::now();
        watched.primary.kill();
        self.caused.events += 1;
        until("the replica is the primary", async || watched.replica.is_primary()).await;
        self.caused.outages.push((began, Instant::now()));
        self.caused.proofs.push(("failovers", 1));
        self.wait_for_part(20).await;
        watched.primary.start_again(&scene.scratch).await;
    }
}

/// Returns whether Redis is part of the run.
pub(crate) fn is_possible(run: Run, store: Store) -> bool {
    let needs_redis = matches!(run, Run::RedisSlow | Run::RedisAway | Run::RedisCut | Run::Failover);
    !needs_redis || store == Store::Redis
}

/// Returns the sessions in a random order.
pub(crate) fn shuffled(sessions: &[Arc<Session>], random: &mut Random) -> Vec<Arc<Session>> {
    let mut all = sessions.to_vec();
    for index in (1..all.len()).rev() {
        all.swap(index, random.below(index + 1));
    }
    all
}
