//! Authenticated encryption of cookie values
//!
//! 1. The layout is `version . count . key id . nonce . ciphertext . tag`: 1, 1, 4, 12, n and 16 bytes.
//! 2. The cipher is AES-256-GCM (SP 800-38D) with a random nonce. Each purpose has its own subkey, derived once with
//!    HKDF-SHA256 (RFC 5869) from a key of the ring.
//! 3. The associated data are a SHA-256 digest of version, count, purpose, cookie name, origin, issuer and client id. A
//!    value opens only with the same values that it was sealed with.
//! 4. The first key of the ring seals, and every key opens. The key id selects the key; no other is tried.
//! 5. A failure to open reports no cause.
//! 6. The keys are replaced together while the process runs. Calls that seal or open at that time do not wait.
//!
//! Deployment caveat: random nonces are safe for 2^32 values per key. Replace keys long before.

use std::array;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use thiserror::Error;

use super::ticket_roots::TicketRoots;
use crate::flow::ports::{Entropy, NoEntropy};

/// Changes with every change of the layout or of the sealed contents.
const VERSION: u8 = 6;
pub(in crate::session) const KEY_ID_LEN: usize = 4;
const HEAD_LEN: usize = 2 + KEY_ID_LEN + NONCE_LEN;
const TAG_LEN: usize = 16;

/// Maximum number of cookies that carry one value.
pub const MAX_PARTS: usize = 4;

/// Bytes that sealing adds to a value.
pub const OVERHEAD: usize = HEAD_LEN + TAG_LEN;

/// The purpose of a value: a login transaction never opens as a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A session.
    Session,
    /// A login transaction.
    Login,
    /// The summary of a session, for the list that its user sees.
    Summary,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Login => "login",
            Self::Summary => "summary",
        }
    }
}

/// The crypto library rejects a key, or there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the session key cannot be used")]
pub struct UnusableKey;

struct Key {
    id: [u8; KEY_ID_LEN],
    session: LessSafeKey,
    login: LessSafeKey,
    summary: LessSafeKey,
    tickets: TicketRoots,
}

/// The keys that seal and open values; at least one.
pub struct KeyRing(ArcSwap<Vec<Key>>);

impl KeyRing {
    /// Derives the subkeys of each 256-bit key. The first key seals.
    pub fn new<'k>(masters: impl IntoIterator<Item = &'k [u8; 32]>) -> Result<Self, UnusableKey> {
        Ok(Self(ArcSwap::from_pointee(derive_all(masters)?)))
    }

    /// Replaces all keys. A value sealed with a previous key opens only if that key is among the new ones.
    ///
    /// Keeps the previous keys if it fails.
    pub fn replace<'k>(&self, masters: impl IntoIterator<Item = &'k [u8; 32]>) -> Result<(), UnusableKey> {
        self.0.store(Arc::new(derive_all(masters)?));
        Ok(())
    }

    /// Returns the id of the key that seals, and its keys for tickets.
    pub(in crate::session) fn newest_ticket_roots<T>(
        &self,
        read: impl FnOnce([u8; KEY_ID_LEN], &TicketRoots) -> T,
    ) -> Option<T> {
        self.0.load().first().map(|key| read(key.id, &key.tickets))
    }

    /// Returns the keys for tickets of the key with an id.
    pub(in crate::session) fn ticket_roots<T>(
        &self,
        id: [u8; KEY_ID_LEN],
        read: impl FnOnce(&TicketRoots) -> T,
    ) -> Option<T> {
        self.0.load().iter().find(|key| key.id == id).map(|key| read(&key.tickets))
    }

    /// Returns what `read` returns for the keys for tickets of every key.
    pub(in crate::session) fn all_ticket_roots<T>(&self, read: impl Fn(&TicketRoots) -> T) -> Vec<T> {
        self.0.load().iter().map(|key| read(&key.tickets)).collect()
    }

    /// Seals a value that will be carried in `count` parts.
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
        let tag = key.subkey(binding.purpose).seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            aad,
            &mut body,
        );
        let count = u8::try_from(count).map_err(|_| NoEntropy)?;
        Ok([&[VERSION, count], &key.id[..], &nonce, &body, tag.map_err(|_| NoEntropy)?.as_ref()].concat())
    }

    /// Opens, in place, a value that was carried in `count` parts.
    pub fn open<'v>(&self, binding: &Binding, count: usize, value: &'v mut [u8]) -> Option<&'v mut [u8]> {
        let (head, body) = value.split_first_chunk_mut::<HEAD_LEN>()?;
        let (&mut [version, sealed_count], rest) = head.split_first_chunk_mut::<2>()?;
        let (id, nonce) = rest.split_first_chunk_mut::<KEY_ID_LEN>()?;
        if version != VERSION || usize::from(sealed_count) != count {
            return None;
        }
        let keys = self.0.load();
        let key = keys.iter().find(|key| key.id == *id)?;
        let aad = Aad::from(binding.associated_data(count)?);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        key.subkey(binding.purpose).open_in_place(nonce, aad, body).ok()
    }
}

