//! Refresh of expired tokens for the gateway's own pages

use std::sync::Arc;

use http::HeaderValue;

use super::{Refresh, RefreshWait};
use crate::flow::caller::Caller;
use crate::flow::ports::{Opened, Refreshable, Session, SessionRequest, SessionState};

/// The result of [`Refresh::resume_session`].
pub enum Resumed<T> {
    /// The session is usable: what was read from it, and the pending `Set-Cookie` values.
    Usable(T, Option<Arc<[HeaderValue]>>),
    /// There is no session: the user must sign in.
    Gone,
    /// The result is unknown at this time, and the session has not ended.
    NotNow,
}

/// A request waits for a refresh in progress, and for a second one if the first began too early to count.
const MAX_WAITS: u32 = 2;

enum ResumeStep<T> {
    Refresh(Box<Refreshable>),
    Done(Resumed<T>),
}

impl Refresh {
    /// Reads the session of a request, after a refresh if its tokens have expired.
    pub async fn resume_session<T>(
        self: &Arc<Self>,
        request: SessionRequest<'_>,
        read: impl Fn(&Session<'_>) -> T,
    ) -> Resumed<T> {
        let mut request = request;
        for _ in 0..=MAX_WAITS {
            let expired = match self.resume_step(request, &read).await {
                ResumeStep::Done(resumed) => return resumed,
                ResumeStep::Refresh(session) => session,
            };
            match self.finish(*expired, Caller::PAGE, self.settings.timeout).await {
                RefreshWait::NotNow | RefreshWait::TimedOut => return Resumed::NotNow,
                RefreshWait::Ended => request.now = self.clock.now(),
            }
        }
        Resumed::NotNow
    }

    async fn resume_step<T>(
        &self,
        request: SessionRequest<'_>,
        read: &impl Fn(&Session<'_>) -> T,
    ) -> ResumeStep<T> {
        let step = |opened: Opened<'_>| match opened.state {
            SessionState::Refreshable(session) => ResumeStep::Refresh(session),
            SessionState::Usable(session) => {
                ResumeStep::Done(Resumed::Usable(read(&session), opened.pending_cookies))
            }
            SessionState::Absent(_) => ResumeStep::Done(Resumed::Gone),
            SessionState::Undetermined(_) => ResumeStep::Done(Resumed::NotNow),
        };
        self.sessions.read(request, step).await
    }
}
