//! Does it work where browsers and the gateway know Keycloak by different addresses?

use super::{shown, type_in};
use crate::harness::{Aliases, Place, Realm, Registration, Stage};

/// A name that browsers find on this machine by themselves (RFC 6761 §6.3).
const PUBLIC: &str = "login.localhost";

#[tokio::test(flavor = "multi_thread")]
async fn browsers_meet_the_public_name_while_the_gateway_asks_the_inner_address() {
    let place = Place::new();
    let realm = Realm::new(&place.origin, |_| {}).await;
    let inner = realm.issuer();
    let issuer = realm.known_as(PUBLIC).await;
    let mut registration = Registration::at(&issuer, "/dev");
    registration.provider.push_str(&format!("backchannel_url = \"{inner}\"\n"));
    let stage = Stage::raise(place, realm, &registration, Aliases::Documented).await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/work?a=b")).await;
    assert_eq!(browser.url().await.host_str(), Some(PUBLIC));
    type_in(&browser, "alice", "alice").await;

    let seen = shown(&browser).await;
    assert_eq!((seen.target.as_str(), seen.one("x-forwarded-user")), ("/work?a=b", "alice"));
}
