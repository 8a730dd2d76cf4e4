//! Sign-in, identity and sign-out with Keycloak

mod backchannel;
mod client;
mod ended;
mod identity;
mod keys;
mod no_refresh_token;
mod own_sessions;
mod sign_in;
mod sign_out;

use serde_json::Value;

use crate::harness::{Aliases, Chromium, Realm, ReceivedRequest, Registration, Reserved, Setup};

/// Starts the documented realm, the gateway, Traefik and the application.
async fn open() -> Setup<Realm> {
    open_with(|_| {}, "").await
}

/// Like [`open`], with a changed realm and additional sections in the gateway's configuration file.
async fn open_with(change: impl FnOnce(&mut Value), sections: &str) -> Setup<Realm> {
    let more = |registration: &mut Registration| sections.clone_into(&mut registration.more);
    open_registered(change, more).await
}

/// Like [`open`], with a changed realm and changed provider settings of the gateway.
async fn open_registered(
    change: impl FnOnce(&mut Value),
    configure: impl FnOnce(&mut Registration),
) -> Setup<Realm> {
    let reserved = Reserved::new();
    let realm = Realm::new(&reserved.origin, change).await;
    let mut registration = realm.registration();
    configure(&mut registration);
    Setup::with_provider(reserved, realm, &registration, Aliases::Documented).await
}

/// Submits Keycloak's form. The test waits for the next page.
async fn submit_login(browser: &Chromium, user: &str, password: &str) {
    browser.type_into("#username", user).await;
    browser.type_into("#password", password).await;
    browser.click("#kc-login").await;
}

/// Returns the request that the application's page shows.
async fn shown_request(browser: &Chromium) -> ReceivedRequest {
    serde_json::from_str(&browser.text("#echo").await).unwrap()
}
