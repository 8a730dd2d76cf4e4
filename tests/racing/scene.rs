//! The servers of one run with one store, and the balancer in front of the gateways

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use redis::cmd;
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::sync::Mutex;

use crate::addresses::{Addresses, RedisPlace};
use crate::foregate::{Foregate, KEYS_FILE};
use crate::harness::{Scratch, free_addresses};
use crate::oauth2_proxy::Oauth2Proxy;
use crate::options::{Options, SubjectKind};
use crate::provider::Provider;
use crate::random::Random;
use crate::relay::Relay;
use crate::replica::Replica;
use crate::rows::{Run, Store};
use crate::servers::{DURABLE, Redis, SERVICE, Watched};
use crate::subject::{Subject, new_key};

/// How long a client waits for an answer. A gateway answers a script within five seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(7);
/// Gateways that share a Redis.
const REPLICAS: usize = 3;

/// Redis, as the run needs it.
pub(crate) enum RedisServers {
    /// One server, and a relay to it for each gateway.
    Single(Mutex<Redis>, Vec<Relay>),
    /// A primary and a replica with Sentinel.
    Watched(Box<Mutex<Watched>>),
}

/// All servers. The order of the fields is the order in which they end.
pub(crate) struct Scene {
    pub(crate) run: Run,
    pub(crate) store: Store,
    pub(crate) began: Instant,
    pub(crate) origin: String,
    pub(crate) host: String,
    pub(crate) client: Client,
    pub(crate) subject: Subject,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) provider: Provider,
    pub(crate) redis: Option<RedisServers>,
    pub(crate) scratch: Scratch,
    /// Requests that got no answer.
    unanswered: AtomicUsize,
    stopped: AtomicBool,
}

/// The answer to a check.
pub(crate) struct Answer {
    pub(crate) replica: usize,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) waited: Duration,
}

impl Answer {
    pub(crate) fn says_retry_later(&self) -> bool {
        self.status == 503 && self.headers.contains_key(RETRY_AFTER)
    }
}

impl Scene {
    pub(crate) async fn start(run: Run, store: Store, options: &Options, random: &Random) -> Self {
        let scratch = Scratch::new();
        let [address] = free_addresses();
        let host = format!("app.localhost:{}", address.port());
        let origin = format!("https://{host}");
        let sessions = options.load().sessions;
        let provider =
            Provider::start(options.provider, run, sessions, &origin, random.fork("provider")).await;
        let redis = match store {
            Store::Redis => Some(RedisServers::start(run, &scratch, random).await),
            Store::Cookie | Store::File => None,
        };
        let subject = match options.subject {
            SubjectKind::Foregate => Subject::Foregate(Foregate {
                origin: origin.clone(),
                registration: provider.registration(),
                store,
            }),
            SubjectKind::Oauth2Proxy => Subject::Oauth2Proxy(Oauth2Proxy {
                origin: origin.clone(),
                issuer: provider.issuer(),
                secret: new_key(),
            }),
        };
        let places = redis.as_ref().map_or_else(|| vec![None], RedisServers::places);
        let addresses = places.into_iter().enumerate().map(|(number, place)| Addresses::new(number, place));
        scratch.write(KEYS_FILE, &new_key());
        let mut scene = Self {
            run,
            store,
            began: Instant::now(),
            origin,
            host,
            client: client(),
            subject,
            replicas: addresses.map(Replica::new).collect(),
            provider,
            redis,
            scratch,
            unanswered: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        };
        for replica in &scene.replicas {
            replica.start(&scene.subject, &scene.scratch).await;
        }
        scene.began = Instant::now();
        scene
    }

    /// Returns the gateways in the order in which a balancer sends one request to them. Without any that is in, it
    /// tries all of them.
    pub(crate) fn candidates(&self, random: &mut Random) -> Vec<&Replica> {
        let mut all: Vec<&Replica> = self.replicas.iter().filter(|replica| !replica.is_out()).collect();
        if all.is_empty() {
            all = self.replicas.iter().collect();
        }
        for index in (1..all.len()).rev() {
            all.swap(index, random.below(index + 1));
        }
        all
    }

    /// Sends a check to a random gateway. If that does not answer, another one gets it. Returns `None` if none answers.
    pub(crate) async fn check(&self, cookies: &str, random: &mut Random) -> Option<Answer> {
        for replica in self.candidates(random) {
            let sent = Instant::now();
            let request = self.subject.check(&self.client, &replica.addresses, &self.host, cookies);
            if let Ok(response) = request.send().await {
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                // The connection can be used again only after the body was read.
                let _body = response.bytes().await;
                return Some(Answer { replica: replica.number(), status, headers, waited: sent.elapsed() });
            }
            self.record_no_answer();
        }
        None
    }

    /// Takes gateways out of the balancer that are not ready, and puts them in again, until the run ends.
    pub(crate) async fn probe_readiness(&self) {
        while !self.has_stopped() {
            for replica in &self.replicas {
                replica.set_out(!self.subject.is_ready(&replica.addresses).await);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    pub(crate) fn record_no_answer(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Moves the files of the programs to a place that stays, and prints it.
    pub(crate) fn keep_logs(&self) {
        let name = format!("race-{}-{}", self.run.name(), self.store.name());
        let kept = self.scratch.path().with_file_name(name);
        let _ = std::fs::remove_dir_all(&kept);
        std::fs::rename(self.scratch.path(), &kept).unwrap();
        println!("the logs of the gateways are in {}", kept.display());
    }

    /// Returns the number of keys in Redis.
    pub(crate) async fn count_keys(&self) -> Option<usize> {
        let mut connection = match self.redis.as_ref()? {
            RedisServers::Single(redis, _) => redis.lock().await.connection(),
            RedisServers::Watched(_) => return None,
        };
        Some(cmd("DBSIZE").query(&mut connection).unwrap())
    }

    /// Returns process id and memory of each gateway that runs.
    pub(crate) async fn memory(&self) -> Vec<(u32, i64)> {
        let mut sizes = Vec::new();
        for replica in &self.replicas {
            sizes.extend(replica.memory().await);
        }
        sizes
    }
}

impl RedisServers {
    async fn start(run: Run, scratch: &Scratch, random: &Random) -> Self {
        if run == Run::Failover {
            return Self::Watched(Box::new(Mutex::new(Watched::start(scratch).await)));
        }
        let redis = Redis::start("redis", &DURABLE, scratch).await;
        let mut relays = Vec::new();
        for number in 0..REPLICAS {
            relays.push(Relay::start(redis.port(), random.fork(&format!("relay {number}"))).await);
        }
        Self::Single(Mutex::new(redis), relays)
    }

    /// Returns where each gateway finds Redis.
    fn places(&self) -> Vec<Option<RedisPlace>> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match self {
            Self::Single(_, relays) => {
                relays.iter().map(|relay| Some(RedisPlace::Server(local(relay.port())))).collect()
            }
            Self::Watched(watched) => {
                let sentinel = watched.try_lock().unwrap().servers.addresses[0].1;
                vec![Some(RedisPlace::Sentinel(local(sentinel), SERVICE)); REPLICAS]
            }
        }
    }
}

fn client() -> Client {
    let builder = Client::builder().no_proxy().http1_only().redirect(Policy::none());
    builder.timeout(ANSWER_LIMIT).build().unwrap()
}
