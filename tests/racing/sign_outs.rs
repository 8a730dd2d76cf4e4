//! Ends of sessions: by their users, and by the provider

use std::sync::Arc;
use std::time::Duration;

use dev_provider::LoggedOut;
use futures_util::future::join_all;
use http::header::{CONTENT_TYPE, HOST};
use tokio::time::sleep;

use crate::failures::{Failures, shuffled};
use crate::random::Random;
use crate::scene::Scene;
use crate::session::Session;

/// How long the clients go on with the cookies of an ended session.
const TIME_AFTER_END: Duration = Duration::from_secs(6);
/// Time limit of a sign-out, which is tried again while the store does not answer.
const MAX_TRIES: usize = 20;

/// Ends half of the sessions at random times, and some of them twice. Every second end is one of the provider.
pub(crate) async fn end_sessions(failures: &mut Failures) {
    let chosen = shuffled(&failures.sessions, &mut failures.random);
    let count = chosen.len().div_ceil(2);
    let latest = failures.left().saturating_sub(TIME_AFTER_END + Duration::from_secs(4));
    let tasks = chosen.into_iter().take(count).enumerate().map(|(number, session)| {
        let mut random = failures.random.fork(&format!("end {number}"));
        let (scene, delay) = (Arc::clone(&failures.scene), random.up_to(latest));
        async move {
            sleep(delay).await;
            if number % 2 == 0 {
                sign_out(&scene, &session, &mut random, TIME_AFTER_END).await;
            } else {
                log_out_by_provider(&scene, &session, &mut random).await;
            }
        }
    });
    join_all(tasks).await;
    failures.caused.proofs.push(("ended sessions", count));
}

/// Signs some users out while one gateway cannot reach the store. Their clients go on until after the cut.
pub(crate) async fn sign_out_during_cut(failures: &mut Failures, time: Duration) {
    let chosen = shuffled(&failures.sessions, &mut failures.random);
    let count = chosen.len().div_ceil(5);
    let tasks = chosen.into_iter().take(count).enumerate().map(|(number, session)| {
        let mut random = failures.random.fork(&format!("sign-out {number}"));
        let scene = Arc::clone(&failures.scene);
        let delay = random.up_to(time / 3);
        async move {
            sleep(delay).await;
            // The rest of the cut, so that the session begins anew only after it.
            sign_out(&scene, &session, &mut random, time.saturating_sub(delay)).await;
        }
    });
    join_all(tasks).await;
    failures.caused.proofs.push(("sign-outs during the cut", count));
}

async fn sign_out(scene: &Scene, session: &Session, random: &mut Random, time: Duration) {
    let end = async |random: &mut Random| {
        for _ in 0..MAX_TRIES {
            if session.agent.sign_out(scene, random).await {
                // The provider's own session goes on, so it needs no password.
                return Ok(false);
            }
            sleep(Duration::from_millis(500)).await;
        }
        Err("the gateway did not confirm the sign-out".to_owned())
    };
    session.end(scene, random, time, end).await;
}

async fn log_out_by_provider(scene: &Scene, session: &Session, random: &mut Random) {
    let provider = scene.provider.development_provider();
    let end = async |random: &mut Random| {
        let sids = provider.sids(session.agent.user());
        provider.end_sessions(session.agent.user()).await;
        for sid in sids {
            let token = provider.logout_token("foregate", LoggedOut::Session(&sid), &[]).unwrap();
            let replica = scene.candidates(random)[0];
            let form =
                form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
            let url = format!("http://{}/oauth2/backchannel-logout", replica.addresses.public);
            let request = scene.client.post(url).header(HOST, &scene.host);
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
            match request.send().await {
                Ok(response) if response.status().is_success() => {}
                Ok(response) => return Err(format!("the logout of the provider got {}", response.status())),
                Err(error) => return Err(format!("the logout of the provider got no answer: {error}")),
            }
        }
        Ok(true)
    };
    session.end(scene, random, TIME_AFTER_END, end).await;
}
