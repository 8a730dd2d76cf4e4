//! Keycloak with different addresses for browsers and for the gateway

use super::{shown_request, submit_login};
use crate::harness::{Aliases, Realm, Registration, Reserved, Setup};

/// A host name that browsers resolve to this machine (RFC 6761 §6.3).
const PUBLIC_HOST: &str = "login.localhost";

#[tokio::test(flavor = "multi_thread")]
async fn browser_uses_the_public_name_and_the_gateway_the_inner_address() {
    let reserved = Reserved::new();
    let realm = Realm::new(&reserved.origin, |_| {}).await;
    let inner = realm.issuer();
    let issuer = realm.set_public_host(PUBLIC_HOST).await;
    let mut registration = Registration::at(&issuer, "/dev");
    registration.provider.push_str(&format!("backchannel_url = \"{inner}\"\n"));
    let setup = Setup::with_provider(reserved, realm, &registration, Aliases::Documented).await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/work?a=b")).await;
    assert_eq!(browser.url().await.host_str(), Some(PUBLIC_HOST));
    submit_login(&browser, "alice", "alice").await;

    let received = shown_request(&browser).await;
    assert_eq!((received.target.as_str(), received.value("x-forwarded-user")), ("/work?a=b", "alice"));
}
