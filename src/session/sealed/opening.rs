//! What do a request's cookies hold, and what does the table know beside it?

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64_simd::{Out, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};

use super::{CookieStore, HANDOVER_SECONDS, Place};
use crate::access::decision::Outage;
use crate::flow::audit::Hint;
use crate::flow::ports::{Absence, Opened, Places, SessionId, Shown, UnixTime, Workspace};
use crate::secret::Secret;
use crate::session::cookie::PART_LEN;
use crate::session::ended::{ProviderSession, ProviderVerdict};
use crate::session::jwt::Packed;
use crate::session::layout::Contents;
use crate::session::seal::{MOST_PARTS, count_of};
use crate::session::table::{LatestTimes, Listed, Look, Seen, Turn};
use crate::session::usable::{Asked, judge};

impl CookieStore {
    pub(super) fn open_found<'w>(
        &self,
        place: &Place,
        found: [Option<&[u8]>; MOST_PARTS],
        places: Places<'w>,
        shown: &Shown<'_>,
    ) -> (Opened<'w>, Option<Arc<[HeaderValue]>>) {
        if found.iter().all(Option::is_none) {
            return (Opened::Absent(Absence::NoCookie), None);
        }
        let Places { small, large, held } = places;
        let Some(contents) = self.open_parts(place, found, small, large) else {
            return (Opened::Absent(Absence::Refused), None);
        };
        if contents.ends_at <= shown.now.0 {
            return (Opened::Absent(Absence::Expired), None);
        }
        let Contents { sid, subject, issued_at, .. } = contents;
        let marked = ProviderSession { sid, subject, issued_at: UnixTime(issued_at) };
        let in_doubt_since = match self.provider_marks.verdict(marked) {
            ProviderVerdict::Ended => return (Opened::Absent(Absence::Ended), None),
            ProviderVerdict::InDoubtSince(then) => Some(then),
            ProviderVerdict::Unmarked => None,
        };
        self.open_known(&contents, held, shown, in_doubt_since)
    }

    /// The newest there is of the session that these contents are of.
    fn open_known<'w>(
        &self,
        contents: &Contents<'w>,
        place: &'w mut Option<Arc<[u8]>>,
        shown: &Shown<'_>,
        in_doubt_since: Option<UnixTime>,
    ) -> (Opened<'w>, Option<Arc<[HeaderValue]>>) {
        let asked = |turn, latest: LatestTimes| Asked {
            shown: *shown,
            lifetimes: self.lifetimes,
            turn,
            active_at: latest.active_at,
            must_refresh: in_doubt_since.is_some_and(|then| latest.sealed_at <= then),
        };
        let look = Look { now: shown.now, active: shown.active, idle: self.lifetimes.idle };
        match self.table.see(listed(contents), look) {
            Seen::Ended => (Opened::Absent(Absence::Ended), None),
            Seen::Unknown => {
                let turn = self.turn_of_unknown(contents);
                if look.idle.is_some() {
                    self.table.adopt(listed(contents), turn, look);
                }
                let latest = LatestTimes {
                    active_at: UnixTime(contents.active_at),
                    sealed_at: UnixTime(contents.sealed_at),
                };
                (judge(contents, &asked(turn, latest)), None)
            }
            Seen::Newest { turn, latest } => (judge(contents, &asked(turn, latest)), None),
            Seen::Older { latest } => {
                let asked = asked(Turn::Spent, latest);
                // The browser has a newer cookie, which another request refreshes: this one must not end the session.
                let opened = if asked.must_refresh {
                    Opened::Unknown(Outage::Provider)
                } else {
                    judge(contents, &asked)
                };
                (opened, None)
            }
            Seen::Newer { held, turn, latest } => match Contents::read(place.insert(held.contents)) {
                Some(newer) => (judge(&newer, &asked(turn, latest)), Some(held.cookies)),
                None => (Opened::Absent(Absence::Refused), None),
            },
        }
    }

    /// Whether a session that an earlier process began may be renewed: not where that one may have done it already and
    /// the browser never got the result.
    fn turn_of_unknown(&self, contents: &Contents<'_>) -> Turn {
        if contents.process != self.process.id
            && contents.sealed_at > self.process.began_at.0 + HANDOVER_SECONDS
        {
            self.shared.store(true, Ordering::Relaxed);
            self.audit.hint(&Hint::KeysAreShared);
        }
        let cookies_arrive = contents.generation > 1;
        let was_not_due = contents.refresh_at > self.process.began_at.0;
        if cookies_arrive || was_not_due || contents.process == self.process.id {
            Turn::Free
        } else {
            Turn::Spent
        }
    }

    /// Opens what the parts hold together; the first says how many they are.
    fn open_parts<'w>(
        &self,
        place: &Place,
        parts: [Option<&[u8]>; MOST_PARTS],
        small: &'w mut [MaybeUninit<u8>],
        large: &'w mut Vec<u8>,
    ) -> Option<Contents<'w>> {
        let mut parts = parts.into_iter().map(|part| part.filter(|part| part.len() <= PART_LEN));
        let head = URL_SAFE_NO_PAD.decode(parts.next()??, Out::from_uninit_slice(small)).ok()?;
        let count = count_of(head)?;
        let sealed = if count == 1 {
            head
        } else {
            large.reserve_exact(count * PART_LEN);
            large.extend_from_slice(head);
            for part in parts.take(count - 1) {
                URL_SAFE_NO_PAD.decode_append(part?, large).ok()?;
            }
            large
        };
        Contents::read(self.keys.open(&place.binding, count, sealed)?)
    }

    /// Ends a session, and gives its newest refresh token and ID token.
    pub(super) fn end_of(&self, contents: &Contents<'_>, now: UnixTime) -> (Option<Secret>, Option<Secret>) {
        let held = self.table.held(SessionId(contents.id));
        // Newer cookies of it may be about, that another process made.
        let latest = UnixTime(contents.signed_in_at).plus(self.lifetimes.session);
        let ends_at = latest.max(UnixTime(contents.ends_at));
        let _remembered = self.table.end(Listed { ends_at, ..listed(contents) }, now);
        let newest = held.as_ref().and_then(|held| Contents::read(&held.contents));
        let newest = newest.as_ref().unwrap_or(contents);
        (newest.refresh_token.and_then(Packed::secret), newest.id_token.secret())
    }

    /// The contents of the session that a request carries, whatever became of it.
    pub(super) fn carried<'w>(
        &self,
        workspace: &'w mut Workspace,
        headers: &HeaderMap,
        place: &Place,
    ) -> Option<Contents<'w>> {
        let Places { small, large, .. } = workspace.places();
        self.open_parts(place, place.names.find(headers)?, small, large)
    }
}

fn listed<'a>(contents: &Contents<'a>) -> Listed<'a> {
    Listed {
        id: SessionId(contents.id),
        generation: contents.generation,
        subject: contents.subject,
        ends_at: UnixTime(contents.ends_at),
        active_at: UnixTime(contents.active_at),
        sealed_at: UnixTime(contents.sealed_at),
    }
}
