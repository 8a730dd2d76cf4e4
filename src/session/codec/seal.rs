//! How is a value closed so that only we can open it?
//!
//! 1. The layout is `version . count . key id . nonce . ciphertext . tag`: 1, 1, 4, 12, n and 16 bytes.
//! 2. AES-256-GCM (SP 800-38D) with a random nonce, under a subkey for one purpose, derived once with HKDF-SHA256 (RFC
//!    5869) from a key of the ring.
//! 3. The associated data are a SHA-256 digest of version, count, purpose, cookie name, origin, issuer and client id: a
//!    value opens only where it was closed for.
//! 4. The first key of the ring closes, all open; the key id picks one, no other is tried.
//! 5. Whatever is wrong, opening says no more than that it failed.
//! 6. The keys are replaced all at once while the process runs; whoever opens or closes meanwhile waits for nobody.
//!
//! Deployment caveat: random nonces are safe for 2^32 values per key; change keys long before.

use std::array;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use thiserror::Error;

use crate::flow::ports::{Entropy, NoEntropy};

/// Another number for every change of the layout, or of what is sealed.
const VERSION: u8 = 6;
const KEY_ID_LEN: usize = 4;
const HEAD_LEN: usize = 2 + KEY_ID_LEN + NONCE_LEN;
const TAG_LEN: usize = 16;

/// No value needs more cookies.
pub const MAX_PARTS: usize = 4;

/// By how much a closed value is longer than what it holds.
pub const OVERHEAD: usize = HEAD_LEN + TAG_LEN;

/// What a value is for: a login transaction never opens as a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A session.
    Session,
    /// A login transaction.
    Login,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Login => "login",
        }
    }
}

/// A key that the crypto library does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the session key cannot be used")]
pub struct UnusableKey;

struct Key {
    id: [u8; KEY_ID_LEN],
    session: LessSafeKey,
    login: LessSafeKey,
}

/// The keys values are closed and opened with: never none.
pub struct KeyRing(ArcSwap<Vec<Key>>);

impl KeyRing {
    /// Derives the subkeys of each 256-bit key, the closing one first.
    pub fn new<'k>(masters: impl IntoIterator<Item = &'k [u8; 32]>) -> Result<Self, UnusableKey> {
        Ok(Self(ArcSwap::from_pointee(derive_all(masters)?)))
    }

    /// Takes other keys in place of all it has: what one of the old ones closed opens only if that one is among them.
    ///
    /// Keeps the old ones where it fails.
    pub fn replace<'k>(&self, masters: impl IntoIterator<Item = &'k [u8; 32]>) -> Result<(), UnusableKey> {
        self.0.store(Arc::new(derive_all(masters)?));
        Ok(())
    }

    /// Closes a value that will be carried in `count` parts.
    pub fn seal(
        &self,
        binding: &Binding,
        count: usize,
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, NoEntropy> {
        let keys = self.0.load();
        let key = keys.first().ok_or(NoEntropy)?;
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut body = plaintext.to_vec();
        let aad = Aad::from(binding.associated_data(count).ok_or(NoEntropy)?);
        let tag = key.of(binding.purpose).seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            aad,
            &mut body,
        );
        let count = u8::try_from(count).map_err(|_| NoEntropy)?;
        Ok([&[VERSION, count], &key.id[..], &nonce, &body, tag.map_err(|_| NoEntropy)?.as_ref()].concat())
    }

    /// Opens a value in place that came in `count` parts.
    pub fn open<'v>(&self, binding: &Binding, count: usize, value: &'v mut [u8]) -> Option<&'v mut [u8]> {
        let (head, body) = value.split_first_chunk_mut::<HEAD_LEN>()?;
        let (&mut [version, said], rest) = head.split_first_chunk_mut::<2>()?;
        let (id, nonce) = rest.split_first_chunk_mut::<KEY_ID_LEN>()?;
        if version != VERSION || usize::from(said) != count {
            return None;
        }
        let keys = self.0.load();
        let key = keys.iter().find(|key| key.id == *id)?;
        let aad = Aad::from(binding.associated_data(count)?);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        key.of(binding.purpose).open_in_place(nonce, aad, body).ok()
    }
}

/// Reads what was sealed; `None` where bytes are left over, which another layout wrote.
pub fn whole<'v, T: serde::Deserialize<'v>>(plaintext: &'v [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(plaintext).ok()?;
    rest.is_empty().then_some(value)
}

/// How many parts a value says it has; `None` where it is none of ours.
pub fn count_of(head: &[u8]) -> Option<usize> {
    match head {
        [VERSION, count, ..] if (1..=MAX_PARTS).contains(&usize::from(*count)) => Some(usize::from(*count)),
        _ => None,
    }
}

fn derive_all<'k>(masters: impl IntoIterator<Item = &'k [u8; 32]>) -> Result<Vec<Key>, UnusableKey> {
    let keys: Vec<Key> = masters.into_iter().map(Key::derive).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(UnusableKey) } else { Ok(keys) }
}

impl Key {
    fn derive(master: &[u8; 32]) -> Result<Self, UnusableKey> {
        let root = Salt::new(HKDF_SHA256, b"foregate").extract(master);
        let subkey = |purpose: Purpose| {
            let bytes = expand::<32>(&root, purpose.label())?;
            Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| UnusableKey)?))
        };
        Ok(Self {
            id: expand(&root, "key id")?,
            session: subkey(Purpose::Session)?,
            login: subkey(Purpose::Login)?,
        })
    }

    fn of(&self, purpose: Purpose) -> &LessSafeKey {
        match purpose {
            Purpose::Session => &self.session,
            Purpose::Login => &self.login,
        }
    }
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(root: &Prk, label: &str) -> Result<[u8; N], UnusableKey> {
    let mut bytes = [0; N];
    let info = [b"foregate v1 ", label.as_bytes()];
    let expanded = root.expand(&info, Bytes(N)).map_err(|_| UnusableKey)?;
    expanded.fill(&mut bytes).map_err(|_| UnusableKey)?;
    Ok(bytes)
}

/// What a value is bound to: it opens nowhere else.
pub struct Binding {
    purpose: Purpose,
    associated_data: [Digest; MAX_PARTS],
}

impl Binding {
    /// Binds to a purpose, a cookie, the origin or domain it is for, and the client at the provider.
    ///
    /// A digest of them all is what is authenticated: it is made once, and short whatever their lengths are.
    pub fn new(purpose: Purpose, cookie: &str, place: &str, issuer: &str, client_id: &str) -> Self {
        let mut texts = Vec::new();
        for text in [purpose.label(), cookie, place, issuer, client_id] {
            texts.extend_from_slice(&(text.len() as u64).to_be_bytes());
            texts.extend_from_slice(text.as_bytes());
        }
        let with_count = |index: usize| {
            let count = u8::try_from(index + 1).unwrap_or(u8::MAX);
            digest(&SHA256, &[&[VERSION, count], &texts[..]].concat())
        };
        Self { purpose, associated_data: array::from_fn(with_count) }
    }

    fn associated_data(&self, count: usize) -> Option<&[u8]> {
        self.associated_data.get(count.checked_sub(1)?).map(Digest::as_ref)
    }
}
