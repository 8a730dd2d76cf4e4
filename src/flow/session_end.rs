//! The end of a session, for a connection that outlives its check
//!
//! 1. The session of the check is looked at every two seconds, with the cookies that the check had.
//! 2. It has ended if the user, the provider or an operator ended it, or if it has expired. A refresh that takes
//!    the policy from the user ends the connection too.
//! 3. The cookies are not those of the browser after a refresh. So the store says how long the session goes on.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::time::sleep;

use super::check::Check;
use super::ports::{Clock, SessionRequest, Sessions, Standing, UnixTime};
use super::snapshot::CurrentSnapshot;
use crate::access::origin::Origin;
use crate::access::policy::PolicyVerdicts;

/// The interval between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// A session to look at.
pub struct SessionEnd {
    sessions: Arc<dyn Sessions>,
    clock: Arc<dyn Clock>,
    snapshot: CurrentSnapshot,
    cookies: HeaderMap,
    origin: Origin,
    policy: &'static str,
}

impl SessionEnd {
    /// Takes the session of a request, which a policy permitted.
    pub fn of(check: &Check, headers: &HeaderMap, origin: &Origin, policy: &'static str) -> Self {
        let lines = headers.get_all(header::COOKIE).iter();
        Self {
            sessions: Arc::clone(&check.sessions),
            clock: Arc::clone(&check.clock),
            cookies: lines.map(|line| (header::COOKIE, line.clone())).collect(),
            snapshot: check.snapshot.clone(),
            origin: origin.clone(),
            policy,
        }
    }

    /// Waits until the session has ended. Never returns if the request had none.
    pub async fn wait(self) {
        let mut last_known_end = None;
        loop {
            let (headers, origin, now) = (&self.cookies, &self.origin, self.clock.now());
            let request = SessionRequest { headers, origin, now, active: false, found: None };
            let standing = self.sessions.standing(request).await;
            if self.ends(standing, &mut last_known_end, now) {
                return;
            }
            sleep(INTERVAL).await;
        }
    }

    /// Returns whether the connection ends. A store that does not answer prolongs no session.
    fn ends(&self, standing: Standing, last_known_end: &mut Option<UnixTime>, now: UnixTime) -> bool {
        match standing {
            Standing::Until(end, policies) => {
                *last_known_end = Some(end);
                end <= now || self.is_refused(policies)
            }
            Standing::Ended => true,
            Standing::Unknown => last_known_end.is_some_and(|end| end <= now),
        }
    }

    fn is_refused(&self, verdicts: Option<PolicyVerdicts>) -> bool {
        let policies = &self.snapshot.load().rules.policies;
        verdicts.is_some_and(|verdicts| policies.is_refused(self.policy, verdicts))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::access::identity::IdentityRef;
    use crate::access::policy::DEFAULT;
    use crate::flow::ports::Absence;
    use crate::flow::refresh::RefreshSettings;
    use crate::flow::testing::{Fakes, State, origin};

    /// Returns whether the session of a request has ended, if its cookies show this state.
    fn has_ended(state: State, later: u64) -> bool {
        let fakes = Fakes::new();
        fakes.sessions.states.set([state].into());
        fakes.clock.advance(later);
        is_over(&fakes)
    }

    fn session_of(fakes: &Fakes) -> SessionEnd {
        let settings = RefreshSettings { provider_bears_reuse: false, timeout: Duration::ZERO };
        let check = Check {
            snapshot: fakes.snapshot.clone(),
            sessions: Arc::clone(&fakes.sessions) as _,
            markers: Arc::clone(&fakes.markers) as _,
            clock: Arc::clone(&fakes.clock) as _,
            refresh: fakes.refresh(settings),
        };
        SessionEnd::of(&check, &HeaderMap::new(), &origin(), DEFAULT)
    }

    fn is_over(fakes: &Fakes) -> bool {
        let session = session_of(fakes);
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(async { session.wait().now_or_never().is_some() })
    }

    #[test]
    fn session_has_ended_only_if_it_was_ended_or_its_lifetime_is_over() {
        assert!(has_ended(State::Absent(Absence::Ended), 0));
        assert!(!has_ended(State::Usable, 0));
        assert!(!has_ended(State::Expired, 3599) && has_ended(State::Usable, 3600));
        assert!(!has_ended(State::Absent(Absence::NoCookie), 1_000_000), "there was none");
    }

    #[test]
    fn store_that_does_not_answer_prolongs_no_session() {
        let (session, mut last_known_end) = (session_of(&Fakes::new()), None);
        let mut ends = |standing, seconds| session.ends(standing, &mut last_known_end, UnixTime(seconds));
        assert!(!ends(Standing::Unknown, 50), "nothing is known yet");
        assert!(!ends(Standing::Until(UnixTime(100), None), 50));
        assert!(!ends(Standing::Unknown, 99) && ends(Standing::Unknown, 100));
    }

    #[test]
    fn connection_ends_if_a_refresh_took_the_policy_from_the_user() {
        let fakes = Fakes::new();
        for (groups, expected) in [("dev", false), ("ops", true)] {
            let user = IdentityRef { subject: "1", user: "alice", email: "", groups };
            let verdicts = fakes.snapshot.load().rules.policies.verdicts(user);
            fakes.sessions.verdicts.set(Some(verdicts));
            assert_eq!(is_over(&fakes), expected, "{groups}");
        }
    }
}
