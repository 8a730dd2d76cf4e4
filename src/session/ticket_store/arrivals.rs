//! When each logout token first arrived
//!
//! A logout token ends every session that began before it arrived, because the clocks of the provider's nodes may differ.
//! If it comes again, as a repetition or an attack, it must end no later session.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::flow::ports::{LogoutToken, UnixTime};

/// The number of tokens. Beyond it, a token ends only the sessions whose ID token is not newer.
const MAX_TOKENS: usize = 10_000;

/// The first arrivals of the tokens that are still accepted.
#[derive(Default)]
pub(super) struct FirstArrivals(Mutex<HashMap<String, (UnixTime, UnixTime)>>);

impl FirstArrivals {
    /// Returns when a token that arrives now first arrived, if that is known.
    pub(super) fn of(&self, token: &LogoutToken, now: UnixTime) -> Option<UnixTime> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, (_, accepted_until)| *accepted_until > now);
        }
        if tokens.len() >= MAX_TOKENS {
            return None;
        }
        let (first, _) = tokens.entry(token.token_id.clone()).or_insert((now, token.accepted_until));
        Some(*first)
    }
}
