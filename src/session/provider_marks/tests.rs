use super::ProviderVerdict::{Ended, InDoubt, Unmarked};
use super::marks::{
    MAX_SIDS, MAX_SIDS_OF_SUBJECT, MAX_SIDS_OF_SUBJECTS, MAX_SUBJECTS, MAX_TOKENS_OF_SUBJECT,
};
use super::*;

const LIFETIME: Duration = Duration::from_secs(100);
/// A time when marks of that lifetime have expired and are swept.
const LATER: u64 = 10_000;

/// The marks, and the number of seconds by which the provider's clock is ahead of ours.
struct Scene(ProviderMarks, i64);

impl Scene {
    fn new() -> Self {
        Self::ahead(0)
    }

    fn ahead(seconds: i64) -> Self {
        Self(ProviderMarks::default(), seconds)
    }

    fn provider_time(&self, at: u64) -> UnixTime {
        UnixTime(at.checked_add_signed(self.1).unwrap())
    }

    /// Adds a new token, issued when it arrives.
    fn add(&self, sid: &str, subject: &str, at: u64) -> LogoutEffect {
        self.replay(&format!("{sid} {subject} {at}"), sid, subject, (at, at))
    }

    /// Adds a token that was issued at one time and arrives at another.
    fn replay(&self, id: &str, sid: &str, subject: &str, (issued, now): (u64, u64)) -> LogoutEffect {
        let subject = (!subject.is_empty()).then(|| subject.to_owned());
        let whom = match (sid, subject) {
            ("", subject) => Whom::Subject(subject.unwrap()),
            (sid, subject) => Whom::Session { sid: sid.to_owned(), subject },
        };
        let (token_id, accepted_until) = (id.to_owned(), UnixTime(issued + 660));
        let token = LogoutToken {
            issuer: IssuerIndex::FIRST,
            token_id,
            issued_at: self.provider_time(issued),
            accepted_until,
            whom,
        };
        self.0.add(&token, UnixTime(now), LIFETIME)
    }

    /// Returns the verdict on a session that began at `began`.
    fn verdict(&self, sid: &str, subject: &str, began: u64) -> ProviderVerdict {
        let (signed_in_at, issued_at) = (UnixTime(began), self.provider_time(began));
        self.0.verdict(ProviderSession { issuer: IssuerIndex::FIRST, sid, subject, signed_in_at, issued_at })
    }
}

#[test]
fn sid_alone_ends_its_session_and_sub_alone_those_that_had_begun() {
    let scene = Scene::new();
    assert_eq!(scene.verdict("s1", "alice", 1), Unmarked);
    scene.add("s1", "", 10);
    assert_eq!(scene.verdict("", "alice", 1), Unmarked, "the token names no user");
    assert_eq!([scene.verdict("s1", "alice", 1), scene.verdict("s1", "alice", 11)], [Ended, Ended]);
    assert_eq!(scene.verdict("s2", "alice", 1), Unmarked);
    scene.add("", "alice", 20);
    assert_eq!([scene.verdict("s2", "alice", 20), scene.verdict("s2", "alice", 21)], [Ended, Unmarked]);
    assert_eq!(scene.verdict("s2", "bob", 1), Unmarked);
}

#[test]
fn token_of_another_issuer_ends_no_session() {
    let session = |sid: &str, subject| Whom::Session { sid: sid.to_owned(), subject };
    for whom in
        [Whom::Subject("alice".to_owned()), session("s1", None), session("s1", Some("alice".to_owned()))]
    {
        let (scene, other_issuer) = (Scene::new(), IssuerIndex(1));
        let (token_id, issued_at, accepted_until) = ("t".to_owned(), UnixTime(10), UnixTime(670));
        scene.0.add(
            &LogoutToken { issuer: other_issuer, token_id, issued_at, accepted_until, whom: whom.clone() },
            UnixTime(10),
            LIFETIME,
        );
        assert_eq!([scene.verdict("s1", "alice", 1), scene.verdict("", "alice", 1)], [Unmarked, Unmarked]);
        let begun = UnixTime(1);
        let theirs = |sid| ProviderSession {
            issuer: other_issuer,
            sid,
            subject: "alice",
            signed_in_at: begun,
            issued_at: begun,
        };
        let verdicts = [scene.0.verdict(theirs("s1")), scene.0.verdict(theirs(""))];
        assert!(verdicts.contains(&Ended), "{whom:?} must end a session of its own issuer");
    }
}

