//! A request of our own pages whose session has expired tokens

use std::sync::Arc;

use http::HeaderValue;

use super::{Refresh, RefreshWait};
use crate::flow::caller::Caller;
use crate::flow::ports::{Opened, Refreshable, Session, SessionRequest, SessionState};

/// What became of the session.
pub enum Resumed<T> {
    /// It can be used: what was read of it, and the `Set-Cookie` values that the browser should have.
    Usable(T, Option<Arc<[HeaderValue]>>),
    /// There is none: the user must sign in.
    Gone,
    /// Unknown at this time; the session lives on.
    NotNow,
}

/// A request waits for a refresh in progress, and for one more if that began too early to count.
const MAX_WAITS: u32 = 2;

enum Look<T> {
    Refreshable(Box<Refreshable>),
    Known(Resumed<T>),
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
            let expired = match self.look(request, &read).await {
                Look::Known(resumed) => return resumed,
                Look::Refreshable(session) => session,
            };
            match self.finish(*expired, Caller::PAGE, self.settings.timeout).await {
                RefreshWait::NotNow | RefreshWait::TimedOut => return Resumed::NotNow,
                RefreshWait::Ended => request.now = self.clock.now(),
            }
        }
        Resumed::NotNow
    }

    async fn look<T>(&self, request: SessionRequest<'_>, read: &impl Fn(&Session<'_>) -> T) -> Look<T> {
        let look = |opened: Opened<'_>| match opened.state {
            SessionState::Refreshable(session) => Look::Refreshable(session),
            SessionState::Usable(session) => {
                Look::Known(Resumed::Usable(read(&session), opened.pending_cookies))
            }
            SessionState::Absent(_) => Look::Known(Resumed::Gone),
            SessionState::Undetermined(_) => Look::Known(Resumed::NotNow),
        };
        self.sessions.read(request, look).await
    }
}
