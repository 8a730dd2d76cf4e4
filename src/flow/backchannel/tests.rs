use super::seen::{MOST, MOST_BYTES};
use super::*;

const NOW: UnixTime = UnixTime(1000);
const END: UnixTime = UnixTime(1120);

fn token(token_id: &str) -> LogoutToken {
    LogoutToken { token_id: token_id.to_owned(), issued_at: NOW, expires_at: END, whom: session_of(token_id) }
}

fn session_of(token_id: &str) -> Whom {
    Whom::Session { sid: format!("sid of {token_id}"), subject: None }
}

/// What comes of a token where sessions can be ended, and whether one was tried to be.
fn come(seen: &Mutex<Seen>, token_id: &str, now: u64) -> (Result<Whom, BackchannelError>, usize) {
    let mut ended = 0;
    let result = once(seen, token(token_id), UnixTime(now), |whom| {
        assert_eq!(*whom, session_of(token_id));
        ended += 1;
        Ok(())
    });
    (result, ended)
}

#[test]
fn a_session_that_nobody_has_here_is_over_as_it_should_be() {
    // The store says nothing of whether there was one: that it can be remembered is all.
    let (ended, asked) = come(&Mutex::default(), "a", NOW.0);
    assert_eq!((ended.unwrap(), asked), (session_of("a"), 1));
}

#[test]
fn a_token_counts_once_as_long_as_it_could_be_believed() {
    let seen = Mutex::default();
    come(&seen, "a", NOW.0).0.unwrap();
    let longest_leeway = 5 * 60;
    for now in [NOW.0, END.0, END.0 + longest_leeway] {
        let (again, asked) = come(&seen, "a", now);
        assert!(matches!(again, Err(BackchannelError::Replayed)), "{now}: {again:?}");
        assert_eq!(asked, 0);
    }
    come(&seen, "b", NOW.0).0.unwrap();
}

#[test]
fn where_there_is_no_room_a_token_is_refused_and_none_is_forgotten_for_it() {
    let seen = Mutex::default();
    for number in 0..MOST {
        come(&seen, &number.to_string(), NOW.0).0.unwrap();
    }
    let (one_more, asked) = come(&seen, "one more", NOW.0);
    assert!(matches!(one_more, Err(BackchannelError::TooManyTokens)), "{one_more:?}");
    assert_eq!(asked, 0);
    assert!(matches!(come(&seen, "0", NOW.0).0, Err(BackchannelError::Replayed)));
    come(&seen, "one more", END.0 + 6 * 60).0.unwrap();
}

#[test]
fn a_name_without_end_is_not_kept() {
    let seen = Mutex::default();
    come(&seen, &"a".repeat(MOST_BYTES), NOW.0).0.unwrap();
    let (long, asked) = come(&seen, &"a".repeat(MOST_BYTES + 1), NOW.0);
    assert!(matches!(long, Err(BackchannelError::NotAcceptable(_))), "{long:?}");
    assert_eq!(asked, 0);
}

#[test]
fn a_token_that_ended_nothing_may_come_again() {
    let seen = Mutex::default();
    let refused = once(&seen, token("a"), NOW, |_| Err(TooManyEnded));
    assert!(matches!(refused, Err(BackchannelError::TooManyEnded(_))), "{refused:?}");
    come(&seen, "a", NOW.0).0.unwrap();
}

#[test]
fn an_outage_is_not_taken_for_a_bad_token() {
    let outage = BackchannelError::from(LogoutTokenError::ProviderUnavailable("x".to_owned()));
    assert!(matches!(outage, BackchannelError::ProviderUnavailable(_)));
    let bad = BackchannelError::from(LogoutTokenError::NotAcceptable("x".to_owned()));
    assert!(matches!(bad, BackchannelError::NotAcceptable(_)));
}
