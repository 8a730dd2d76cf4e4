use std::sync::Mutex;

use futures_util::future::BoxFuture;

use super::*;
use crate::access::decision::{Credential, Outage};
use crate::access::identity::{Identity, IdentityRef};
use crate::access::policy::Answers;
use crate::access::return_to::ReturnTo;
use crate::flow::circle::{Landed, Reloads};
use crate::flow::ports::{
    AuthenticationRequest, BeginError, CodeExchange, ExchangeError, GivenBack, LoginTransaction, LogoutToken,
    LogoutTokenError, NewSession, NoEntropy, Opening, ProviderState, ProviderUnavailable, RefreshError,
    RefreshRequest, Refreshed, Renewable, Renewed, Session, SignedIn, TooManyEnded, UnixTime, Whom,
    WrongIssuer,
};

const ENDPOINT: &str = "https://op.test/logout?tenant=1";

/// Every port at once: what a request carries, and what was done, in order.
struct World {
    carried: Result<String, Absence>,
    endpoint: Option<Url>,
    no_entropy: bool,
    done: Mutex<Vec<&'static str>>,
}

fn set(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}

impl SessionStore for World {
    fn open<'w>(&self, workspace: &'w mut Workspace, _: Shown<'_>) -> Opening<'w> {
        let opening = |opened| Opening { opened, other_cookies: Vec::new(), deliver: None };
        let token = match &self.carried {
            Ok(token) => token,
            Err(absence) => return opening(Opened::Absent(*absence)),
        };
        let buffer = workspace.places().large;
        buffer.extend_from_slice(token.as_bytes());
        let person = IdentityRef { subject: "sub-1", user: "alice", email: "", groups: "" };
        let id_token = TokenText::Whole(std::str::from_utf8(buffer).unwrap());
        let credential = Credential { person, id_token, policies: None };
        let (signed_in_at, ends_at) = (UnixTime(0), UnixTime(9));
        opening(Opened::Session(Session { credential, signed_in_at, ends_at, due: None }))
    }

    fn take_turn(&self, _: &Renewable, _: UnixTime) -> bool {
        panic!("not asked here")
    }

    fn renew(
        &self,
        _: &Renewable,
        _: &Refreshed,
        _: Option<(&Identity, Answers)>,
        _: UnixTime,
    ) -> Result<Renewed, BeginError> {
        panic!("not asked here")
    }

    fn give_back(&self, _: &Renewable, _: GivenBack) {
        panic!("not asked here")
    }

    fn give_up(&self, _: &Renewable) {
        panic!("not asked here")
    }

    fn end_by(&self, _: &Whom, _: UnixTime) -> Result<(), TooManyEnded> {
        panic!("not asked here")
    }

    fn begin(
        &self,
        _: &NewSession<'_>,
        _: &HeaderMap,
        _: &Origin,
        _: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError> {
        panic!("not asked here")
    }

    fn reloads(&self, _: &HeaderMap, _: &Origin) -> Option<Reloads> {
        panic!("not asked here")
    }

    fn count_reload(&self, _: Reloads, _: &Origin) -> Option<HeaderValue> {
        panic!("not asked here")
    }

    fn end(&self, _: &HeaderMap, _: &Origin, _: UnixTime) -> Vec<HeaderValue> {
        self.done.lock().unwrap().push("ended");
        vec![set("session=; Max-Age=0")]
    }
}

impl LoginStore for World {
    fn keep(
        &self,
        _: &LoginTransaction,
        _: &HeaderMap,
        _: &Origin,
        _: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy> {
        panic!("not asked here")
    }

    fn take(&self, _: &str, _: &HeaderMap, _: &Origin, _: UnixTime) -> Option<LoginTransaction> {
        panic!("not asked here")
    }

    fn forget(&self, _: &str, _: &Origin) -> Option<HeaderValue> {
        panic!("not asked here")
    }

    fn landed(&self, _: &HeaderMap, _: &Origin, _: &ReturnTo) -> Option<Landed> {
        panic!("not asked here")
    }

    fn land(&self, _: u8, _: &ReturnTo, _: &Origin) -> Option<HeaderValue> {
        panic!("not asked here")
    }

    fn take_off(&self, _: &HeaderMap, _: &Origin) -> Option<HeaderValue> {
        None
    }
}

impl LandingStore for World {
    fn keep(&self, state: &str, _: &Origin) -> Option<HeaderValue> {
        Some(set(&format!("state={state}")))
    }

    fn land(&self, _: &str, _: &HeaderMap, _: &Origin) -> Option<HeaderValue> {
        panic!("not asked here")
    }
}

impl Clock for World {
    fn now(&self) -> UnixTime {
        UnixTime(1)
    }
}

impl Entropy for World {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        buffer.fill(7);
        if self.no_entropy { Err(NoEntropy) } else { Ok(()) }
    }
}

impl IdentityProvider for World {
    fn authentication_url(&self, _: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        panic!("not asked here")
    }

    fn check_response_issuer(&self, _: Option<&str>) -> Result<(), WrongIssuer> {
        panic!("not asked here")
    }

    fn exchange<'a>(&'a self, _: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        panic!("not asked here")
    }

