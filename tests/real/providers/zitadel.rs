//! The Go library zitadel/oidc: an issuer with a slash, claims only in userinfo, roles as a map, refresh tokens with
//! `offline_access`

use super::provider_command;
use super::site::{FITS, Identity, LONG, Page, Place, Provider, SHORT, start_provider};
use crate::harness::{Program, TestClient, free_addresses};

struct Zitadel {
    issuer: String,
    _program: Program,
}

impl Zitadel {
    async fn start(place: &Place, lifetime: u64) -> Self {
        let [address] = free_addresses();
        let issuer = format!("http://{address}/");
        let mut command = provider_command("zitadel-op");
        command.args([address.port().to_string(), place.origin.clone(), lifetime.to_string()]);
        let program = start_provider("zitadel-op", &mut command, &issuer, &place.scratch).await;
        Self { issuer, _program: program }
    }
}

impl Provider for Zitadel {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn sign_in(&self, client: &mut TestClient, page: Page) -> Page {
        client.submit_form(&page, &[("username", "testuser"), ("password", "testuser")]).await
    }
}

const POLICY: [&str; 1] = ["policies.default.allowed_groups=dev"];

#[tokio::test(flavor = "multi_thread")]
async fn template_signs_in_and_sign_out_returns_to_the_gateway() {
    let place = Place::new();
    let provider = Zitadel::start(&place, LONG).await;
    let site = place.open_with_template(provider, "zitadel", &POLICY).await;

    assert_eq!(site.check_online(), FITS);
    let mut client = site.signed_in_client().await;

    let email = "testuser@example.test";
    site.assert_identity(&client, &Identity { user: "testuser", groups: "dev,ops", email }).await;
    let end = site.sign_out(&mut client).await;
    site.assert_signed_out(&mut client, &end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_log_the_settings_to_change() {
    let place = Place::new();
    let provider = Zitadel::start(&place, LONG).await;
    let mut site = place.open_with_defaults(provider, &POLICY).await;

    let values = ["testuser", "id-1", "example.test"];
    site.assert_log_names_setting("claims.user", &["sub", "provider.userinfo"], &values).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_polls_never_fail_while_refresh_tokens_rotate() {
    let place = Place::new();
    let provider = Zitadel::start(&place, SHORT).await;
    let mut site = place.open_with_template(provider, "zitadel", &POLICY).await;

    site.poll_through_renewals("testuser", 3, async |_| true).await;
}
