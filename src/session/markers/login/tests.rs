use aws_lc_rs::rand;
use http::header;

use super::*;

struct System;

impl Entropy for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        rand::fill(buffer).map_err(|_| NoEntropy)
    }
}

fn origin() -> Origin {
    Origin::parse("https://app.test").unwrap()
}

fn store() -> LoginCookies {
    let keys = Arc::new(KeyRing::new(&[[7; 32]]).unwrap());
    LoginCookies::new(keys, Arc::new(System), Origins::new(vec![origin()]), ("https://idp.test", "foregate"))
}

fn transaction(state: &str, path: &str) -> LoginTransaction {
    LoginTransaction {
        issuer: IssuerIndex(7),
        state: state.to_owned(),
        nonce: Secret::new(format!("nonce of {state}")),
        code_verifier: Secret::new("verifier"),
        return_to: ReturnTo::parse(path, &origin(), &Origins::new(vec![])).unwrap(),
    }
}

/// A cookie jar of `name=value` pairs that obeys `Max-Age=0`.
#[derive(Default)]
struct Jar(Vec<String>);

impl Jar {
    fn take(&mut self, cookies: &[HeaderValue]) {
        for cookie in cookies {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let name = pair.split('=').next().unwrap();
            self.0.retain(|kept| !kept.starts_with(&format!("{name}=")));
            if !cookie.to_str().unwrap().contains("Max-Age=0") {
                self.0.push(pair.to_owned());
            }
        }
    }

    fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, self.0.join("; ").parse().unwrap())])
    }

    fn keep(&mut self, state: &str, path: &str, at: u64) {
        let cookies =
            store().keep(&transaction(state, path), &self.headers(), &origin(), UnixTime(at)).unwrap();
        self.take(&cookies);
    }

    fn find(&self, state: &str, at: u64) -> Option<String> {
        let found = store().take(state, &self.headers(), &origin(), UnixTime(at))?;
        assert_eq!(found.issuer, IssuerIndex(7));
        Some(format!("{} {}", found.nonce.expose(), found.return_to.as_str()))
    }
}

#[test]
fn parallel_tabs_find_their_own_transactions() {
    let mut jar = Jar::default();
    for tab in 0..5 {
        jar.keep(&format!("state-{tab}"), &format!("/tab/{tab}"), 100 + tab);
    }
    for tab in 0..5 {
        let expected = format!("nonce of state-{tab} https://app.test/tab/{tab}");
        assert_eq!(jar.find(&format!("state-{tab}"), 110), Some(expected));
    }
}

#[test]
fn sixth_transaction_removes_the_oldest() {
    let mut jar = Jar::default();
    for tab in 0..20 {
        jar.keep(&format!("state-{tab}"), "/", 100 + tab);
        assert!(jar.0.len() <= 5);
    }
    assert_eq!(jar.find("state-14", 121), None);
    assert!(jar.find("state-15", 121).is_some());
}

#[test]
fn transactions_together_stay_below_4_kb() {
    let mut jar = Jar::default();
    for tab in 0..5 {
        jar.keep(&format!("state-{tab}"), &format!("/{}", "a".repeat(1500)), 100 + tab);
        assert!(jar.0.iter().map(String::len).sum::<usize>() <= 4096);
    }
    assert!(jar.find("state-4", 105).is_some());
}

#[test]
fn invalid_cookie_is_removed_before_transactions() {
    let mut jar = Jar(vec!["__Host-foregate-login-x=garbage".to_owned()]);
    for tab in 0..5 {
        jar.keep(&format!("state-{tab}"), "/", 100 + tab);
    }
    assert!(!jar.0.iter().any(|cookie| cookie.contains("garbage")));
    assert!(jar.find("state-0", 105).is_some());
}

#[test]
fn removed_cookies_fit_into_one_response() {
    let mut jar = Jar((0..90).map(|number| format!("__Host-foregate-login-{number}=garbage")).collect());
    for tab in 0..5 {
        let begun = transaction(&format!("state-{tab}"), "/");
        let cookies = store().keep(&begun, &jar.headers(), &origin(), UnixTime(100)).unwrap();
        assert!(cookies.iter().map(|cookie| "set-cookie: \r\n".len() + cookie.len()).sum::<usize>() < 3000);
        jar.take(&cookies);
    }
    assert_eq!(jar.0.len(), 5, "all invalid cookies are removed: {:?}", jar.0);
}

#[test]
fn transaction_expires_after_ten_minutes_and_is_bound_to_origin() {
    let mut jar = Jar::default();
    jar.keep("state", "/", 100);
    assert!(jar.find("state", 699).is_some());
    assert_eq!(jar.find("state", 700), None);
    assert_eq!(jar.find("other", 101), None);
    assert_eq!(jar.find("", 101), None);
    let other_origin = Origin::parse("https://b.test").unwrap();
    assert!(store().take("state", &jar.headers(), &other_origin, UnixTime(101)).is_none());
    jar.take(&[LoginCookies::forget("state", &origin()).unwrap()]);
    assert_eq!(jar.find("state", 101), None);
}

#[test]
fn cookie_of_another_state_is_rejected() {
    let mut jar = Jar::default();
    jar.keep("mine", "/", 100);
    let value = jar.0[0].split_once('=').unwrap().1.to_owned();
    jar.0 = vec![format!("{}={value}", Names::of(&origin()).login(&tag("theirs")))];
    assert_eq!(jar.find("theirs", 101), None);
}

#[test]
fn duplicate_login_cookie_is_rejected() {
    let mut jar = Jar::default();
    jar.keep("state", "/", 100);
    jar.0.push(jar.0[0].clone());
    assert_eq!(jar.find("state", 101), None);
}