#[test]
fn sid_with_sub_ends_that_session_and_earlier_ones_without_a_sid() {
    let scene = Scene::new();
    scene.add("s1", "alice", 10);
    assert_eq!([scene.verdict("", "alice", 10), scene.verdict("s1", "alice", 11)], [Ended, Ended]);
    assert_eq!(scene.verdict("", "alice", 11), Unmarked, "it began later");
    assert_eq!(scene.verdict("s2", "alice", 10), Unmarked, "it has another sid");
    assert_eq!(scene.verdict("", "bob", 10), Unmarked);
    assert_eq!(scene.verdict("s1", "pairwise", 10), Ended, "a sid matches one session, with any sub");
}

#[test]
fn clocks_that_differ_keep_no_session_alive() {
    for seconds in [-30, -1, 0, 1, 30] {
        let scene = Scene::ahead(seconds);
        scene.add("", "alice", 100);
        assert_eq!([scene.verdict("s1", "alice", 99), scene.verdict("s1", "alice", 100)], [Ended, Ended]);
        assert_eq!(scene.verdict("s1", "alice", 101), Unmarked, "{seconds}");
    }
    // The provider has two nodes, and the clock of the one that signs logout tokens is 5 s behind.
    let scene = Scene::new();
    scene.replay("t", "", "alice", (95, 100));
    assert_eq!(scene.verdict("s1", "alice", 98), Ended);
}

#[test]
fn replayed_token_ends_no_session_that_began_since() {
    for seconds in [-30, 0, 30] {
        let scene = Scene::ahead(seconds);
        for now in [100, 115, 300] {
            scene.replay("t1", "", "alice", (100, now));
            scene.replay("t2", "s1", "bob", (100, now));
            for (sid, subject) in [("s2", "alice"), ("", "bob")] {
                assert_eq!(scene.verdict(sid, subject, 100), Ended);
                assert_eq!(scene.verdict(sid, subject, 110), Unmarked, "{seconds} {now}");
            }
        }
    }
}

#[test]
fn token_beyond_the_remembered_ones_ends_by_its_own_time() {
    let scene = Scene::new();
    for number in 0..MAX_TOKENS_OF_SUBJECT {
        scene.replay(&number.to_string(), "", "alice", (10, 10));
    }
    for now in [20, 40, 60] {
        scene.replay("more", "", "alice", (20, now));
        assert_eq!([scene.verdict("s1", "alice", 20), scene.verdict("s1", "alice", 21)], [Ended, Unmarked]);
    }
}

#[test]
fn flood_of_one_user_is_collapsed_and_touches_no_other_user() {
    let scene = Scene::new();
    for number in 0..200_000 {
        let effect = scene.add(&number.to_string(), "mallory", 10);
        assert_eq!(effect, LogoutEffect::Ended, "{number}");
    }
    let kept = scene.0.read().sids.len();
    assert!(kept <= MAX_SIDS_OF_SUBJECT && scene.0.read().subjects.len() == 1, "{kept}");
    assert_eq!([scene.verdict("0", "mallory", 10), scene.verdict("other", "mallory", 10)], [Ended, Ended]);
    assert_eq!(scene.verdict("other", "mallory", 11), Unmarked, "it began after the flood");
    assert_eq!(scene.verdict("b1", "bob", 1), Unmarked, "the flood ends no other user's session");
    assert_eq!(scene.add("b1", "bob", 11), LogoutEffect::Ended);
    assert_eq!(scene.verdict("b1", "bob", 1), Ended, "the flood keeps no other session alive");
    assert_eq!(scene.verdict("b2", "bob", 1), Unmarked);
    scene.add("alone", "", 11);
    assert_eq!(scene.verdict("alone", "carol", 1), Ended);
}

#[test]
fn collapse_by_an_older_token_revives_no_session() {
    let scene = Scene::new();
    for number in 0..MAX_SIDS_OF_SUBJECT {
        scene.add(&number.to_string(), "alice", 100);
    }
    scene.replay("late", "one more", "alice", (90, 101));
    for number in 0..MAX_SIDS_OF_SUBJECT {
        assert_eq!(scene.verdict(&number.to_string(), "alice", 95), Ended, "{number}");
    }
    assert_eq!(scene.verdict("one more", "alice", 90), Ended);
}

