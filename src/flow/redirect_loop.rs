//! Redirect loop detection
//!
//! A sign-in that succeeds sets a marker cookie, which the browser keeps for some seconds. A browser that starts
//! another sign-in with this marker was signed in a moment ago:
//!
//! 1. If the request has no session, the session was lost. Another sign-in would lose it too, so the user gets a page
//!    that shows the cause.
//! 2. If the request has a session, the browser is redirected to its page at once, because another tab may just have
//!    signed in. If that happens again, the check does not see the session that the gateway sees.
//! 3. A page reloads itself if one of its scripts sent a request without a session. If loading the page does not sign
//!    the user in, this is a loop too. The gateway asks for three reloads in a row at most.

use thiserror::Error;

use super::ports::{Absence, LoopMarker, ReloadCount, UnixTime};

/// The cause of a redirect loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoopCause {
    /// The browser did not keep the cookie, or does not send it to the gateway.
    #[error(
        "redirect loop: the browser sent no session cookie after a sign-in; the browser does not keep the cookie, or a \
         component between the gateway and the browser removes Set-Cookie"
    )]
    NotKept,
    /// The request has a session cookie that cannot be opened.
    #[error(
        "redirect loop: the session cookie cannot be opened after a sign-in; another process has other session.keys, \
         another cookie has the same name, or a part of the cookie is missing"
    )]
    NotOpened,
    /// The session expired seconds after it began.
    #[error(
        "redirect loop: a session expired seconds after it began; the lifetime of the provider's tokens is too short, \
         or the clocks of provider and gateway differ"
    )]
    OverAtOnce,
    /// The gateway's pages see the session, and the check does not.
    #[error(
        "redirect loop: the gateway's pages see a usable session, but the check does not; the proxy does not pass the \
         Cookie header to the check, or the check has other keys or another host"
    )]
    NotShown,
}

/// The next step of a browser that starts a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Redirect to the provider.
    Provider,
    /// Redirect to the page; the number counts the returns since the sign-in, including this one.
    Return(u8),
    /// No redirect.
    LoopDetected(LoopCause),
}

/// Returns to the same page after which another return is a redirect loop.
const MAX_RETURNS_TO_SAME_PAGE: u8 = 2;
/// Returns to any page after which another return is a redirect loop: several tabs may return in turn.
const MAX_RETURNS_TO_ANY_PAGE: u8 = 8;

/// Returns the next step, given the loop marker and the session of the request.
pub fn next_step(marker: Option<LoopMarker>, session: Result<(), Absence>) -> NextStep {
    let Some(LoopMarker { times, here }) = marker else { return NextStep::Provider };
    match session {
        Err(Absence::NoCookie) => NextStep::LoopDetected(LoopCause::NotKept),
        Err(Absence::Refused) => NextStep::LoopDetected(LoopCause::NotOpened),
        Err(Absence::Expired) => NextStep::LoopDetected(LoopCause::OverAtOnce),
        // The user, the provider or an operator ended the session, so it was not lost: a sign-in begins a new one.
        Err(Absence::Ended) => NextStep::Provider,
        Ok(()) if (here && times >= MAX_RETURNS_TO_SAME_PAGE) || times >= MAX_RETURNS_TO_ANY_PAGE => {
            NextStep::LoopDetected(LoopCause::NotShown)
        }
        Ok(()) => NextStep::Return(times.saturating_add(1)),
    }
}

/// The answer to a script that sent a request without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// Reload the page, and store this count.
    Count(ReloadCount),
    /// Reload the page; a reload of this second is counted already.
    AlreadyCounted,
    /// Do not reload the page again: no reload led to a session.
    LimitReached,
}

/// Reloads in a row that led to no session.
const MAX_RELOADS: u8 = 3;

/// Returns whether a page must reload itself. A page has many scripts, so all requests of one second count as one
/// reload.
pub fn next_reload(before: Option<ReloadCount>, now: UnixTime) -> Reload {
    match before {
        None => Reload::Count(ReloadCount { times: 1, at: now }),
        Some(before) if now.0.abs_diff(before.at.0) < 1 => Reload::AlreadyCounted,
        Some(before) if before.times >= MAX_RELOADS => Reload::LimitReached,
        Some(before) => Reload::Count(ReloadCount { times: before.times.saturating_add(1), at: now }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_loop_marker_redirects_to_the_provider() {
        for session in [Ok(()), Err(Absence::NoCookie), Err(Absence::Refused), Err(Absence::Expired)] {
            assert_eq!(next_step(None, session), NextStep::Provider);
        }
    }

    #[test]
    fn page_reloads_three_times_and_counts_once_per_second() {
        let count = |times, at| Reload::Count(ReloadCount { times, at: UnixTime(at) });
        let before = |times, at| Some(ReloadCount { times, at: UnixTime(at) });
        assert_eq!(next_reload(None, UnixTime(7)), count(1, 7));
        assert_eq!(next_reload(before(1, 7), UnixTime(7)), Reload::AlreadyCounted);
        assert_eq!(next_reload(before(2, 7), UnixTime(8)), count(3, 8));
        assert_eq!(next_reload(before(3, 7), UnixTime(7)), Reload::AlreadyCounted);
        assert_eq!(next_reload(before(3, 7), UnixTime(8)), Reload::LimitReached);
    }

    #[test]
    fn repeated_return_to_one_page_or_many_returns_are_a_loop() {
        let marker = |times, here| Some(LoopMarker { times, here });
        assert_eq!(next_step(marker(1, true), Ok(())), NextStep::Return(2));
        assert_eq!(next_step(marker(2, true), Ok(())), NextStep::LoopDetected(LoopCause::NotShown));
        assert_eq!(next_step(marker(2, false), Ok(())), NextStep::Return(3));
        assert_eq!(next_step(marker(8, false), Ok(())), NextStep::LoopDetected(LoopCause::NotShown));
    }
}
