//! Keycloak with its template, which has no setting of its own

use super::site::{FITS, Identity, Page, Place, Provider};
use crate::harness::{Realm, TestClient};

/// A realm and its issuer.
struct Keycloak {
    issuer: String,
    _realm: Realm,
}

impl Keycloak {
    async fn start(place: &Place) -> Self {
        let realm = Realm::new(&place.origin, |_| {}).await;
        Self { issuer: realm.issuer(), _realm: realm }
    }
}

impl Provider for Keycloak {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn sign_in(&self, client: &mut TestClient, page: Page) -> Page {
        client.submit_form(&page, &[("username", "testuser"), ("password", "testuser")]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn template_signs_in_and_sign_out_ends_the_provider_session() {
    let place = Place::new();
    let provider = Keycloak::start(&place).await;
    let site =
        place.open_with_template(provider, "keycloak", &["policies.default.allowed_groups=/dev"]).await;

    assert_eq!(site.check_online(), FITS);
    let mut client = site.signed_in_client().await;

    let email = "testuser@example.test";
    site.assert_identity(&client, &Identity { user: "testuser", groups: "/dev,/ops", email }).await;
    let end = site.sign_out(&mut client).await;
    site.assert_signed_out(&mut client, &end).await;
}