/// Decodes a sealed value. Returns `None` if bytes remain, because another layout wrote them.
pub fn decode_whole<'v, T: serde::Deserialize<'v>>(plaintext: &'v [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(plaintext).ok()?;
    rest.is_empty().then_some(value)
}

/// Returns the number of parts in the head of a value, or `None` if the value is not ours.
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
            summary: subkey(Purpose::Summary)?,
            tickets: TicketRoots {
                record_id: hmac::Key::new(HMAC_SHA256, &expand::<32>(&root, "record id")?),
                record_key: hmac::Key::new(HMAC_SHA256, &expand::<32>(&root, "record key")?),
                tag: hmac::Key::new(HMAC_SHA256, &expand::<32>(&root, "tag")?),
                mac: hmac::Key::new(HMAC_SHA256, &expand::<32>(&root, "ticket")?),
                listed_id: hmac::Key::new(HMAC_SHA256, &expand::<32>(&root, "listed id")?),
            },
        })
    }

    fn subkey(&self, purpose: Purpose) -> &LessSafeKey {
        match purpose {
            Purpose::Session => &self.session,
            Purpose::Login => &self.login,
            Purpose::Summary => &self.summary,
        }
    }
}

struct OutputLen(usize);

impl KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(root: &Prk, label: &str) -> Result<[u8; N], UnusableKey> {
    let mut bytes = [0; N];
    let info = [b"foregate v1 ", label.as_bytes()];
    let expanded = root.expand(&info, OutputLen(N)).map_err(|_| UnusableKey)?;
    expanded.fill(&mut bytes).map_err(|_| UnusableKey)?;
    Ok(bytes)
}

/// The context that a value is bound to. It opens in no other.
pub struct Binding {
    purpose: Purpose,
    associated_data: [Digest; MAX_PARTS],
}

impl Binding {
    /// Binds to a purpose, a cookie name, the cookie's origin or domain, and the client at the provider.
    ///
    /// A digest of all of them is authenticated. It is computed once, and its length does not depend on theirs.
    pub fn new(
        purpose: Purpose,
        cookie: &str,
        origin_or_domain: &str,
        issuer: &str,
        client_id: &str,
    ) -> Self {
        let mut texts = Vec::new();
        for text in [purpose.label(), cookie, origin_or_domain, issuer, client_id] {
            texts.extend_from_slice(&(text.len() as u64).to_be_bytes());
            texts.extend_from_slice(text.as_bytes());
        }
        let with_count = |index: usize| {
            let count = u8::try_from(index + 1).unwrap_or(u8::MAX);
            digest(&SHA256, &[&[VERSION, count], &texts[..]].concat())
        };
        Self { purpose, associated_data: array::from_fn(with_count) }
    }

    /// Returns the binding of one record in this context.
    pub(in crate::session) fn of_record(&self, record: &[u8]) -> Self {
        let with_record = |context: Digest| digest(&SHA256, &[context.as_ref(), record].concat());
        Self { purpose: self.purpose, associated_data: self.associated_data.map(with_record) }
    }

    pub(in crate::session) fn associated_data(&self, count: usize) -> Option<&[u8]> {
        self.associated_data.get(count.checked_sub(1)?).map(Digest::as_ref)
    }
}
