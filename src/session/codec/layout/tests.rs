use super::*;
use proptest::prelude::*;

fn contents() -> Contents<'static> {
    Contents {
        id: [9; 16],
        issuer: 0x0102,
        process: 1,
        generation: 2,
        signed_in_at: 3,
        issued_at: 12,
        sealed_at: 4,
        active_at: 5,
        refresh_at: 6,
        tokens_end_at: 7,
        id_token_ends_at: 8,
        ends_at: 9,
        auth_time: 13,
        policy_generation: 10,
        policies_met: 11,
        subject: "subject",
        user: "user",
        email: "",
        groups: "a,größe",
        sid: "5",
        acr: "2",
        id_token: Packed::Parts([b"head", b"", b"signature"]),
        refresh_token: Some(Packed::Text("opaque")),
    }
}

#[test]
fn written_contents_are_read_back() {
    let without = Contents { refresh_token: None, id_token: Packed::Text("whole"), ..contents() };
    let dropped = Contents { id_token: Packed::NONE, ..contents() };
    for contents in [contents(), without, dropped] {
        assert_eq!(Contents::read(&contents.write().unwrap()), Some(contents));
    }
}

#[test]
fn truncated_or_extended_contents_are_rejected() {
    let bytes = contents().write().unwrap();
    for end in 0..bytes.len() {
        assert_eq!(Contents::read(&bytes[..end]), None, "{end}");
    }
    assert_eq!(Contents::read(&[&bytes[..], b"x"].concat()), None);
}

#[test]
fn text_length_that_splits_a_character_is_rejected() {
    let mut bytes = contents().write().unwrap();
    let lengths = HEAD_LEN - TEXTS * 4;
    let (groups, sid) = (lengths + 3 * 4 + 3, lengths + 4 * 4 + 3);
    assert_eq!((bytes[groups], bytes[sid]), (9, 1));
    (bytes[groups], bytes[sid]) = (5, 5);
    assert_eq!(Contents::read(&bytes), None);
}

#[test]
fn contents_without_id_token_are_rejected() {
    let mut bytes = Contents { refresh_token: None, ..contents() }.write().unwrap();
    let token = bytes.len() - 1 - (3 * 4 + b"headsignature".len()) - 1;
    bytes.truncate(token);
    bytes.extend_from_slice(&[NONE, NONE]);
    assert_eq!(Contents::read(&bytes), None);
}

proptest! {
    #[test]
    fn changed_bytes_do_not_panic_and_are_written_as_they_were_read(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = contents().write().unwrap();
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        if let Some(contents) = Contents::read(&bytes) {
            prop_assert_eq!(contents.write().unwrap(), bytes);
        }
    }
}
