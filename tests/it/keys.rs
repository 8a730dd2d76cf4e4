//! Session keys that change while the gateway runs, without ending a session (threat row 12)

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use dev_provider::Settings;
use futures_util::future::join_all;
use reqwest::header::{COOKIE, SET_COOKIE};

use crate::harness::{Browser, Gateway, KEY as OLD, Provider, provider, until};
use crate::pki::file;

const NEW: &str = "dG9-pQ3rXz_1vLw8KsYhN5cJbT2mFuA7eRoViHyWk0E";
/// A passphrase in place of a random key.
const PASSPHRASE: &str = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSAxMjM";

/// A gateway that started with a key file that contains the old key.
struct Scene {
    provider: Provider,
    gateway: Gateway,
    path: PathBuf,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let provider = provider().await;
        let path = file(&format!("{name}.keys"), OLD);
        let more = [("session.keys", "(unset)"), ("session.keys_file", path.to_str().unwrap())];
        let gateway = Gateway::with(&provider, &more).await;
        Self { provider, gateway, path }
    }

    /// Replaces the file atomically: a reader never sees half of it.
    fn write(&self, text: &str) {
        let new = self.path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.path).unwrap();
    }

    /// Puts the new key first, and waits until the gateway seals with it.
    async fn rotate(&self) {
        let before = self.current_head().await;
        self.write(&format!("{NEW}\n{OLD}\n"));
        until("the new key of the file seals", async || self.current_head().await != before).await;
    }

    /// Returns the head of a value that is sealed now.
    async fn current_head(&self) -> String {
        let page = Browser::new().go(&self.gateway.url("/oauth2/start")).await;
        let cookie = page.headers[SET_COOKIE].to_str().unwrap().to_owned();
        head(cookie.split_once('=').unwrap().1)
    }

    async fn signed_in_browser(&self) -> Browser {
        let mut browser = Browser::new();
        let form = browser.open(&self.gateway.url("/oauth2/start?rd=/")).await;
        browser.sign_in(&form, "testuser", "testuser").await;
        assert_eq!(self.gateway.ask_as(&browser, "/").await.status, 200);
        browser
    }

    /// Returns whether a gateway with only this key opens the browser's session.
    async fn opens_by(&self, key: &str, browser: &Browser) -> bool {
        let more = [("session.keys", key), ("public.urls", &self.gateway.url(""))];
        let other = Gateway::with(&self.provider, &more).await;
        let mut question = self.gateway.question("/");
        question.insert(COOKIE, browser.cookie_header().unwrap());
        let status = other.ask(question).await.status;
        other.stop().await;
        assert!(matches!(status, 200 | 302), "{status}");
        status == 200
    }

    async fn script(&self, browser: &Browser) -> u16 {
        let mut question = self.gateway.question("/api");
        question.insert("sec-fetch-mode", "cors".parse().unwrap());
        question.insert("sec-fetch-dest", "empty".parse().unwrap());
        question.insert(COOKIE, browser.cookie_header().unwrap());
        self.gateway.ask(question).await.status
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.path);
    }
}

/// Returns the six unencrypted bytes at the start of a value: version, number of parts and key ID.
fn head(value: &str) -> String {
    value[..8].to_owned()
}

fn head_of(browser: &Browser) -> String {
    head(browser.cookie("foregate").unwrap())
}

#[tokio::test]
async fn new_first_key_seals_new_sessions_and_ends_no_session() {
    let scene = Scene::new("in-front").await;
    let before = scene.signed_in_browser().await;
    let load = async {
        loop {
            let answers = join_all((0..20).map(|_| scene.gateway.ask_as(&before, "/"))).await;
            assert!(answers.iter().all(|answer| answer.status == 200), "a session ended");
        }
    };
    tokio::select! {
        () = scene.rotate() => {}
        () = load => {}
    }
    let after = scene.signed_in_browser().await;
    assert_eq!(scene.gateway.ask_as(&before, "/").await.status, 200);
    assert!(scene.opens_by(NEW, &after).await && !scene.opens_by(OLD, &after).await);
    assert!(scene.opens_by(OLD, &before).await && !scene.opens_by(NEW, &before).await);
}

#[tokio::test]
async fn removed_key_ends_its_sessions_and_no_others() {
    let scene = Scene::new("away").await;
    let before = scene.signed_in_browser().await;
    scene.rotate().await;
    let after = scene.signed_in_browser().await;
    scene.write(NEW);
    let refused = async || scene.gateway.ask_as(&before, "/").await.status == 302;
    until("sessions under the removed key end", refused).await;
    assert_eq!((scene.script(&before).await, scene.script(&after).await), (401, 200));
    assert_eq!(scene.gateway.ask_as(&after, "/").await.status, 200);
}

#[tokio::test]
async fn sign_in_that_began_under_the_old_key_succeeds_under_the_new_key() {
    let scene = Scene::new("between").await;
    let mut browser = Browser::new();
    let form = browser.open(&scene.gateway.url("/oauth2/start?rd=/")).await;
    scene.rotate().await;
    browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(scene.gateway.ask_as(&browser, "/").await.status, 200);
    assert_eq!(head_of(&browser), scene.current_head().await);
}

#[tokio::test]
async fn refresh_seals_an_old_session_with_the_new_key() {
    let scene = Scene::new("refresh").await;
    let mut browser = scene.signed_in_browser().await;
    let old = head_of(&browser);
    scene.rotate().await;
    assert_eq!(head_of(&browser), old);
    scene.provider.clock.advance(Settings::default().access_token_life);
    let page = scene.gateway.ask_as(&browser, "/").await;
    browser.go(page.header("location").unwrap()).await;
    assert_eq!(head_of(&browser), scene.current_head().await);
    assert_eq!(scene.gateway.ask_as(&browser, "/").await.status, 200);
    assert!(scene.opens_by(NEW, &browser).await && !scene.opens_by(OLD, &browser).await);
    assert_eq!((scene.provider.observed().refresh, scene.provider.observed().login), (1, 1));
}

#[tokio::test]
async fn unusable_key_file_changes_nothing_until_a_valid_one_replaces_it() {
    let scene = Scene::new("broken").await;
    let (before, current_head) = (scene.signed_in_browser().await, scene.current_head().await);
    for text in ["", NEW.split_at(20).0, PASSPHRASE] {
        scene.write(text);
        // A sleep, because no condition shows that the file was read without effect. The assertions also hold if it was
        // not read.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(scene.gateway.ask_as(&before, "/").await.status, 200, "{text:?}");
        assert_eq!(scene.current_head().await, current_head, "{text:?}");
    }
    scene.rotate().await;
    assert_eq!(scene.gateway.ask_as(&before, "/").await.status, 200);
}
