//! Queue of armed faults and set of held faults

use std::collections::VecDeque;

use crate::fault::{Endpoint, Fault};

/// Tests arm fewer batches. A full queue drops its oldest batch.
const MAX_BATCHES: usize = 256;

/// Batches that each affect one request, in the order of arming, and held faults that affect every request.
#[derive(Default)]
pub(crate) struct Arming {
    queue: VecDeque<Vec<Fault>>,
    held: Vec<Fault>,
}

impl Arming {
    /// Appends a batch to the queue.
    pub(crate) fn arm(&mut self, faults: &[Fault]) {
        if self.queue.len() >= MAX_BATCHES {
            self.queue.pop_front();
        }
        self.queue.push_back(faults.to_vec());
    }

    /// Stores a held fault once, even if it is held again. The list is thus never longer than the list of all faults.
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

    /// Returns the faults that are held for this endpoint, and those of the first batch that has any for it. The
    /// faults of the batch are removed from the queue.
    pub(crate) fn take(&mut self, endpoint: Endpoint) -> Vec<Fault> {
        let affects = |fault: &Fault| fault.endpoint() == endpoint;
        let mut faults: Vec<Fault> = self.held.iter().copied().filter(affects).collect();
        if let Some(batch) = self.queue.iter_mut().find(|batch| batch.iter().any(affects)) {
            faults.extend(batch.extract_if(.., |fault| affects(fault)));
        }
        self.queue.retain(|batch| !batch.is_empty());
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::{Arming, MAX_BATCHES};
    use crate::fault::{ClaimFault, Endpoint, Fault, JwksFault, TokenFault};

    const SUB: Fault = Fault::Claim(ClaimFault::SubMissing);
    const AUD: Fault = Fault::Claim(ClaimFault::AudMissing);
    const KEYS: Fault = Fault::Jwks(JwksFault::NoKeys);

    #[test]
    fn batch_for_two_endpoints_affects_each() {
        let mut arming = Arming::default();
        arming.arm(&[SUB, KEYS, Fault::Token(TokenFault::TypeMac)]);
        arming.arm(&[AUD]);
        assert_eq!(arming.take(Endpoint::Token), [SUB, Fault::Token(TokenFault::TypeMac)]);
        assert_eq!(arming.take(Endpoint::Token), [AUD]);
        assert_eq!(arming.take(Endpoint::Jwks), [KEYS]);
        assert!(arming.take(Endpoint::Jwks).is_empty() && arming.queue.is_empty());
    }

    #[test]
    fn full_queue_drops_oldest_batch() {
        let mut arming = Arming::default();
        arming.arm(&[AUD]);
        (0..MAX_BATCHES).for_each(|_| arming.arm(&[SUB]));
        assert_eq!((arming.queue.len(), arming.take(Endpoint::Token)), (MAX_BATCHES, vec![SUB]));
    }

    #[test]
    fn fault_held_twice_is_stored_once() {
        let mut arming = Arming::default();
        arming.hold(SUB);
        arming.hold(SUB);
        assert_eq!(arming.take(Endpoint::Token), [SUB]);
    }
}
