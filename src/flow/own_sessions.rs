//! A user's own sessions: the list, and the end of other sessions
//!
//! 1. The store selects the sessions by the user of the request's own session.
//! 2. Other sessions end only if the user authenticated at the provider less than ten minutes ago. Otherwise a stolen
//!    cookie could lock its owner out.
//! 3. Only `auth_time` shows that. `iat` and the time of the sign-in here are also recent after a sign-in without the
//!    user.
//! 4. The own session of a request ends by the sign-out.

use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::Semaphore;

use super::ports::{
    EndedOthers, ListedSession, RECENT_AUTHENTICATION, SessionLists, SessionRequest, StoreUnavailable,
    UnixTime, Which,
};
use super::refresh::{Refresh, Resumed};

/// Lists and ends sessions for their user.
pub struct OwnSessions {
    /// The list. `None` if the store keeps none.
    pub lists: Option<Arc<dyn SessionLists>>,
    /// Refreshes the session of the request if its tokens have expired.
    pub refresh: Arc<Refresh>,
    /// The lists that may be read at the same time.
    pub turns: Turns,
}

/// The number of lists that are read at the same time. A list is made of whole records, which may be large.
const MAX_LISTS: usize = 4;

/// Limits how many lists are read at the same time. Further ones wait.
pub struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(MAX_LISTS))
    }
}

/// The sessions of a user.
pub struct Overview {
    /// The user name.
    pub user: String,
    /// All sessions of the user, its own first.
    pub sessions: Vec<ListedSession>,
    /// Whether the user may end other sessions.
    pub authentication: Recency,
    /// When the session of the request began.
    pub signed_in_at: UnixTime,
    /// Pending `Set-Cookie` values.
    pub pending_cookies: Option<Arc<[HeaderValue]>>,
}

/// Whether the user authenticated at the provider a short time ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recency {
    /// Less than [`RECENT_AUTHENTICATION`] ago.
    Recent,
    /// Longer ago, or the provider does not report `auth_time`.
    NotRecent,
}

/// Why there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoList {
    /// The store keeps no list.
    NotKept,
    /// The request has no session.
    SignedOut,
    /// The session or the list cannot be read now.
    Unavailable,
}

/// Why no session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndError {
    /// There is no list.
    NoList(NoList),
    /// The user must authenticate again.
    NotRecent,
}

/// What the session of a request says about its user.
struct Viewer {
    subject: String,
    user: String,
    authentication: Recency,
    signed_in_at: UnixTime,
}

impl Recency {
    fn of(auth_time: Option<UnixTime>, now: UnixTime) -> Self {
        match auth_time {
            Some(time) if now < time.plus(RECENT_AUTHENTICATION) => Self::Recent,
            _ => Self::NotRecent,
        }
    }
}

impl OwnSessions {
    /// Returns the sessions of the user of a request.
    pub async fn list(&self, request: SessionRequest<'_>) -> Result<Overview, NoList> {
        let (lists, viewer, pending_cookies) = self.viewer(request).await?;
        let turn = self.turns.0.acquire().await;
        let sessions = lists.list(request).await?;
        drop(turn);
        // The session ended between the two reads.
        if sessions.is_empty() {
            return Err(NoList::SignedOut);
        }
        let Viewer { user, authentication, signed_in_at, .. } = viewer;
        Ok(Overview { user, sessions, authentication, signed_in_at, pending_cookies })
    }

    /// Ends other sessions of the user of a request.
    pub async fn end(&self, request: SessionRequest<'_>, which: Which<'_>) -> Result<EndedOthers, EndError> {
        let (lists, viewer, _) = self.viewer(request).await?;
        if viewer.authentication == Recency::NotRecent {
            return Err(EndError::NotRecent);
        }
        let _turn = self.turns.0.acquire().await;
        let sessions = lists.end_listed(request, which).await.map_err(NoList::from)?;
        Ok(EndedOthers { subject: viewer.subject, sessions })
    }

    async fn viewer(
        &self,
        request: SessionRequest<'_>,
    ) -> Result<(&dyn SessionLists, Viewer, Option<Arc<[HeaderValue]>>), NoList> {
        let lists = self.lists.as_deref().ok_or(NoList::NotKept)?;
        let resumed = self.refresh.resume_session(request, |session| Viewer {
            subject: session.credential.user.subject.to_owned(),
            user: session.credential.user.user.to_owned(),
            authentication: Recency::of(session.auth_time, request.now),
            signed_in_at: session.signed_in_at,
        });
        match resumed.await {
            Resumed::Usable(viewer, pending_cookies) => Ok((lists, viewer, pending_cookies)),
            Resumed::Gone => Err(NoList::SignedOut),
            Resumed::NotNow => Err(NoList::Unavailable),
        }
    }
}

impl From<StoreUnavailable> for NoList {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

impl From<NoList> for EndError {
    fn from(no_list: NoList) -> Self {
        Self::NoList(no_list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authentication_is_recent_for_less_than_ten_minutes() {
        let now = UnixTime(10_000);
        for (auth_time, expected) in [
            (Some(9_401), Recency::Recent),
            (Some(9_400), Recency::NotRecent),
            (Some(10_060), Recency::Recent),
            (Some(0), Recency::NotRecent),
            (None, Recency::NotRecent),
        ] {
            assert_eq!(Recency::of(auth_time.map(UnixTime), now), expected, "{auth_time:?}");
        }
    }
}
