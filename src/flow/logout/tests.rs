use super::*;
use crate::access::decision::{Credential, Outage};
use crate::access::identity::IdentityRef;
use crate::flow::ports::{Session, UnixTime};

const ENDPOINT: &str = "https://op.test/logout?tenant=1";

fn request(state: Option<&str>, token: Option<&str>) -> Url {
    let origin = Origin::parse("https://app.test").unwrap();
    let token = token.map(TokenText::Whole);
    logout_request(Url::parse(ENDPOINT).unwrap(), "fore gate", &origin, state, token.as_ref())
}

fn names(url: &Url) -> Vec<String> {
    url.query_pairs().skip(1).map(|(name, _)| name.into_owned()).collect()
}

#[test]
fn the_provider_is_told_whose_session_and_where_to_send_them_back() {
    let url = request(Some("a-state"), Some("a.b.c"));
    assert_eq!(
        url.as_str(),
        "https://op.test/logout?tenant=1&client_id=fore+gate\
         &post_logout_redirect_uri=https%3A%2F%2Fapp.test%2Foauth2%2Fsigned_out&state=a-state&id_token_hint=a.b.c"
    );
}

#[test]
fn without_randomness_there_is_no_state_and_all_the_rest() {
    let url = request(None, Some("a.b.c"));
    assert_eq!(names(&url), ["client_id", "post_logout_redirect_uri", "id_token_hint"]);
}

#[test]
fn a_hint_is_sent_as_long_as_the_url_stays_within_its_bound() {
    let length = |hint: usize| request(Some("a-state"), Some(&"x".repeat(hint))).as_str().len();
    let around = length(1) - 1;
    assert_eq!(length(MOST_URL - around), MOST_URL);
    assert!(length(MOST_URL - around + 1) < around, "one more is left out");
    let without = request(Some("a-state"), Some(&"x".repeat(MOST_URL)));
    assert_eq!(names(&without), ["client_id", "post_logout_redirect_uri", "state"]);
}

#[test]
fn a_session_is_named_by_its_token_and_one_that_is_over_by_nothing() {
    let person = IdentityRef { subject: "1", user: "alice", email: "", groups: "" };
    let credential = Credential { person, id_token: TokenText::Whole("a.b.c"), policies: None };
    let session = Session { credential, signed_in_at: UnixTime(0), ends_at: UnixTime(9), due: None };
    let opened = Opened::Session(session);
    assert!(matches!(whose(&opened), Whose::Of(TokenText::Whole("a.b.c"))));
    assert!(matches!(whose(&Opened::Absent(Absence::Expired)), Whose::Somebodys));
    assert!(matches!(whose(&Opened::Unknown(Outage::SessionStore)), Whose::Somebodys));
}

#[test]
fn whoever_was_not_signed_in_goes_nowhere() {
    for absence in [Absence::NoCookie, Absence::Refused, Absence::Ended] {
        assert!(matches!(whose(&Opened::Absent(absence)), Whose::Nobodys), "{absence:?}");
    }
}
