//! Scenarios with Hydra: rotation, refresh tokens with `offline_access`, consent, logout in both directions

use http::StatusCode;

use crate::hydra::Hydra;
use crate::site::{Identity, LONG, Place, SHORT, Site};

const POLICY: [&str; 1] = ["policies.default.allowed_groups=dev"];
const IDENTITY: Identity<'static> =
    Identity { user: "testuser", groups: "dev,ops", email: "testuser@example.test" };

async fn open(lifetime: u64) -> Site<Hydra> {
    let place = Place::new();
    let provider = Hydra::start(&place, lifetime).await;
    place.open_with_template(provider, "hydra", &POLICY).await
}

#[tokio::test(flavor = "multi_thread")]
async fn template_signs_in_and_sign_out_ends_the_provider_session() {
    let site = open(LONG).await;

    // Hydra announces only the claim sub, whatever the consent app adds.
    let check = site.check_online();
    assert!(check.starts_with("warning: claims.user is preferred_username"), "{check}");
    assert_eq!(check.lines().count(), 3, "{check}");
    let mut client = site.signed_in_client().await;

    site.assert_identity(&client, &IDENTITY).await;
    let end = site.sign_out(&mut client).await;
    site.assert_signed_out(&mut client, &end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_sign_in() {
    let place = Place::new();
    let provider = Hydra::start(&place, LONG).await;
    let site = place.open_with_defaults(provider, &POLICY).await;

    let client = site.signed_in_client().await;

    site.assert_identity(&client, &IDENTITY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_log_the_scope_that_refresh_tokens_need() {
    let place = Place::new();
    let provider = Hydra::start(&place, LONG).await;
    let mut site = place.open_with_defaults(provider, &POLICY).await;

    site.signed_in_client().await;

    let log = site.gateway.wait_for_log("offline_access").await;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("offline_access")).collect();
    let [line] = lines.as_slice() else { panic!("expected one line with offline_access: {log}") };
    assert!(line.contains("provider.scopes") && line.contains("WARN"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scope_that_the_client_may_not_request_is_a_mistake_of_the_set_up() {
    let place = Place::new();
    let provider = Hydra::start(&place, LONG).await;
    let mut site = place.open_with_defaults(provider, &["provider.scopes=openid,nonsense"]).await;

    let (client, (at, page)) = site.open_sign_in_page().await;

    assert_eq!((at.path(), page.status), ("/oauth2/callback", StatusCode::FORBIDDEN), "{}", page.body);
    assert!(!client.has_session());
    let log = site.gateway.wait_for_log("invalid_scope").await;
    let line = log.lines().find(|line| line.contains("invalid_scope")).unwrap();
    assert!(line.contains("outcome=\"configuration\"") && line.contains("nonsense"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_polls_never_fail_while_refresh_tokens_rotate() {
    let mut site = open(SHORT).await;

    site.poll_through_renewals("testuser", 3, async |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backchannel_logout_ends_the_session_of_the_old_cookie() {
    let mut site = open(LONG).await;
    let client = site.signed_in_client().await;
    let other = site.signed_in_client().await;
    let [ended, kept] = [site.id_token_claims(&client).await, site.id_token_claims(&other).await];
    assert_ne!(ended["sid"], kept["sid"]);

    site.provider.end_session(ended["sid"].as_str().unwrap()).await;

    site.gateway.wait_for_log("signed out by the provider").await;
    assert_eq!(client.get("/whoami", &[]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(other.get("/whoami", &[]).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_consent_creates_no_session() {
    let mut site = open(LONG).await;
    let (mut client, page) = site.open_sign_in_page().await;

    let consent = site.provider.submit_password(&mut client, &page).await;
    let end = client.submit_form(&consent, &[("answer", "deny")]).await;

    site.assert_denied(&client, &end).await;
}
