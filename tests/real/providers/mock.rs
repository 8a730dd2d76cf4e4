//! oidc-provider-mock: no `email_verified`, refreshes without a new ID token, a denial without `state`

use super::provider_command;
use super::site::{Identity, LONG, Page, Place, Provider, SHORT, start_provider};
use crate::harness::{Program, TestClient, free_addresses};

struct Mock {
    issuer: String,
    _program: Program,
}

const ACCOUNT: &str = r#"{"sub":"testuser","email":"testuser@example.test","groups":["dev","ops"]}"#;
/// The settings that this provider needs. It is for tests only, so it has no template.
const SETTINGS: [&str; 2] = ["claims.user=sub", "policies.default.allowed_groups=dev"];

impl Mock {
    async fn start(place: &Place, lifetime: u64) -> Self {
        let [address] = free_addresses();
        let issuer = format!("http://{address}");
        let mut command = provider_command("python/bin/oidc-provider-mock");
        command.args(["--port", &address.port().to_string(), "--user-claims", ACCOUNT]);
        command.args(["--token-max-age", &lifetime.to_string()]);
        let program = start_provider("oidc-provider-mock", &mut command, &issuer, &place.scratch).await;
        Self { issuer, _program: program }
    }
}

impl Provider for Mock {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn sign_in(&self, client: &mut TestClient, page: Page) -> Page {
        client.submit_form(&page, &[("sub", "testuser")]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unverified_email_does_not_reach_the_application() {
    let place = Place::new();
    let provider = Mock::start(&place, LONG).await;
    let site = place.open_with_defaults(provider, &SETTINGS).await;

    let mut client = site.signed_in_client().await;

    site.assert_identity(&client, &Identity { user: "testuser", groups: "dev,ops", email: "" }).await;
    let question = site.sign_out(&mut client).await;
    let (at, page) = client.submit_form(&question, &[]).await;
    assert_eq!((at.path(), page.status.as_u16()), ("/oauth2/signed_out", 200), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_log_the_setting_to_change() {
    let place = Place::new();
    let provider = Mock::start(&place, LONG).await;
    let mut site = place.open_with_defaults(provider, &[]).await;

    let values = ["testuser", "example.test"];
    site.assert_log_names_setting("claims.user", &["sub", "email", "groups"], &values).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_id_token_is_not_passed_on_and_polls_continue() {
    let place = Place::new();
    let provider = Mock::start(&place, SHORT).await;
    let more = [&SETTINGS[..], &["provider.leeway=0s"]].concat();
    let mut site = place.open_with_defaults(provider, &more).await;

    // The token of a refresh is valid for days, so there is one renewal.
    site.poll_through_renewals("testuser", 1, async |received| {
        received.value("x-forwarded-id-token").is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_without_state_creates_no_session_and_is_logged() {
    let place = Place::new();
    let provider = Mock::start(&place, LONG).await;
    let mut site = place.open_with_defaults(provider, &SETTINGS).await;
    let (mut client, page) = site.open_sign_in_page().await;

    let end = client.submit_form(&page, &[("action", "deny")]).await;

    site.assert_denied(&client, &end).await;
}
