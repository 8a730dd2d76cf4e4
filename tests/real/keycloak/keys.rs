//! Sign-ins while Keycloak replaces its signing key

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::open_with;
use crate::harness::{Realm, Reply, Setup, user, user_name};

const USERS: usize = 8;
/// Number of sign-ins between two changes of the keys: two per user.
const ROUND: usize = 2 * USERS;
/// Time limit of a round of sign-ins.
const ROUND_TIMEOUT: Duration = Duration::from_secs(120);

/// Number of finished sign-ins, and whether they must stop.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    stopped: AtomicBool,
}

impl Progress {
    /// Waits until one more round of sign-ins has finished.
    async fn wait_for_round(&self) {
        let target = self.done.load(Ordering::Relaxed) + ROUND;
        let waiting = async {
            while self.done.load(Ordering::Relaxed) < target {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(ROUND_TIMEOUT, waiting).await.expect("a round of sign-ins finishes in time");
    }
}

/// Starts the sign-ins of all users. Each user signs in repeatedly, each time with a new client without cookies.
fn start_sign_ins(setup: &Arc<Setup<Realm>>, progress: &Arc<Progress>) -> JoinSet<Vec<Reply>> {
    let mut running = JoinSet::new();
    for number in 0..USERS {
        let (setup, progress) = (Arc::clone(setup), Arc::clone(progress));
        running.spawn(async move {
            let mut replies = Vec::new();
            while !progress.stopped.load(Ordering::Relaxed) {
                replies.push(setup.anonymous_client().sign_in(&user_name(number), &user_name(number)).await);
                progress.done.fetch_add(1, Ordering::Relaxed);
            }
            replies
        });
    }
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_fails_while_the_signing_key_is_replaced() {
    let add_users = |realm: &mut Value| {
        realm["users"] = (0..USERS).map(|number| user(&user_name(number), &["/dev"])).collect();
    };
    let setup = Arc::new(open_with(add_users, "").await);
    let realm = setup.provider();
    let old = realm.signing_keys().await;
    let [(_, old)] = old.as_slice() else { panic!("expected one key: {old:?}") };
    let progress = Arc::new(Progress::default());
    let running = start_sign_ins(&setup, &progress);

    progress.wait_for_round().await;
    realm.add_signing_key(200).await;
    progress.wait_for_round().await;
    realm.remove_key(old).await;
    progress.wait_for_round().await;
    progress.stopped.store(true, Ordering::Relaxed);
    let replies: Vec<Reply> = running.join_all().await.into_iter().flatten().collect();

    let failed: Vec<&Reply> = replies.iter().filter(|reply| reply.status != StatusCode::OK).collect();
    assert!(failed.is_empty(), "{} of {} sign-ins failed: {failed:#?}", failed.len(), replies.len());
    let mut signed: BTreeMap<String, usize> = BTreeMap::new();
    for received in setup.all_requests() {
        *signed.entry(received.signing_key_id()).or_default() += 1;
    }
    assert_eq!(signed.values().sum::<usize>(), replies.len());
    assert_eq!(signed.len(), 2, "not both keys signed: {signed:?}");
    let published = realm.published_keys().await;
    let published: Vec<&Value> =
        published["keys"].as_array().unwrap().iter().filter(|key| key["use"] == json!("sig")).collect();
    assert_eq!(published.len(), 1, "the old key is still published: {published:?}");
}
