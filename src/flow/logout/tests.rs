use std::sync::atomic::Ordering;

use super::*;
use crate::flow::testing::{Fakes, origin};

/// A gateway whose browsers have that time to come back from the provider.
fn gateway(time: Duration) -> (Fakes, Arc<Logout>) {
    let fakes = Fakes::new();
    fakes.provider.has_end_session_endpoint.store(true, Ordering::Relaxed);
    fakes.sessions.ends_with_tokens.store(true, Ordering::Relaxed);
    let at_provider = ProviderLogout {
        provider: Arc::clone(&fakes.provider) as _,
        client_id: "foregate".to_owned(),
        entropy: Arc::clone(&fakes.entropy) as _,
    };
    let logout = Logout {
        sessions: Arc::clone(&fakes.sessions) as _,
        markers: Arc::clone(&fakes.markers) as _,
        clock: Arc::clone(&fakes.clock) as _,
        at_provider: Some(at_provider),
        leaving: Leaving::new(time),
    };
    (fakes, Arc::new(logout))
}

/// Signs out by the application. Returns the URL of the next page of ours.
async fn sign_out(logout: &Arc<Logout>, is_page_origin: bool) -> Option<String> {
    let headers = HeaderMap::new();
    let (_, subject) =
        logout.sign_out_of_application(&origin(), &headers, is_page_origin).await.ok().unwrap();
    assert_eq!(subject.as_deref(), Some("1"));
    logout.leaving_url(&headers, &origin()).map(|url| url.expose().to_owned())
}

async fn until_ended_at_provider(fakes: &Fakes) {
    let ended = async {
        while fakes.calls.count("end session refresh") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();
}

#[tokio::test]
async fn browser_that_comes_back_in_time_ends_the_session_at_the_provider_itself() {
    let (fakes, logout) = gateway(Duration::from_millis(1));
    let url = sign_out(&logout, true).await.unwrap();
    assert!(url.contains("id_token_hint=a.b.c"), "{url}");
    let headers = HeaderMap::new();
    assert!(logout.leaving_url(&headers, &origin()).is_some(), "the browser aborted the first navigation");
    assert!(logout.finish_sign_out("another", &headers, &origin()).is_none());
    assert!(logout.leaving_url(&headers, &origin()).is_some());
    assert!(logout.leaving_url(&headers, &origin()).is_none(), "the provider may not redirect back at all");
    let state = fakes.markers.sign_out.get();
    assert!(logout.finish_sign_out(state.as_deref().unwrap(), &headers, &origin()).is_some());
    logout.end_at_provider(state, Some(Secret::new("refresh"))).await;
    assert_eq!(fakes.calls.count("end session"), 0);
}

#[tokio::test]
async fn session_of_a_browser_that_stays_away_ends_at_the_provider_without_it() {
    let (fakes, logout) = gateway(Duration::from_millis(1));
    let headers = HeaderMap::new();
    assert!(logout.sign_out_of_application(&origin(), &headers, true).await.is_ok());
    until_ended_at_provider(&fakes).await;
    assert!(logout.leaving_url(&headers, &origin()).is_none(), "it is too late");
}

#[tokio::test]
async fn provider_is_asked_at_once_if_our_pages_are_on_another_host() {
    let (fakes, logout) = gateway(Duration::MAX);
    assert_eq!(sign_out(&logout, false).await, None);
    until_ended_at_provider(&fakes).await;
}

const ENDPOINT: &str = "https://op.test/logout?tenant=1";

fn request(state: Option<&str>, token: &str) -> Url {
    let origin = Origin::parse("https://app.test").unwrap();
    logout_request(Url::parse(ENDPOINT).unwrap(), "fore gate", &origin, state, token)
}

fn names(url: &Url) -> Vec<String> {
    url.query_pairs().skip(1).map(|(name, _)| name.into_owned()).collect()
}

#[test]
fn logout_request_names_the_session_and_the_return_url() {
    let url = request(Some("a-state"), "a.b.c");
    assert_eq!(
        url.as_str(),
        "https://op.test/logout?tenant=1&client_id=fore+gate\
         &post_logout_redirect_uri=https%3A%2F%2Fapp.test%2Foauth2%2Fsigned_out&state=a-state&id_token_hint=a.b.c"
    );
}

#[test]
fn parameter_of_the_configured_endpoint_is_not_sent_twice() {
    let endpoint = "https://op.test/logout?client_id=mine&logout_uri=https%3A%2F%2Fapp.test%2F";
    let origin = Origin::parse("https://app.test").unwrap();
    let url = logout_request(Url::parse(endpoint).unwrap(), "foregate", &origin, Some("a-state"), "a.b.c");
    let sent: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let expected = ["client_id", "logout_uri", "post_logout_redirect_uri", "state", "id_token_hint"];
    assert_eq!(sent, expected);
    assert!(url.as_str().starts_with(endpoint));
}

#[test]
fn logout_request_without_random_bytes_omits_only_the_state() {
    let url = request(None, "a.b.c");
    assert_eq!(names(&url), ["client_id", "post_logout_redirect_uri", "id_token_hint"]);
}

#[test]
fn id_token_hint_is_omitted_if_the_url_exceeds_its_limit() {
    let length = |hint: usize| request(Some("a-state"), &"x".repeat(hint)).as_str().len();
    let length_without_hint = length(1) - 1;
    assert_eq!(length(MAX_URL_BYTES - length_without_hint), MAX_URL_BYTES);
    assert!(
        length(MAX_URL_BYTES - length_without_hint + 1) < length_without_hint,
        "a longer hint is omitted"
    );
    let without = request(Some("a-state"), &"x".repeat(MAX_URL_BYTES));
    assert_eq!(names(&without), ["client_id", "post_logout_redirect_uri", "state"]);
}

#[test]
fn logout_request_of_a_session_without_id_token_has_no_hint() {
    let url = request(Some("a-state"), "");
    assert_eq!(names(&url), ["client_id", "post_logout_redirect_uri", "state"]);
}
