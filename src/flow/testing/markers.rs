//! Fake markers, which a test sets

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderValue};

use super::{Calls, Setting, cookie};
use crate::access::origin::Origin;
use crate::access::return_to::ReturnTo;
use crate::flow::ports::{LoginTransaction, LoopMarker, Markers, NoEntropy, ReloadCount, UnixTime};

/// The marker cookies of one browser.
pub(crate) struct FakeMarkers {
    calls: Calls,
    /// The stored login transaction, for the callback.
    pub(crate) transaction: Setting<Option<LoginTransaction>>,
    /// `state`, `nonce` and verifier of the last stored transaction.
    pub(crate) kept: Setting<Option<[String; 3]>>,
    /// Whether sealing fails.
    pub(crate) cannot_seal: AtomicBool,
    pub(crate) loop_marker: Setting<Option<LoopMarker>>,
    pub(crate) reload_count: Setting<Option<ReloadCount>>,
    /// The `state` of the last sign-out.
    pub(crate) sign_out: Setting<Option<String>>,
}

impl FakeMarkers {
    pub(super) fn new(calls: Calls) -> Self {
        Self {
            calls,
            transaction: Setting::default(),
            kept: Setting::default(),
            cannot_seal: AtomicBool::default(),
            loop_marker: Setting::default(),
            reload_count: Setting::default(),
            sign_out: Setting::default(),
        }
    }

    fn sealed(&self, text: &str) -> Option<HeaderValue> {
        (!self.cannot_seal.load(Ordering::Relaxed)).then(|| cookie(text))
    }
}

impl Markers for FakeMarkers {
    fn keep_login(
        &self,
        transaction: &LoginTransaction,
        _: &HeaderMap,
        _: &Origin,
        _: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy> {
        let LoginTransaction { state, nonce, code_verifier, return_to, .. } = transaction;
        self.calls.record(format!("keep_login {}", return_to.as_str()));
        let [nonce, verifier] = [nonce, code_verifier].map(|secret| secret.expose().to_owned());
        self.kept.set(Some([state.clone(), nonce, verifier]));
        Ok(vec![self.sealed("login=kept").ok_or(NoEntropy)?])
    }

    fn take_login(&self, state: &str, _: &HeaderMap, _: &Origin, _: UnixTime) -> Option<LoginTransaction> {
        self.calls.record(format!("take_login {state}"));
        self.transaction.with(|kept| kept.take_if(|transaction| transaction.state == state))
    }

    fn forget_login(&self, state: &str, _: &Origin) -> Option<HeaderValue> {
        self.calls.record(format!("forget_login {state}"));
        Some(cookie("login=removed"))
    }

    fn loop_marker(&self, _: &HeaderMap, _: &Origin, _: &ReturnTo) -> Option<LoopMarker> {
        self.loop_marker.get()
    }

    fn set_loop_marker(&self, times: u8, return_to: &ReturnTo, _: &Origin) -> Option<HeaderValue> {
        self.calls.record(format!("set_loop_marker {times} {}", return_to.as_str()));
        self.sealed("loop=marked")
    }

    fn clear_loop_marker(&self, _: &HeaderMap, _: &Origin) -> Option<HeaderValue> {
        None
    }

    fn keep_sign_out_state(&self, state: &str, _: &Origin) -> Option<HeaderValue> {
        self.sign_out.set(Some(state.to_owned()));
        Some(cookie("out=state"))
    }

    fn sign_out_state(&self, _: &HeaderMap, _: &Origin) -> Option<String> {
        self.sign_out.get()
    }

    fn finish_sign_out(&self, state: &str, _: &HeaderMap, _: &Origin) -> Option<HeaderValue> {
        self.sign_out.get().filter(|kept| kept == state).map(|_| cookie("out="))
    }

    fn reload_count(&self, _: &HeaderMap, _: &Origin) -> Option<ReloadCount> {
        self.reload_count.get()
    }

    fn set_reload_count(&self, count: ReloadCount, _: &Origin) -> Option<HeaderValue> {
        self.calls.record(format!("set_reload_count {}", count.times));
        self.sealed("reloads=counted")
    }
}
