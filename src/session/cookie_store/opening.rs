//! What a request's cookies hold, and what the table adds

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64_simd::{Out, URL_SAFE_NO_PAD};
use http::HeaderValue;

use super::usable::{JudgeContext, judge};
use super::{CookieStore, HANDOVER_SECONDS, Place};
use crate::access::decision::Outage;
use crate::flow::audit::Hint;
use crate::flow::ports::{
    Absence, EndedSession, IssuerIndex, SessionId, SessionRequest, SessionState, UnixTime, Workspace,
    WorkspaceParts,
};
use crate::session::codec::jwt::Packed;
use crate::session::codec::layout::Contents;
use crate::session::codec::seal::{MAX_PARTS, count_of};
use crate::session::cookie::PART_LEN;
use crate::session::provider_marks::{DoubtNumber, ProviderSession, ProviderVerdict};
use crate::session::registry::{Latest, Listed, Presentation, Presented, RefreshLease};

impl CookieStore {
    pub(super) fn open_found<'w>(
        &self,
        place: &Place,
        found: [Option<&[u8]>; MAX_PARTS],
        parts: WorkspaceParts<'w>,
        request: SessionRequest<'_>,
    ) -> (SessionState<'w>, Option<Arc<[HeaderValue]>>) {
        if found.iter().all(Option::is_none) {
            return (SessionState::Absent(Absence::NoCookie), None);
        }
        let WorkspaceParts { small, large, held } = parts;
        let Some(contents) = self.open_parts(place, found, small, large) else {
            return (SessionState::Absent(Absence::Refused), None);
        };
        if contents.ends_at <= request.now.0 {
            return (SessionState::Absent(Absence::Expired), None);
        }
        self.state_of(&contents, held, request)
    }

    /// The state of the session that these contents are of, with its newest cookies if the browser has not presented them.
    pub(super) fn state_of<'w>(
        &self,
        contents: &Contents<'w>,
        held: &'w mut Option<Arc<[u8]>>,
        request: SessionRequest<'_>,
    ) -> (SessionState<'w>, Option<Arc<[HeaderValue]>>) {
        let doubt = match self.provider_verdict(contents) {
            ProviderVerdict::Ended => return (SessionState::Absent(Absence::Ended), None),
            ProviderVerdict::InDoubt(number) => Some(number),
            ProviderVerdict::Unmarked => None,
        };
        self.open_known(contents, held, request, doubt)
    }

    /// What the provider's logout tokens say about the session that these contents are of.
    pub(super) fn provider_verdict(&self, contents: &Contents<'_>) -> ProviderVerdict {
        let Contents { sid, subject, signed_in_at, issued_at, .. } = *contents;
        let issuer = IssuerIndex(contents.issuer);
        let [signed_in_at, issued_at] = [signed_in_at, issued_at].map(UnixTime);
        self.provider_marks.verdict(ProviderSession { issuer, sid, subject, signed_in_at, issued_at })
    }

    /// The newest there is of the session that these contents are of.
    fn open_known<'w>(
        &self,
        contents: &Contents<'w>,
        place: &'w mut Option<Arc<[u8]>>,
        request: SessionRequest<'_>,
        doubt: Option<DoubtNumber>,
    ) -> (SessionState<'w>, Option<Arc<[HeaderValue]>>) {
        let asked = |lease, latest: Latest| JudgeContext {
            request,
            lifetimes: self.lifetimes,
            lease,
            active_at: latest.active_at,
            must_refresh: doubt.is_some_and(|number| latest.answered < number),
        };
        let look = Presentation {
            now: request.now,
            active: request.active,
            idle: self.lifetimes.idle,
            unknown_lease: self.lease_of_unknown(contents),
        };
        match self.registry.record_presented(listed(contents), look) {
            Presented::Ended => (SessionState::Absent(Absence::Ended), None),
            Presented::Unknown => {
                self.watch_for_shared_keys(contents);
                if look.idle.is_some() {
                    self.registry.adopt(listed(contents), look);
                }
                let latest = Latest { active_at: UnixTime(contents.active_at), answered: 0 };
                (judge(contents, &asked(look.unknown_lease, latest)), None)
            }
            Presented::Newest { lease, latest } => (judge(contents, &asked(lease, latest)), None),
            Presented::Older { latest } => {
                let asked = asked(RefreshLease::TokenSpent, latest);
                let state = match judge(contents, &JudgeContext { must_refresh: false, ..asked }) {
                    // Another request refreshes the newer cookie, which the browser has: this one ends no session.
                    SessionState::Usable(_) if asked.must_refresh => {
                        SessionState::Undetermined(Outage::Provider)
                    }
                    state => state,
                };
                (state, None)
            }
            Presented::Newer { held, lease, latest } => match Contents::read(place.insert(held.contents)) {
                Some(newer) => (judge(&newer, &asked(lease, latest)), Some(held.cookies)),
                None => (SessionState::Absent(Absence::Refused), None),
            },
        }
    }

    /// Whether another process seals sessions with the same keys, although it was told to stop long ago.
    fn watch_for_shared_keys(&self, contents: &Contents<'_>) {
        if contents.process != self.process.id
            && contents.sealed_at > self.process.began_at.0 + HANDOVER_SECONDS
        {
            self.shared.store(true, Ordering::Relaxed);
            self.audit.hint(&Hint::KeysAreShared);
        }
    }

    /// Whether tokens that this process does not know may be refreshed: not if they were due before the process began. An
    /// earlier process may then have used the refresh token, and the browser may not have the result yet.
    fn lease_of_unknown(&self, contents: &Contents<'_>) -> RefreshLease {
        let was_not_due = contents.refresh_at > self.process.began_at.0;
        if was_not_due || contents.process == self.process.id {
            RefreshLease::Available
        } else {
            RefreshLease::TokenSpent
        }
    }

    /// Opens what the parts hold together; the first says how many they are.
    fn open_parts<'w>(
        &self,
        place: &Place,
        parts: [Option<&[u8]>; MAX_PARTS],
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

    /// Ends the session of a request: everything but the cookies that remove it.
    pub(super) fn end_carried(
        &self,
        place: &Place,
        found: Option<[Option<&[u8]>; MAX_PARTS]>,
        request: SessionRequest<'_>,
    ) -> EndedSession {
        let mut workspace = Workspace::new();
        let WorkspaceParts { small, large, held } = workspace.parts();
        let Some(contents) = found.and_then(|found| self.open_parts(place, found, small, large)) else {
            return EndedSession::default();
        };
        let subject = match self.state_of(&contents, held, request).0 {
            SessionState::Usable(_) | SessionState::Refreshable(_) => Some(contents.subject.to_owned()),
            SessionState::Absent(Absence::Ended) => return EndedSession::default(),
            SessionState::Absent(_) | SessionState::Undetermined(_) => None,
        };
        let pending = self.registry.held(SessionId(contents.id));
        // Newer cookies of it may exist, which another process made.
        let latest = UnixTime(contents.signed_in_at).plus(self.lifetimes.session);
        let ends_at = latest.max(UnixTime(contents.ends_at));
        let _recorded = self.registry.end(Listed { ends_at, ..listed(&contents) }, request.now);
        let newest = pending.as_ref().and_then(|pending| Contents::read(&pending.contents));
        let newest = newest.as_ref().unwrap_or(&contents);
        EndedSession {
            cookies: Vec::new(),
            subject,
            refresh_token: newest.refresh_token.and_then(Packed::secret),
            id_token: newest.id_token.secret(),
        }
    }
}

fn listed<'a>(contents: &Contents<'a>) -> Listed<'a> {
    Listed {
        id: SessionId(contents.id),
        generation: contents.generation,
        subject: contents.subject,
        ends_at: UnixTime(contents.ends_at),
        active_at: UnixTime(contents.active_at),
    }
}
