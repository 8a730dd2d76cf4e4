//! Counters and records of requests, by which tests observe a client

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::params::Params;

/// At most this many of the latest requests are kept.
const MAX_KEPT_REQUESTS: usize = 100;

/// Counts of events since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Requests for the discovery document.
    pub discovery: u64,
    /// Requests for the keys.
    pub jwks: u64,
    /// Requests to the authorization endpoint, refused ones included.
    pub authorization: u64,
    /// Sign-in forms posted, refused ones included.
    pub login: u64,
    /// Requests to the token endpoint, refused ones included.
    pub token: u64,
    /// Codes exchanged for tokens.
    pub code_exchange: u64,
    /// Refresh tokens exchanged for tokens.
    pub refresh: u64,
    /// Presentations of a refresh token that had been used before.
    pub reuse_violations: u64,
    /// Refresh tokens that their client revoked.
    pub revocation: u64,
    /// Requests to userinfo, refused ones included.
    pub userinfo: u64,
    /// Requests to the end-session endpoint, refused ones included.
    pub end_session: u64,
    /// Requests to the token endpoint that got an error.
    pub token_refused: u64,
    /// Requests to the other host that faulty redirects, metadata, headers and claims refer to. A careful client makes
    /// none.
    pub elsewhere: u64,
}

/// One request to the token endpoint as received, valid or not.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The `Authorization` header, if there was one.
    pub authorization: Option<String>,
    /// The decoded names and values of the form, in their order.
    pub form: Vec<(String, String)>,
}

impl TokenRequest {
    /// Returns the first value of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// Shows names only: the values are secrets, codes and tokens.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.form.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("TokenRequest")
            .field("authorization", &self.authorization.is_some())
            .field("form", &names)
            .finish()
    }
}

#[derive(Default)]
pub(crate) struct Observations {
    pub(crate) observed: Observed,
    token_requests: VecDeque<TokenRequest>,
    authorization_requests: VecDeque<BTreeMap<String, String>>,
}

impl Observations {
    pub(crate) fn record_authorization(&mut self, params: &Params) {
        self.observed.authorization += 1;
        push_bounded(&mut self.authorization_requests, params.pairs().iter().cloned().collect());
    }

    pub(crate) fn record_token_request(&mut self, authorization: Option<&str>, params: &Params) {
        self.observed.token += 1;
        let form = params.pairs().to_vec();
        push_bounded(
            &mut self.token_requests,
            TokenRequest { authorization: authorization.map(str::to_owned), form },
        );
    }

    pub(crate) fn token_requests(&self) -> Vec<TokenRequest> {
        self.token_requests.iter().cloned().collect()
    }

    pub(crate) fn authorization_requests(&self) -> Vec<BTreeMap<String, String>> {
        self.authorization_requests.iter().cloned().collect()
    }
}

fn push_bounded<T>(ring: &mut VecDeque<T>, item: T) {
    if ring.len() >= MAX_KEPT_REQUESTS {
        ring.pop_front();
    }
    ring.push_back(item);
}
