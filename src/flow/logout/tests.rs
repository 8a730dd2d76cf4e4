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
fn logout_request_names_the_session_and_the_return_url() {
    let url = request(Some("a-state"), "a.b.c");
    assert_eq!(
        url.as_str(),
        "https://op.test/logout?tenant=1&client_id=fore+gate\
         &post_logout_redirect_uri=https%3A%2F%2Fapp.test%2Foauth2%2Fsigned_out&state=a-state&id_token_hint=a.b.c"
    );
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
