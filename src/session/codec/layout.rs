//! In which bytes is a session written down?
//!
//! 1. Head: id (16 bytes), issuer (2 bytes), and the numbers of [`Contents`] in their order (8 bytes each). All numbers
//!    are big-endian.
//! 2. Then subject, user, email, groups, `sid`, `acr`, ID token, refresh token. A text is its length (4 bytes) and its
//!    bytes; a token is one byte that says how it is kept, and its one or three texts.
//! 3. Nothing follows: left-over bytes are another layout's.
//!
//! By hand, because a check reads it each time: a general format costs three times as much here.

use super::jwt::Packed;

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents<'a> {
    /// New at every sign-in.
    pub id: [u8; 16],
    /// The index of the issuer.
    pub issuer: u16,
    /// Which process sealed it.
    pub process: u64,
    /// How often its tokens were new: 1 at the sign-in.
    pub generation: u64,
    /// When the person signed in, in Unix seconds.
    pub signed_in_at: u64,
    /// `iat` of the first ID token, by the provider's clock.
    pub issued_at: u64,
    /// When it was sealed.
    pub sealed_at: u64,
    /// When the person was last active.
    pub active_at: u64,
    /// From when on the tokens shall be renewed.
    pub refresh_at: u64,
    /// When the tokens end, or the session with them where they cannot be renewed.
    pub tokens_end_at: u64,
    /// When the ID token ends.
    pub id_token_ends_at: u64,
    /// When the session ends.
    pub ends_at: u64,
    /// `auth_time`, or 0.
    pub auth_time: u64,
    /// Which policies were asked.
    pub policy_generation: u64,
    /// Which of them are met.
    pub policies_met: u64,
    /// The provider's name for the person.
    pub subject: &'a str,
    /// The name applications see.
    pub user: &'a str,
    /// The e-mail address, or empty.
    pub email: &'a str,
    /// The groups, joined, or empty.
    pub groups: &'a str,
    /// The provider's name for its session (`sid`), or empty.
    pub sid: &'a str,
    /// `acr`, or empty.
    pub acr: &'a str,
    /// The ID token.
    pub id_token: Packed<'a>,
    /// The refresh token, where there is one.
    pub refresh_token: Option<Packed<'a>>,
}

const NUMBERS: usize = 13;
const HEAD_LEN: usize = 16 + 2 + NUMBERS * 8;
const NONE: u8 = 0;
const TEXT: u8 = 1;
const PARTS: u8 = 2;

impl<'a> Contents<'a> {
    /// The bytes; `None` for a text of more than 4 GiB.
    pub fn write(&self) -> Option<Vec<u8>> {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&self.issuer.to_be_bytes());
        for number in self.numbers() {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for text in [self.subject, self.user, self.email, self.groups, self.sid, self.acr] {
            write_text(text.as_bytes(), &mut bytes)?;
        }
        write_token(Some(self.id_token), &mut bytes)?;
        write_token(self.refresh_token, &mut bytes)?;
        Some(bytes)
    }

    fn numbers(&self) -> [u64; NUMBERS] {
        [
            self.process,
            self.generation,
            self.signed_in_at,
            self.issued_at,
            self.sealed_at,
            self.active_at,
            self.refresh_at,
            self.tokens_end_at,
            self.id_token_ends_at,
            self.ends_at,
            self.auth_time,
            self.policy_generation,
            self.policies_met,
        ]
    }

    /// Reads what [`Self::write`] wrote, and nothing else.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>()?;
        let (id, rest_of_head) = head.split_first_chunk::<16>()?;
        let (issuer, numbers) = rest_of_head.split_first_chunk::<2>()?;
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes));
        let mut reader = Reader(rest);
        let contents = Self {
            id: *id,
            issuer: u16::from_be_bytes(*issuer),
            process: numbers.next()?,
            generation: numbers.next()?,
            signed_in_at: numbers.next()?,
            issued_at: numbers.next()?,
            sealed_at: numbers.next()?,
            active_at: numbers.next()?,
            refresh_at: numbers.next()?,
            tokens_end_at: numbers.next()?,
            id_token_ends_at: numbers.next()?,
            ends_at: numbers.next()?,
            auth_time: numbers.next()?,
            policy_generation: numbers.next()?,
            policies_met: numbers.next()?,
            subject: reader.text()?,
            user: reader.text()?,
            email: reader.text()?,
            groups: reader.text()?,
            sid: reader.text()?,
            acr: reader.text()?,
            id_token: reader.token()??,
            refresh_token: reader.token()?,
        };
        reader.0.is_empty().then_some(contents)
    }
}

fn write_text(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    bytes.extend_from_slice(&u32::try_from(text.len()).ok()?.to_be_bytes());
    bytes.extend_from_slice(text);
    Some(())
}

fn write_token(token: Option<Packed<'_>>, bytes: &mut Vec<u8>) -> Option<()> {
    match token {
        None => bytes.push(NONE),
        Some(Packed::Text(text)) => {
            bytes.push(TEXT);
            write_text(text.as_bytes(), bytes)?;
        }
        Some(Packed::Parts(parts)) => {
            bytes.push(PARTS);
            for part in parts {
                write_text(part, bytes)?;
            }
        }
    }
    Some(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        self.0 = rest;
        Some(text)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// The outer `None`: cannot be read; the inner: there is no token.
    #[expect(clippy::option_option, reason = "absent and unreadable are two answers")]
    fn token(&mut self) -> Option<Option<Packed<'a>>> {
        let (kind, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match *kind {
            NONE => None,
            TEXT => Some(Packed::Text(self.text()?)),
            PARTS => Some(Packed::Parts([self.bytes()?, self.bytes()?, self.bytes()?])),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
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
    fn what_was_written_is_read() {
        let without = Contents { refresh_token: None, id_token: Packed::Text("whole"), ..contents() };
        for contents in [contents(), without] {
            assert_eq!(Contents::read(&contents.write().unwrap()), Some(contents));
        }
    }

    #[test]
    fn neither_more_nor_fewer_bytes_are_a_session() {
        let bytes = contents().write().unwrap();
        for end in 0..bytes.len() {
            assert_eq!(Contents::read(&bytes[..end]), None, "{end}");
        }
        assert_eq!(Contents::read(&[&bytes[..], b"x"].concat()), None);
    }

    #[test]
    fn a_session_without_an_id_token_is_none() {
        let mut bytes = Contents { refresh_token: None, ..contents() }.write().unwrap();
        let token = bytes.len() - 1 - (3 * 4 + b"headsignature".len()) - 1;
        bytes.truncate(token);
        bytes.extend_from_slice(&[NONE, NONE]);
        assert_eq!(Contents::read(&bytes), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(contents) = Contents::read(&bytes) {
                prop_assert_eq!(contents.write().unwrap(), bytes);
            }
        }
    }
}