#[test]
fn sid_without_room_is_in_doubt_until_it_refreshes_and_few_others_are() {
    let scene = Scene::new();
    for number in 0..MAX_SIDS {
        assert_eq!(scene.add(&number.to_string(), "", 10), LogoutEffect::Ended);
    }
    assert_eq!(scene.add("more", "", 11), LogoutEffect::MustRefresh);
    assert_eq!((scene.verdict("more", "alice", 1), scene.0.last_doubt()), (InDoubt(1), 1));
    assert_eq!(scene.verdict("0", "alice", 1), Ended, "no mark is removed for it");
    let in_doubt = |number: &usize| scene.verdict(&format!("x{number}"), "bob", 1) != Unmarked;
    assert!((0..1000).filter(in_doubt).count() < 10, "a rejected mark puts few others in doubt");
    assert_eq!(scene.add("a1", "alice", 11), LogoutEffect::Ended, "tokens with sub have their own limit");
    assert_eq!(scene.add("0", "", 12), LogoutEffect::Ended, "a known mark needs no room");
    assert_eq!(scene.add("more", "", 12), LogoutEffect::MustRefresh);
    assert_eq!(scene.verdict("more", "alice", 1), InDoubt(2));
}

#[test]
fn tokens_that_were_requested_before_a_doubt_do_not_answer_it() {
    let scene = Scene::new();
    let answered = |sid, at| scene.0.answered_by(IssuerIndex::FIRST, sid, "alice", UnixTime(at));
    assert_eq!(answered("more", 1), 0);
    for number in 0..=MAX_SIDS {
        scene.add(&if number == MAX_SIDS { "more".to_owned() } else { number.to_string() }, "", 10);
    }
    assert_eq!([answered("more", 9), answered("more", 10), answered("more", 11)], [0, 0, 1]);
    assert_eq!(answered("another", 9), 1, "the doubt is not about this session");
    let at_another_issuer = scene.0.answered_by(IssuerIndex(1), "more", "alice", UnixTime(9));
    assert_eq!(at_another_issuer, 1, "the doubt is not about a session of this issuer");
}

#[test]
fn users_without_room_are_in_doubt() {
    let scene = Scene::new();
    for number in 0..MAX_SUBJECTS {
        assert_eq!(scene.add("", &number.to_string(), 10), LogoutEffect::Ended);
    }
    assert_eq!(scene.add("", "more", 11), LogoutEffect::MustRefresh);
    assert_eq!([scene.verdict("", "more", 1), scene.verdict("any", "more", 1)], [InDoubt(1), InDoubt(1)]);
    assert_eq!(scene.verdict("", "0", 1), Ended);
}

#[test]
fn sids_of_all_users_together_are_limited() {
    let scene = Scene::new();
    let users = MAX_SIDS_OF_SUBJECTS / MAX_SIDS_OF_SUBJECT;
    for user in 0..=users {
        for sid in 0..MAX_SIDS_OF_SUBJECT {
            scene.add(&format!("{user} {sid}"), &format!("user {user}"), 10);
        }
    }
    assert_eq!(scene.0.read().sids_of_subjects, MAX_SIDS_OF_SUBJECTS);
    assert_eq!(scene.add("a1", "alice", 11), LogoutEffect::MustRefresh);
    assert!(matches!(scene.verdict("a1", "alice", 1), InDoubt(_)));
    assert_eq!(scene.verdict("", "alice", 1), Ended);
    assert_eq!(scene.add("alone", "", 11), LogoutEffect::Ended, "tokens without sub have their own limit");
}

#[test]
fn marks_expire_and_make_room() {
    let scene = Scene::new();
    for number in 0..MAX_SIDS {
        scene.add(&number.to_string(), "", 1);
    }
    scene.add("", "alice", 1);
    scene.add("b1", "bob", 1);
    assert_eq!(scene.add("more", "", 100), LogoutEffect::MustRefresh);
    assert_eq!(scene.add("more", "", LATER), LogoutEffect::Ended);
    assert_eq!(scene.verdict("0", "", 1), Unmarked);
    assert_eq!(scene.verdict("s1", "alice", 1), Unmarked);
    assert_eq!((scene.0.read().sids_of_subjects, scene.0.read().subjects.len()), (0, 0));
    scene.add("after", "", 20);
    assert_eq!(scene.verdict("after", "", 1), Ended, "a clock that was set back does not stop the sweep");
}

#[test]
fn repeated_mark_expires_with_the_last_token() {
    let scene = Scene::new();
    let expires = LIFETIME.as_secs() + SIGN_IN_TIME.as_secs();
    scene.add("s1", "alice", 10);
    scene.add("s1", "alice", 100);
    scene.add("sweep", "", 10 + expires + 1);
    assert_eq!(scene.verdict("s1", "alice", 1), Ended);
    scene.add("sweep", "", 100 + expires + 40);
    assert_eq!(scene.verdict("s1", "alice", 1), Unmarked);
}
