//! Does anybody notice that Keycloak changes its signing keys?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::open_with;
use crate::harness::{Realm, Reply, Stage, user};

const PEOPLE: usize = 8;
/// Sign-ins that must have ended before the next thing happens to the keys: two for each person.
const ROUND: usize = 2 * PEOPLE;
/// A sign-in that never ends must not hold the test.
const PATIENCE: Duration = Duration::from_secs(120);

fn name(number: usize) -> String {
    format!("person-{number}")
}

/// How far the sign-ins have come, and whether they go on.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    over: AtomicBool,
}

impl Progress {
    /// Waits for one more round.
    async fn round(&self) {
        let enough = self.done.load(Ordering::Relaxed) + ROUND;
        let waiting = async {
            while self.done.load(Ordering::Relaxed) < enough {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the sign-ins go on");
    }
}

/// Everybody signs in again and again until it is over, each time as a new program without cookies.
fn everybody(stage: &Arc<Stage<Realm>>, progress: &Arc<Progress>) -> JoinSet<Vec<Reply>> {
    let mut people = JoinSet::new();
    for number in 0..PEOPLE {
        let (stage, progress) = (Arc::clone(stage), Arc::clone(progress));
        people.spawn(async move {
            let mut ends = Vec::new();
            while !progress.over.load(Ordering::Relaxed) {
                ends.push(stage.stranger().sign_in(&name(number), &name(number)).await);
                progress.done.fetch_add(1, Ordering::Relaxed);
            }
            ends
        });
    }
    people
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_fails_while_the_signing_key_is_replaced() {
    let people = |realm: &mut Value| {
        realm["users"] = (0..PEOPLE).map(|number| user(&name(number), &["/dev"])).collect();
    };
    let stage = Arc::new(open_with(people, "").await);
    let realm = stage.provider();
    let old = realm.signing_keys().await;
    let [(_, old)] = old.as_slice() else { panic!("one key was expected: {old:?}") };
    let progress = Arc::new(Progress::default());
    let running = everybody(&stage, &progress);

    progress.round().await;
    realm.add_signing_key(200).await;
    progress.round().await;
    realm.remove_key(old).await;
    progress.round().await;
    progress.over.store(true, Ordering::Relaxed);
    let ends: Vec<Reply> = running.join_all().await.into_iter().flatten().collect();

    let failed: Vec<&Reply> = ends.iter().filter(|end| end.status != StatusCode::OK).collect();
    assert!(failed.is_empty(), "{} of {} sign-ins failed: {failed:#?}", failed.len(), ends.len());
    let mut signed: BTreeMap<String, usize> = BTreeMap::new();
    for seen in stage.all_arrived() {
        *signed.entry(seen.signer()).or_default() += 1;
    }
    assert_eq!(signed.values().sum::<usize>(), ends.len());
    assert_eq!(signed.len(), 2, "both keys were to sign: {signed:?}");
    let published = realm.published_keys().await;
    let published: Vec<&Value> =
        published["keys"].as_array().unwrap().iter().filter(|key| key["use"] == json!("sig")).collect();
    assert_eq!(published.len(), 1, "the old key is still published: {published:?}");
}