    fn refresh<'a>(&'a self, _: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        panic!("not asked here")
    }

    fn revoke<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        panic!("not asked here")
    }

    fn logout_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        panic!("not asked here")
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        self.done.lock().unwrap().push("asked where to go");
        self.endpoint.clone()
    }

    fn state(&self) -> ProviderState {
        panic!("not asked here")
    }
}

fn world(carried: Result<&str, Absence>) -> World {
    World {
        carried: carried.map(str::to_owned),
        endpoint: Some(Url::parse(ENDPOINT).unwrap()),
        no_entropy: false,
        done: Mutex::default(),
    }
}

fn sign_out(world: &Arc<World>) -> SignedOut {
    let at_provider = ProviderLogout {
        provider: Arc::clone(world) as Arc<dyn IdentityProvider>,
        client_id: "fore gate".to_owned(),
        entropy: Arc::clone(world) as Arc<dyn Entropy>,
    };
    let logout = Logout {
        sessions: Arc::clone(world) as Arc<dyn SessionStore>,
        logins: Arc::clone(world) as Arc<dyn LoginStore>,
        landings: Arc::clone(world) as Arc<dyn LandingStore>,
        clock: Arc::clone(world) as Arc<dyn Clock>,
        at_provider: Some(at_provider),
    };
    logout.sign_out(&Origin::parse("https://app.test").unwrap(), &HeaderMap::new())
}

fn parameters(signed_out: &SignedOut) -> Vec<(String, String)> {
    let url = Url::parse(signed_out.onward.as_ref().unwrap().expose()).unwrap();
    assert!(url.as_str().starts_with(ENDPOINT), "{url}");
    url.query_pairs().skip(1).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn names(signed_out: &SignedOut) -> Vec<String> {
    parameters(signed_out).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn our_session_ends_before_the_provider_is_thought_of() {
    let world = Arc::new(world(Ok("a.b.c")));
    let signed_out = sign_out(&world);
    assert_eq!(*world.done.lock().unwrap(), ["ended", "asked where to go"]);
    assert_eq!(signed_out.subject.as_deref(), Some("sub-1"));
    assert_eq!(signed_out.cookies[0], "session=; Max-Age=0");
}

#[test]
fn the_provider_is_told_whose_session_and_where_to_send_them_back() {
    let signed_out = sign_out(&Arc::new(world(Ok("a.b.c"))));
    let found = parameters(&signed_out);
    let state = &found[2].1;
    assert_eq!(state.len(), 43);
    let expected = [
        ("client_id", "fore gate"),
        ("post_logout_redirect_uri", "https://app.test/oauth2/signed_out"),
        ("state", state),
        ("id_token_hint", "a.b.c"),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(signed_out.cookies[1], format!("state={state}"));
}

#[test]
fn an_expired_session_is_ended_there_without_a_hint() {
    for carried in [Err(Absence::Expired), Ok("x".repeat(6000))] {
        let signed_out = sign_out(&Arc::new(world(carried.as_deref().map_err(|absence| *absence))));
        assert_eq!(names(&signed_out), ["client_id", "post_logout_redirect_uri", "state"]);
    }
}

#[test]
fn a_hint_is_sent_as_long_as_the_url_stays_within_its_bound() {
    let length = |hint: usize| {
        let signed_out = sign_out(&Arc::new(world(Ok(&"x".repeat(hint)))));
        signed_out.onward.unwrap().expose().len()
    };
    let around = length(1) - 1;
    assert_eq!(length(MOST_URL - around), MOST_URL);
    assert!(length(MOST_URL - around + 1) < around);
}

#[test]
fn whoever_was_not_signed_in_goes_nowhere() {
    for absence in [Absence::NoCookie, Absence::Refused] {
        let signed_out = sign_out(&Arc::new(world(Err(absence))));
        assert!(signed_out.onward.is_none() && signed_out.subject.is_none(), "{absence:?}");
        assert_eq!(signed_out.cookies.len(), 1, "the cookie goes all the same");
    }
}

#[test]
fn a_provider_that_ends_no_sessions_is_not_gone_to() {
    let world = World { endpoint: None, ..world(Ok("a.b.c")) };
    let signed_out = sign_out(&Arc::new(world));
    assert!(signed_out.onward.is_none());
    assert_eq!(signed_out.cookies.len(), 1);
}

#[test]
fn without_randomness_one_is_signed_out_all_the_same() {
    let world = World { no_entropy: true, ..world(Ok("a.b.c")) };
    let signed_out = sign_out(&Arc::new(world));
    assert_eq!(names(&signed_out), ["client_id", "post_logout_redirect_uri", "id_token_hint"]);
    assert_eq!(signed_out.cookies.len(), 1);
}

#[test]
fn a_store_that_cannot_tell_does_not_keep_anybody_here() {
    let opened = Opened::Unknown(Outage::SessionStore);
    let world = Arc::new(world(Ok("a.b.c")));
    let at_provider = ProviderLogout {
        provider: Arc::clone(&world) as Arc<dyn IdentityProvider>,
        client_id: "me".to_owned(),
        entropy: Arc::clone(&world) as Arc<dyn Entropy>,
    };
    let (url, _) = at_provider.leave(&Origin::parse("https://app.test").unwrap(), &opened).unwrap();
    assert!(!url.expose().contains(HINT));
}
