use super::ProviderVerdict::{Ended, InDoubtSince, Unmarked};
use super::*;

const LIFETIME: Duration = Duration::from_secs(100);

struct Scene(ProviderMarks);

impl Scene {
    fn new() -> Self {
        Self(ProviderMarks::default())
    }

    fn add(&self, sid: &str, subject: &str, at: u64) -> LogoutEffect {
        self.add_issued(sid, subject, at, at)
    }

    fn add_issued(&self, sid: &str, subject: &str, issued_at: u64, now: u64) -> LogoutEffect {
        let subject = (!subject.is_empty()).then(|| subject.to_owned());
        let whom = match (sid, subject) {
            ("", subject) => Whom::Subject(subject.unwrap()),
            (sid, subject) => Whom::Session { sid: sid.to_owned(), subject },
        };
        self.0.add(&LogoutToken { issued_at: UnixTime(issued_at), whom }, UnixTime(now), LIFETIME)
    }

    fn verdict(&self, sid: &str, subject: &str, issued_at: u64) -> ProviderVerdict {
        self.0.verdict(ProviderSession { sid, subject, issued_at: UnixTime(issued_at) })
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
fn sid_with_sub_ends_that_session_and_earlier_ones_without_a_sid() {
    let scene = Scene::new();
    scene.add("s1", "alice", 10);
    assert_eq!([scene.verdict("", "alice", 10), scene.verdict("s1", "alice", 11)], [Ended, Ended]);
    assert_eq!(scene.verdict("", "alice", 11), Unmarked, "it began later");
    assert_eq!(scene.verdict("s2", "alice", 10), Unmarked, "it has another sid");
    assert_eq!(scene.verdict("", "bob", 10), Unmarked);
}

#[test]
fn replayed_token_ends_nothing_that_began_after_it_was_issued() {
    let scene = Scene::new();
    for now in [10, 50, 90] {
        scene.add_issued("", "alice", 10, now);
        scene.add_issued("s1", "alice", 10, now);
    }
    for sid in ["", "s2"] {
        assert_eq!([scene.verdict(sid, "alice", 10), scene.verdict(sid, "alice", 11)], [Ended, Unmarked]);
    }
    scene.add_issued("", "alice", 500, 60);
    assert_eq!(scene.verdict("s2", "alice", 60), Ended);
    assert_eq!(scene.verdict("s2", "alice", 61), Unmarked, "a time ahead of our clock counts as now");
}

#[test]
fn flood_of_one_user_is_collapsed_and_touches_no_other_user() {
    let scene = Scene::new();
    for number in 0..200_000 {
        let effect = scene.add(&number.to_string(), "mallory", 10);
        assert_eq!(effect, LogoutEffect::Ended, "{number}");
    }
    assert_eq!(scene.0.marks.read().unwrap().subjects.len(), 1);
    assert_eq!([scene.verdict("0", "mallory", 10), scene.verdict("other", "mallory", 10)], [Ended, Ended]);
    assert_eq!(scene.verdict("other", "mallory", 11), Unmarked, "it began after the flood");
    assert_eq!(scene.verdict("b1", "bob", 1), Unmarked, "the flood ends nobody else's session");
    assert_eq!(scene.add("b1", "bob", 11), LogoutEffect::Ended);
    assert_eq!(scene.verdict("b1", "bob", 1), Ended, "nor does it keep one alive");
    assert_eq!(scene.verdict("b2", "bob", 1), Unmarked);
    scene.add("alone", "", 11);
    assert_eq!(scene.verdict("alone", "carol", 1), Ended);
}

#[test]
fn sid_without_room_is_in_doubt_until_it_refreshes_and_few_others_are() {
    let scene = Scene::new();
    for number in 0..MAX_SIDS {
        assert_eq!(scene.add(&number.to_string(), "", 10), LogoutEffect::Ended);
    }
    assert_eq!(scene.add("more", "", 11), LogoutEffect::MustRefresh);
    assert_eq!(scene.verdict("more", "alice", 1), InDoubtSince(UnixTime(11)));
    assert_eq!(scene.verdict("0", "alice", 1), Ended, "no mark is dropped for it");
    let in_doubt = |number: &usize| scene.verdict(&format!("x{number}"), "bob", 1) != Unmarked;
    assert!((0..1000).filter(in_doubt).count() < 10, "a refused mark puts few others in doubt");
    assert_eq!(scene.add("a1", "alice", 11), LogoutEffect::Ended, "tokens with sub have room of their own");
    assert_eq!(scene.add("0", "", 12), LogoutEffect::Ended, "a known mark needs no room");
}

#[test]
fn users_without_room_are_in_doubt() {
    let scene = Scene::new();
    for number in 0..MAX_SUBJECTS {
        assert_eq!(scene.add("", &number.to_string(), 10), LogoutEffect::Ended);
    }
    assert_eq!(scene.add("", "more", 11), LogoutEffect::MustRefresh);
    assert_eq!(scene.verdict("", "more", 1), InDoubtSince(UnixTime(11)));
    assert_eq!(scene.verdict("any", "more", 1), InDoubtSince(UnixTime(11)));
    assert_eq!(scene.verdict("", "0", 1), Ended);
}

#[test]
fn sids_of_all_users_together_have_a_bound() {
    let scene = Scene::new();
    let users = MAX_SIDS_OF_SUBJECTS / MAX_SIDS_OF_SUBJECT;
    for user in 0..=users {
        for sid in 0..MAX_SIDS_OF_SUBJECT {
            scene.add(&format!("{user} {sid}"), &format!("user {user}"), 10);
        }
    }
    assert_eq!(scene.0.marks.read().unwrap().sids_of_subjects, MAX_SIDS_OF_SUBJECTS);
    assert_eq!(scene.add("a1", "alice", 11), LogoutEffect::MustRefresh);
    assert_eq!(scene.verdict("a1", "alice", 1), InDoubtSince(UnixTime(11)));
    assert_eq!(scene.verdict("", "alice", 1), Ended);
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
    assert_eq!(scene.add("more", "", 131), LogoutEffect::Ended);
    assert_eq!(scene.verdict("0", "", 1), Unmarked);
    assert_eq!(scene.verdict("s1", "alice", 1), Unmarked);
    assert_eq!(scene.0.marks.read().unwrap().sids_of_subjects, 0);
    scene.add("after", "", 20);
    assert_eq!(scene.verdict("after", "", 1), Ended, "a clock that was set back does not stop the sweep");
}
