//! Audit for tests that counts calls to the provider

use std::sync::Mutex;
use std::time::Duration;

use crate::access::claims::Omissions;
use crate::flow::audit::{
    Audit, BackchannelEvent, CallOutcome, CheckEvent, Hint, IdentityMade, LoginEvent, ProviderCall,
    RefreshEvent,
};
use crate::flow::caller::Caller;
use crate::flow::ports::EndedOthers;

/// What was reported to the audit.
#[derive(Default)]
pub(super) struct Calls {
    made: Mutex<Vec<(ProviderCall, CallOutcome)>>,
    remedies: Mutex<Vec<String>>,
}

impl Calls {
    pub(super) fn count(&self, call: ProviderCall, outcome: CallOutcome) -> usize {
        self.made.lock().unwrap().iter().filter(|call_made| **call_made == (call, outcome)).count()
    }

    /// Returns the hints about missing refresh tokens so far.
    pub(super) fn no_refresh_token(&self) -> Vec<String> {
        self.remedies.lock().unwrap().clone()
    }
}

impl Audit for Calls {
    fn refresh(&self, _: &RefreshEvent<'_>) {}
    fn waits(&self, _: Caller) {}
    fn backchannel_logout(&self, _: &BackchannelEvent<'_>) {}
    fn check(&self, _: &CheckEvent<'_>) {}
    fn login(&self, _: &LoginEvent<'_>) {}
    fn ended_by_operator(&self, _: &EndedOthers) {}
    fn ended_others(&self, _: &str, _: &EndedOthers, _: &dyn std::fmt::Display) {}
    fn signed_out(&self, _: &str, _: &str, _: &dyn std::fmt::Display) {}
    fn omitted_claims(&self, _: &Omissions, _: &str, _: IdentityMade) {}
    fn hint(&self, hint: &Hint<'_>) {
        if let Hint::NoRefreshToken { lifetime, remedy } = hint {
            self.remedies.lock().unwrap().push(format!("{}s: {remedy}", lifetime.as_secs()));
        }
    }
    fn provider_call(&self, call: ProviderCall, outcome: CallOutcome, _: Duration) {
        self.made.lock().unwrap().push((call, outcome));
    }
}
