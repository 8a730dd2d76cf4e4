//! Audit for tests that counts calls to the provider

use std::sync::Mutex;
use std::time::Duration;

use crate::flow::audit::{
    Audit, BackchannelEvent, CallOutcome, CheckEvent, Hint, LoginEvent, ProviderCall, RefreshEvent,
};
use crate::flow::caller::Caller;

/// The calls that were reported to the audit.
#[derive(Default)]
pub(super) struct Calls(Mutex<Vec<(ProviderCall, CallOutcome)>>);

impl Calls {
    pub(super) fn count(&self, call: ProviderCall, outcome: CallOutcome) -> usize {
        self.0.lock().unwrap().iter().filter(|call_made| **call_made == (call, outcome)).count()
    }
}

impl Audit for Calls {
    fn refresh(&self, _: &RefreshEvent<'_>) {}
    fn waits(&self, _: Caller) {}
    fn backchannel_logout(&self, _: &BackchannelEvent<'_>) {}
    fn check(&self, _: &CheckEvent<'_>) {}
    fn login(&self, _: &LoginEvent<'_>) {}
    fn signed_out(&self, _: &str, _: &str, _: &dyn std::fmt::Display) {}
    fn omitted_claim(&self, _: &str, _: &str, _: &dyn std::fmt::Display, _: &str) {}
    fn hint(&self, _: &Hint<'_>) {}
    fn provider_call(&self, call: ProviderCall, outcome: CallOutcome, _: Duration) {
        self.0.lock().unwrap().push((call, outcome));
    }
}
