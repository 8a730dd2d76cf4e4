//! The user of a refreshed ID token

use super::Refresh;
use crate::access::claims::ClaimError;
use crate::access::identity::Identity;
use crate::access::policy::PolicyVerdicts;
use crate::flow::audit::{Hint, IdentityMade, RefreshOutcome};
use crate::flow::ports::{Refreshable, Refreshed};

impl Refresh {
    /// Returns the new user and the policies that this user meets, if the response names one.
    pub(super) fn build_user(
        &self,
        session: &Refreshable,
        refreshed: &Refreshed,
    ) -> Result<Option<(Identity, PolicyVerdicts)>, ClaimError> {
        let Some(id_token) = &refreshed.id_token else { return Ok(None) };
        let snapshot = self.snapshot.load();
        if snapshot.claims.are_silent_on_user(&id_token.claims) {
            return Ok(None);
        }
        let (identity, omitted) = snapshot.claims.identity(&session.subject, &id_token.claims)?;
        if !omitted.is_empty() {
            self.audit.omitted_claims(&omitted, &session.subject, IdentityMade::Refresh);
        }
        if snapshot.claims.groups_are_unknown(&id_token.claims) {
            self.audit.hint(&Hint::GroupsUnknown(&session.subject));
        }
        let policies = snapshot.rules.policies.verdicts(identity.as_ref());
        Ok(Some((identity, policies)))
    }
}

impl From<&ClaimError> for RefreshOutcome {
    fn from(error: &ClaimError) -> Self {
        match error {
            ClaimError::NoUser(_) => Self::Configuration,
            ClaimError::InvalidUser(_) | ClaimError::UnverifiedUser(_) => Self::ProviderMisbehaved,
        }
    }
}
