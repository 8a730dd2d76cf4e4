//! Which faults wait, and which request takes them?

use std::collections::VecDeque;

use crate::fault::{Endpoint, Fault};

/// More than a test arms; beyond it the batch armed first is forgotten.
const CAPACITY: usize = 256;

/// Faults for one request each, in the order they were armed, and faults that stay.
#[derive(Default)]
pub(crate) struct Arming {
    queue: VecDeque<Vec<Fault>>,
    held: Vec<Fault>,
}

impl Arming {
    pub(crate) fn arm(&mut self, faults: &[Fault]) {
        if self.queue.len() >= CAPACITY {
            self.queue.pop_front();
        }
        self.queue.push_back(faults.to_vec());
    }

    /// Held once, however often it is asked for, so that there are never more than faults.
    pub(crate) fn hold(&mut self, fault: Fault) {
        if !self.held.contains(&fault) {
            self.held.push(fault);
        }
    }

    pub(crate) fn release(&mut self, fault: Fault) {
        self.held.retain(|&held| held != fault);
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.held.clear();
    }

    /// Those held for this endpoint and those of the first batch that has any for it, which leave the queue.
    pub(crate) fn take(&mut self, endpoint: Endpoint) -> Vec<Fault> {
        let meets = |fault: &Fault| fault.endpoint() == endpoint;
        let mut taken: Vec<Fault> = self.held.iter().copied().filter(meets).collect();
        if let Some(batch) = self.queue.iter_mut().find(|batch| batch.iter().any(meets)) {
            taken.extend(batch.extract_if(.., |fault| meets(fault)));
        }
        self.queue.retain(|batch| !batch.is_empty());
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::{Arming, CAPACITY};
    use crate::fault::{ClaimFault, Endpoint, Fault, JwksFault, TokenFault};

    const SUB: Fault = Fault::Claim(ClaimFault::SubMissing);
    const AUD: Fault = Fault::Claim(ClaimFault::AudMissing);
    const KEYS: Fault = Fault::Jwks(JwksFault::NoKeys);

    #[test]
    fn a_batch_for_two_endpoints_is_met_at_each() {
        let mut arming = Arming::default();
        arming.arm(&[SUB, KEYS, Fault::Token(TokenFault::TypeMac)]);
        arming.arm(&[AUD]);
        assert_eq!(arming.take(Endpoint::Token), [SUB, Fault::Token(TokenFault::TypeMac)]);
        assert_eq!(arming.take(Endpoint::Token), [AUD]);
        assert_eq!(arming.take(Endpoint::Jwks), [KEYS]);
        assert!(arming.take(Endpoint::Jwks).is_empty() && arming.queue.is_empty());
    }

    #[test]
    fn a_full_queue_forgets_the_batch_armed_first() {
        let mut arming = Arming::default();
        arming.arm(&[AUD]);
        (0..CAPACITY).for_each(|_| arming.arm(&[SUB]));
        assert_eq!((arming.queue.len(), arming.take(Endpoint::Token)), (CAPACITY, vec![SUB]));
    }

    #[test]
    fn a_fault_held_twice_is_held_once() {
        let mut arming = Arming::default();
        arming.hold(SUB);
        arming.hold(SUB);
        assert_eq!(arming.take(Endpoint::Token), [SUB]);
    }
}
