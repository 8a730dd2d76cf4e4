//! Django OAuth Toolkit: refresh tokens without `offline_access`, rotation without a grace period, consent

use http::StatusCode;

use super::provider_command;
use super::site::{FITS, Identity, LONG, Page, Place, Provider, SHORT, start_provider};
use crate::harness::{Program, TestClient, free_addresses, repository};

/// Claims of the ID token in addition to those of the toolkit.
#[derive(PartialEq)]
enum Claims {
    None,
    OfTheApplication,
}

struct Django {
    issuer: String,
    _program: Program,
}

/// The primary key of the user, which is `sub`.
const SUBJECT: &str = "730153";

impl Django {
    async fn start(place: &Place, claims: Claims, lifetime: u64) -> Self {
        let [address] = free_addresses();
        let issuer = format!("http://{address}/o");
        let mut command = provider_command("python/bin/python3");
        command.arg(repository().join("tests/real/idp/django_provider.py"));
        command.args([address.port().to_string(), place.origin.clone(), lifetime.to_string()]);
        command.arg(place.scratch.path().join("django.sqlite"));
        if claims == Claims::OfTheApplication {
            command.arg("--claims");
        }
        let program = start_provider("django", &mut command, &issuer, &place.scratch).await;
        Self { issuer, _program: program }
    }

    /// Submits the sign-in page. Returns the page that asks for consent.
    async fn submit_password(&self, client: &mut TestClient, page: &Page) -> Page {
        let page = client.submit_form(page, &[("username", "testuser"), ("password", "testuser")]).await;
        assert!(page.1.body.contains("name=\"allow\""), "no consent page at {}: {}", page.0, page.1.body);
        page
    }
}

impl Provider for Django {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn sign_in(&self, client: &mut TestClient, page: Page) -> Page {
        let consent = self.submit_password(client, &page).await;
        client.submit_form(&consent, &[("allow", "Authorize")]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn template_signs_in_and_sign_out_ends_the_provider_session() {
    let place = Place::new();
    let provider = Django::start(&place, Claims::None, LONG).await;
    let site = place.open_with_template(provider, "django", &[]).await;

    assert_eq!(site.check_online(), FITS);
    let mut client = site.signed_in_client().await;

    site.assert_identity(&client, &Identity { user: SUBJECT, groups: "", email: "" }).await;
    let question = site.sign_out(&mut client).await;
    let end = client.submit_form(&question, &[("allow", "Logout")]).await;
    site.assert_signed_out(&mut client, &end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_sign_in_once_the_application_adds_claims() {
    let place = Place::new();
    let provider = Django::start(&place, Claims::OfTheApplication, LONG).await;
    let policy = ["policies.default.allowed_groups=dev"];
    let site = place.open_with_defaults(provider, &policy).await;

    let client = site.signed_in_client().await;

    let email = "testuser@example.test";
    site.assert_identity(&client, &Identity { user: "testuser", groups: "dev,ops", email }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_without_claims_log_the_setting_to_change() {
    let place = Place::new();
    let provider = Django::start(&place, Claims::None, LONG).await;
    let mut site = place.open_with_defaults(provider, &[]).await;

    site.assert_log_names_setting("claims.user", &["sub", "provider.userinfo"], &[SUBJECT]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_client_secret_is_logged_without_the_secret() {
    let place = Place::new();
    let provider = Django::start(&place, Claims::OfTheApplication, LONG).await;
    let mut site = place.open_with_defaults(provider, &["provider.client_secret=a-wrong-secret"]).await;

    site.assert_log_names_setting("client_secret", &["invalid_client"], &["a-wrong-secret"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_polls_never_fail_while_refresh_tokens_rotate() {
    let place = Place::new();
    let provider = Django::start(&place, Claims::None, SHORT).await;
    let mut site = place.open_with_template(provider, "django", &[]).await;

    site.poll_through_renewals(SUBJECT, 3, async |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_consent_creates_no_session() {
    let place = Place::new();
    let provider = Django::start(&place, Claims::None, LONG).await;
    let mut site = place.open_with_template(provider, "django", &[]).await;
    let (mut client, page) = site.open_sign_in_page().await;

    let consent = site.provider.submit_password(&mut client, &page).await;
    let end = client.submit_form(&consent, &[]).await;

    site.assert_denied(&client, &end).await;
    assert_eq!(end.1.status, StatusCode::FORBIDDEN);
}
