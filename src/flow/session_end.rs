//! The end of a session, for a connection that outlives its check
//!
//! 1. The session of the check is looked at every [`INTERVAL`], with the cookies that the check had.
//! 2. It has ended if the user, the provider or an operator ended it, or if its lifetime is over.
//! 3. The cookies are not those of the browser after a refresh. So a session whose tokens have expired has not ended.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::time::sleep;

use super::check::Check;
use super::ports::{Absence, Clock, SessionRequest, SessionState, Sessions, UnixTime};
use crate::access::origin::Origin;

/// The interval between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// A session to look at.
pub struct SessionEnd {
    sessions: Arc<dyn Sessions>,
    clock: Arc<dyn Clock>,
    cookies: HeaderMap,
    origin: Origin,
}

/// What a look shows.
enum Look {
    Until(UnixTime),
    Ended,
    Unclear,
}

impl SessionEnd {
    /// Takes the session of a request.
    pub fn of(check: &Check, headers: &HeaderMap, origin: &Origin) -> Self {
        let lines = headers.get_all(header::COOKIE).iter();
        Self {
            sessions: Arc::clone(&check.sessions),
            clock: Arc::clone(&check.clock),
            cookies: lines.map(|line| (header::COOKIE, line.clone())).collect(),
            origin: origin.clone(),
        }
    }

    /// Waits until the session has ended. Never returns if the request had none.
    pub async fn wait(self) {
        let mut ends_at = None;
        loop {
            match self.look().await {
                Look::Until(end) => ends_at = Some(end),
                Look::Ended => return,
                Look::Unclear => {}
            }
            if ends_at.is_some_and(|end| end <= self.clock.now()) {
                return;
            }
            sleep(INTERVAL).await;
        }
    }

    async fn look(&self) -> Look {
        let (headers, origin, now) = (&self.cookies, &self.origin, self.clock.now());
        let request = SessionRequest { headers, origin, now, active: false, found: None };
        let look = |state: &SessionState<'_>| match state {
            SessionState::Usable(session) => Look::Until(session.ends_at),
            SessionState::Absent(Absence::Ended) => Look::Ended,
            SessionState::Absent(_) | SessionState::Refreshable(_) | SessionState::Undetermined(_) => {
                Look::Unclear
            }
        };
        self.sessions.read(request, |opened| look(&opened.state)).await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::flow::refresh::RefreshSettings;
    use crate::flow::testing::{Fakes, State, origin};

    /// Returns whether the session of a request has ended, if its cookies show this state.
    fn has_ended(state: State, later: u64) -> bool {
        let fakes = Fakes::new();
        fakes.sessions.states.set([state].into());
        let settings = RefreshSettings { provider_bears_reuse: false, timeout: Duration::ZERO };
        let check = Check {
            snapshot: fakes.snapshot.clone(),
            sessions: Arc::clone(&fakes.sessions) as _,
            markers: Arc::clone(&fakes.markers) as _,
            clock: Arc::clone(&fakes.clock) as _,
            refresh: fakes.refresh(settings),
        };
        fakes.clock.advance(later);
        let session = SessionEnd::of(&check, &HeaderMap::new(), &origin());
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
        assert!(has_ended(State::Usable, 1_000_000));
        // After a refresh, the cookies of the check have expired, and the session goes on.
        for state in [State::Expired, State::Absent(Absence::Expired), State::Absent(Absence::NoCookie)] {
            assert!(!has_ended(state, 1_000_000), "{state:?}");
        }
    }
}
