//! Byte layout of a session
//!
//! 1. The head holds the id (16 bytes), the issuer (2 bytes), the numbers of [`Contents`] in their order (8 bytes
//!    each), and the length of each text (4 bytes). All numbers are big-endian.
//! 2. The texts subject, user, email, groups, `sid` and `acr` follow, without separators.
//! 3. The ID token and the refresh token follow. A token is one byte for its encoding, and its one or three parts. A
//!    part is its length (4 bytes) and its bytes.
//! 4. Nothing follows. Remaining bytes belong to another layout, so such a value is rejected.
//!
//! The code is written by hand because each check reads the layout: a general format costs three times as much.

use super::jwt::Packed;

/// The contents of a session, as they are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents<'a> {
    /// New at every sign-in.
    pub id: [u8; 16],
    /// The index of the issuer.
    pub issuer: u16,
    /// The random number of the process that sealed it.
    pub process: u64,
    /// 1 at the sign-in, and one more after each refresh.
    pub generation: u64,
    /// When the user signed in. This time and all others are in Unix seconds.
    pub signed_in_at: u64,
    /// `iat` of the first ID token, by the provider's clock.
    pub issued_at: u64,
    /// When it was sealed.
    pub sealed_at: u64,
    /// When the user was last active.
    pub active_at: u64,
    /// When a refresh of the tokens is due.
    pub refresh_at: u64,
    /// When the tokens expire. The session ends then too, if they cannot be refreshed.
    pub tokens_end_at: u64,
    /// When the ID token expires.
    pub id_token_ends_at: u64,
    /// When the session ends.
    pub ends_at: u64,
    /// `auth_time`, or 0.
    pub auth_time: u64,
    /// The generation of the policies that were evaluated.
    pub policy_generation: u64,
    /// The policies of that generation that the user meets.
    pub policies_met: u64,
    /// The provider's name for the user (`sub`).
    pub subject: &'a str,
    /// The user name that applications receive.
    pub user: &'a str,
    /// The e-mail address, or empty.
    pub email: &'a str,
    /// The groups, joined, or empty.
    pub groups: &'a str,
    /// The provider's name for its session (`sid`), or empty.
    pub sid: &'a str,
    /// `acr`, or empty.
    pub acr: &'a str,
    /// The ID token, or [`Packed::NONE`].
    pub id_token: Packed<'a>,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Packed<'a>>,
}

const NUMBERS: usize = 13;
const TEXTS: usize = 6;
const HEAD_LEN: usize = 16 + 2 + NUMBERS * 8 + TEXTS * 4;
const NONE: u8 = 0;
const TEXT: u8 = 1;
const PARTS: u8 = 2;

impl<'a> Contents<'a> {
    /// Returns the encoded contents, or `None` if a text is longer than 4 GiB.
    pub fn write(&self) -> Option<Vec<u8>> {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&self.issuer.to_be_bytes());
        for number in self.numbers() {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        let texts = [self.subject, self.user, self.email, self.groups, self.sid, self.acr];
        for text in texts {
            bytes.extend_from_slice(&u32::try_from(text.len()).ok()?.to_be_bytes());
        }
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
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

    /// Reads exactly what [`Self::write`] wrote. Returns `None` for any other bytes.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>()?;
        let (id, rest_of_head) = head.split_first_chunk::<16>()?;
        let (issuer, rest_of_head) = rest_of_head.split_first_chunk::<2>()?;
        let (numbers, lengths) = rest_of_head.split_first_chunk::<{ NUMBERS * 8 }>()?;
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes));
        let mut texts = Texts::split(lengths, rest)?;
        let mut reader = TokenReader(texts.rest);
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
            subject: texts.next()?,
            user: texts.next()?,
            email: texts.next()?,
            groups: texts.next()?,
            sid: texts.next()?,
            acr: texts.next()?,
            id_token: reader.token()??,
            refresh_token: reader.token()?,
        };
        (texts.remaining.is_empty() && reader.0.is_empty()).then_some(contents)
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

/// The texts. They are checked to be UTF-8 together, because checking one after the other takes twice as long.
struct Texts<'a> {
    lengths: std::slice::Iter<'a, [u8; 4]>,
    remaining: &'a str,
    rest: &'a [u8],
}

impl<'a> Texts<'a> {
    fn split(lengths: &'a [u8], bytes: &'a [u8]) -> Option<Self> {
        let lengths = lengths.as_chunks::<4>().0.iter();
        let total = lengths.clone().try_fold(0_usize, |total, one| total.checked_add(length(*one)?))?;
        let (texts, rest) = bytes.split_at_checked(total)?;
        Some(Self { lengths, remaining: std::str::from_utf8(texts).ok()?, rest })
    }

    fn next(&mut self) -> Option<&'a str> {
        let (text, remaining) = self.remaining.split_at_checked(length(*self.lengths.next()?)?)?;
        self.remaining = remaining;
        Some(text)
    }
}

fn length(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

struct TokenReader<'a>(&'a [u8]);

impl<'a> TokenReader<'a> {
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(length(*len)?)?;
        self.0 = rest;
        Some(text)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// Returns `None` if the bytes are invalid, and `Some(None)` if there is no token.
    #[expect(clippy::option_option, reason = "absent and invalid are different results")]
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
mod tests;
