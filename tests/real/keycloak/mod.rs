//! Does all of it hold with the provider that most will have?

mod backchannel;
mod client;
mod ended;
mod identity;
mod keys;
mod no_refresh_token;
mod sign_in;
mod sign_out;

use serde_json::Value;

use crate::harness::{Aliases, Chromium, Place, Realm, Registration, Seen, Stage};

/// The documented realm, the gateway, Traefik and the application.
async fn open() -> Stage<Realm> {
    open_with(|_| {}, "").await
}

/// With a change to the realm, and more sections in the gateway's file.
async fn open_with(change: impl FnOnce(&mut Value), sections: &str) -> Stage<Realm> {
    let more = |registration: &mut Registration| sections.clone_into(&mut registration.more);
    registered(change, more).await
}

/// With a change to the realm, and another to what the gateway is told of it.
async fn registered(change: impl FnOnce(&mut Value), told: impl FnOnce(&mut Registration)) -> Stage<Realm> {
    let place = Place::new();
    let realm = Realm::new(&place.origin, change).await;
    let mut registration = realm.registration();
    told(&mut registration);
    Stage::raise(place, realm, &registration, Aliases::Documented).await
}

/// Sends Keycloak's form; what comes next is for the caller to wait for.
async fn type_in(browser: &Chromium, user: &str, password: &str) {
    browser.type_into("#username", user).await;
    browser.type_into("#password", password).await;
    browser.click("#kc-login").await;
}

/// What the application's page says that it received.
async fn shown(browser: &Chromium) -> Seen {
    serde_json::from_str(&browser.text("#echo").await).unwrap()
}
