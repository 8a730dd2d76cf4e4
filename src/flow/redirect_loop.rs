//! Does a sign-in go round in circles, and where is it broken?
//!
//! A finished sign-in leaves a mark in the browser for some seconds. Whoever comes to sign in with that mark was signed
//! in a moment ago:
//!
//! 1. without a session, it was lost on the way: another sign-in would lose it too, so the person is told why;
//! 2. with a session, they are sent back at once, because another tab may just have signed in; and if that happens
//!    again, the check does not see the session that we see.
//!
//! A page that reloads itself because a script of it found nobody signed in goes round as well, where loading the page
//! does not sign anybody in: it is told so three times in a row, and then no more.

use thiserror::Error;

use super::ports::{Absence, LoopMarker, ReloadCount, UnixTime};

/// Where the circle is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoopCause {
    /// The browser did not keep the cookie, or does not send it here.
    #[error(
        "the browser came back from a sign-in without the session cookie: it does not keep it, or something on the way \
         removes Set-Cookie"
    )]
    NotKept,
    /// The cookie came and does not open.
    #[error(
        "the browser came back from a sign-in with a session cookie that does not open: other session.keys in another \
         process, another cookie of the same name, or a part of it is missing"
    )]
    NotOpened,
    /// The session was over at once.
    #[error(
        "a session was over seconds after it began: the provider's tokens live too shortly, or the clocks of provider \
         and gateway differ"
    )]
    OverAtOnce,
    /// We see the session and the check does not.
    #[error(
        "a session that is good here is asked for again and again: the proxy does not pass the Cookie header to the \
         check, or the check has other keys or another host"
    )]
    NotShown,
}

/// Where a person goes who wants to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// To the provider.
    Provider,
    /// Back to the page, for the how-many-eth time.
    Back(u8),
    /// Nowhere.
    LoopDetected(LoopCause),
}

/// Sent back so often to one page, the check does not see the session.
const BACK_TO_ONE: u8 = 2;
/// The same for tabs that take turns.
const BACK_TO_ANY: u8 = 8;

/// Which way it goes, by the mark and what became of the session.
pub fn next_step(landed: Option<LoopMarker>, session: Result<(), Absence>) -> NextStep {
    let Some(LoopMarker { times, here }) = landed else { return NextStep::Provider };
    match session {
        Err(Absence::NoCookie) => NextStep::LoopDetected(LoopCause::NotKept),
        Err(Absence::Refused) => NextStep::LoopDetected(LoopCause::NotOpened),
        Err(Absence::Expired) => NextStep::LoopDetected(LoopCause::OverAtOnce),
        // Somebody said so, and it was not the browser: another sign-in begins another session.
        Err(Absence::Ended) => NextStep::Provider,
        Ok(()) if (here && times >= BACK_TO_ONE) || times >= BACK_TO_ANY => {
            NextStep::LoopDetected(LoopCause::NotShown)
        }
        Ok(()) => NextStep::Back(times.saturating_add(1)),
    }
}

/// What a script is told that finds nobody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// Reload the page, and count it so.
    Count(ReloadCount),
    /// Reload the page; this second is counted already.
    Counted,
    /// It did not help: no more.
    Enough,
}

/// So many reloads in a row, none of which led to a session.
const RELOADS: u8 = 3;

/// Whether a page shall reload itself. A page has many scripts: all of one second are one reload.
pub fn reload(before: Option<ReloadCount>, now: UnixTime) -> Reload {
    match before {
        None => Reload::Count(ReloadCount { times: 1, at: now }),
        Some(before) if now.0.abs_diff(before.at.0) < 1 => Reload::Counted,
        Some(before) if before.times >= RELOADS => Reload::Enough,
        Some(before) => Reload::Count(ReloadCount { times: before.times.saturating_add(1), at: now }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_mark_everybody_goes_to_the_provider() {
        for session in [Ok(()), Err(Absence::NoCookie), Err(Absence::Refused), Err(Absence::Expired)] {
            assert_eq!(next_step(None, session), NextStep::Provider);
        }
    }

    #[test]
    fn a_page_reloads_three_times_and_the_scripts_of_one_second_count_as_one() {
        let count = |times, at| Reload::Count(ReloadCount { times, at: UnixTime(at) });
        let before = |times, at| Some(ReloadCount { times, at: UnixTime(at) });
        assert_eq!(reload(None, UnixTime(7)), count(1, 7));
        assert_eq!(reload(before(1, 7), UnixTime(7)), Reload::Counted);
        assert_eq!(reload(before(2, 7), UnixTime(8)), count(3, 8));
        assert_eq!(reload(before(3, 7), UnixTime(7)), Reload::Counted);
        assert_eq!(reload(before(3, 7), UnixTime(8)), Reload::Enough);
    }

    #[test]
    fn one_page_is_gone_back_to_once_and_tabs_that_take_turns_a_few_times() {
        let landed = |times, here| Some(LoopMarker { times, here });
        assert_eq!(next_step(landed(1, true), Ok(())), NextStep::Back(2));
        assert_eq!(next_step(landed(2, true), Ok(())), NextStep::LoopDetected(LoopCause::NotShown));
        assert_eq!(next_step(landed(2, false), Ok(())), NextStep::Back(3));
        assert_eq!(next_step(landed(8, false), Ok(())), NextStep::LoopDetected(LoopCause::NotShown));
    }
}
