//! State of a request's session, from its cookies and the registry

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64_simd::{Out, URL_SAFE_NO_PAD};
use http::HeaderValue;

use super::{CookieStore, HANDOVER_SECONDS};
use crate::access::decision::Outage;
use crate::flow::audit::Hint;
use crate::flow::ports::{
    Absence, EndedSession, IssuerIndex, SessionId, SessionRequest, SessionState, Standing, UnixTime,
    Workspace, WorkspaceParts,
};
use crate::session::codec::jwt::Packed;
use crate::session::codec::layout::Contents;
use crate::session::codec::seal::{MAX_PARTS, count_of};
use crate::session::cookie::PART_LEN;
use crate::session::place::Place;
use crate::session::provider_marks::{DoubtNumber, ProviderSession, ProviderVerdict};
use crate::session::registry::{Latest, Listed, Presentation, Presented, RefreshLease};
use crate::session::usable::{JudgeContext, judge};

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

    /// Returns how long the session of a request goes on.
    pub(super) fn standing_of(&self, request: SessionRequest<'_>) -> Standing {
        let mut workspace = Workspace::new();
        let WorkspaceParts { small, large, .. } = workspace.parts();
        let opened = self.places.of(request.origin).and_then(|place| {
            let found = place.names.session_parts(request.headers)?;
            self.open_parts(place, found, small, large)
        });
        let Some(contents) = opened else { return Standing::Unknown };
        match self.provider_verdict(&contents) {
            ProviderVerdict::Ended => Standing::Ended,
            ProviderVerdict::InDoubt(_) | ProviderVerdict::Unmarked => self
                .registry
                .standing(SessionId(contents.id))
                .unwrap_or(Standing::Until(UnixTime(contents.ends_at), None)),
        }
    }

    /// Returns the state of the session with these contents, and its pending cookies.
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
        self.open_recorded(contents, held, request, doubt)
    }

    /// Returns what the provider's logout tokens say about the session with these contents.
    pub(super) fn provider_verdict(&self, contents: &Contents<'_>) -> ProviderVerdict {
        let Contents { sid, subject, signed_in_at, issued_at, .. } = *contents;
        let issuer = IssuerIndex(contents.issuer);
        let [signed_in_at, issued_at] = [signed_in_at, issued_at].map(UnixTime);
        self.provider_marks.verdict(ProviderSession { issuer, sid, subject, signed_in_at, issued_at })
    }

    /// Looks the session up in the registry, and returns the state of its newest generation.
    fn open_recorded<'w>(
        &self,
        contents: &Contents<'w>,
        held: &'w mut Option<Arc<[u8]>>,
        request: SessionRequest<'_>,
        doubt: Option<DoubtNumber>,
    ) -> (SessionState<'w>, Option<Arc<[HeaderValue]>>) {
        let context = |lease, latest: Latest| JudgeContext {
            request,
            lifetimes: self.lifetimes,
            lease,
            keeps_id_token: self.keeps_id_token,
            active_at: latest.active_at,
            must_refresh: doubt.is_some_and(|number| latest.answered < number),
        };
        let presentation = Presentation {
            now: request.now,
            active: request.active,
            idle: self.lifetimes.idle,
            unknown_lease: self.lease_of_unknown(contents),
        };
        match self.registry.record_presented(listed(contents), presentation) {
            Presented::Ended => (SessionState::Absent(Absence::Ended), None),
            Presented::Unknown => {
                self.detect_shared_keys(contents);
                if presentation.idle.is_some() {
                    self.registry.adopt(listed(contents), presentation);
                }
                let latest = Latest { active_at: UnixTime(contents.active_at), answered: 0 };
                (judge(contents, &context(presentation.unknown_lease, latest)), None)
            }
            Presented::Newest { lease, latest } => (judge(contents, &context(lease, latest)), None),
            Presented::Older { latest } => {
                let context = context(RefreshLease::TokenSpent, latest);
                let state = match judge(contents, &JudgeContext { must_refresh: false, ..context }) {
                    // Another request refreshes the newer cookie, which the browser has. This one must not end the
                    // session.
                    SessionState::Usable(_) if context.must_refresh => {
                        SessionState::Undetermined(Outage::Provider)
                    }
                    state => state,
                };
                (state, None)
            }
            Presented::Newer { result, lease, latest } => {
                match Contents::read(held.insert(result.contents)) {
                    Some(newer) => (judge(&newer, &context(lease, latest)), Some(result.cookies)),
                    None => (SessionState::Absent(Absence::Refused), None),
                }
            }
        }
    }

    /// Detects another process that seals sessions with the same keys, long after this one began.
    fn detect_shared_keys(&self, contents: &Contents<'_>) {
        if contents.process != self.process.id
            && contents.sealed_at > self.process.began_at.0 + HANDOVER_SECONDS
        {
            self.are_keys_shared.store(true, Ordering::Relaxed);
            self.audit.hint(&Hint::KeysAreShared);
        }
    }

    /// Returns the lease of a session that the registry does not know.
    ///
    /// Tokens that were due before this process began are not refreshed. An earlier process may have used the refresh
    /// token, and the browser may not have the result yet.
    fn lease_of_unknown(&self, contents: &Contents<'_>) -> RefreshLease {
        let was_not_due = contents.refresh_at > self.process.began_at.0;
        if was_not_due || contents.process == self.process.id {
            RefreshLease::Available
        } else {
            RefreshLease::TokenSpent
        }
    }

    /// Decodes and opens the parts of a value. The first part contains their number.
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

    /// Ends the session of a request. The result does not contain the cookies that remove it.
    pub(super) fn end_presented(
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
        let recent = self.registry.recent_result(SessionId(contents.id));
        // Another process may have created newer cookies of this session.
        let latest = UnixTime(contents.signed_in_at).plus(self.lifetimes.session);
        let ends_at = latest.max(UnixTime(contents.ends_at));
        let _is_recorded = self.registry.end(Listed { ends_at, ..listed(&contents) }, request.now);
        let newest = recent.as_ref().and_then(|recent| Contents::read(&recent.contents));
        let newest = newest.as_ref().unwrap_or(&contents);
        EndedSession {
            cookies: Vec::new(),
            subject,
            refresh_token: newest.refresh_token.and_then(Packed::secret),
            id_token: if self.keeps_id_token { newest.id_token } else { Packed::NONE }.secret(),
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
        policies: None,
    }
}
