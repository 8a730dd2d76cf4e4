use super::*;

const ENDPOINT: &str = "https://op.test/logout?tenant=1";

fn request(state: Option<&str>, token: &str) -> Url {
    let origin = Origin::parse("https://app.test").unwrap();
    logout_request(Url::parse(ENDPOINT).unwrap(), "fore gate", &origin, state, token)
}

fn names(url: &Url) -> Vec<String> {
    url.query_pairs().skip(1).map(|(name, _)| name.into_owned()).collect()
}

#[test]
fn the_provider_is_told_whose_session_and_where_to_send_them_back() {
    let url = request(Some("a-state"), "a.b.c");
    assert_eq!(
        url.as_str(),
        "https://op.test/logout?tenant=1&client_id=fore+gate\
         &post_logout_redirect_uri=https%3A%2F%2Fapp.test%2Foauth2%2Fsigned_out&state=a-state&id_token_hint=a.b.c"
    );
}

#[test]
fn without_randomness_there_is_no_state_and_all_the_rest() {
    let url = request(None, "a.b.c");
    assert_eq!(names(&url), ["client_id", "post_logout_redirect_uri", "id_token_hint"]);
}

#[test]
fn a_hint_is_sent_as_long_as_the_url_stays_within_its_bound() {
    let length = |hint: usize| request(Some("a-state"), &"x".repeat(hint)).as_str().len();
    let around = length(1) - 1;
    assert_eq!(length(MAX_URL_BYTES - around), MAX_URL_BYTES);
    assert!(length(MAX_URL_BYTES - around + 1) < around, "one more is left out");
    let without = request(Some("a-state"), &"x".repeat(MAX_URL_BYTES));
    assert_eq!(names(&without), ["client_id", "post_logout_redirect_uri", "state"]);
}
